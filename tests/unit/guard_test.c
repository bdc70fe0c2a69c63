/* guard_test.c - who is let in, as whom, and into which tenant. */
#include "unit/test.h"
#include "unit/with_identity.h"
#include "access/guard.h"
#include "identity/auth_http.h"
#include "identity/key_http.h"
#include "identity/signin_http.h"

static const Route plain = { .method = M_POST, .path = "/things/:id" };
static const Route once_route = { .method = M_POST, .path = "/things/:id", .is = ONCE };
static const Route may_route = { .method = M_POST, .path = "/things/:id", .is = ONCE_MAY };

/* A request with up to two headers. */
static Req request(const char *n1, Str v1, const char *n2, Str v2)
{
    Header *h = make(mem, Header, 2);
    h[0] = (Header){ str_of(n1), v1 };
    h[1] = (Header){ str_of(n2), v2 };
    return (Req){ .method = M_POST, .headers = h, .header_count = n2 != NULL ? 2 : n1 != NULL,
                  .path = S("/things/1"), .query = S(""), .body = S("{\"a\":1}"),
                  .peer = S("192.0.2.1"), .route = &plain };
}

static Str bearer(Ctx *cx, Role role)
{
    Str token;
    person_token(cx, (UserId){ uuid_new(cx->now) }, role, &token);
    return str_fmt(mem, "Bearer %.*s", STR_ARGS(token));
}

static FaultCode check(Ctx *cx, Access access, const char *n1, Str v1, const char *n2, Str v2)
{
    Req rq = request(n1, v1, n2, v2);
    fault_clear(cx);
    return guard_check(cx, &rq, access) ? OK : cx->fault.code;
}

TEST(an_open_route_takes_anybody_and_minds_no_bad_token)
{
    Ctx cx = with_identity();
    Str other = S("11111111-1111-1111-1111-111111111111");

    must(check(&cx, OPEN, NULL, S(""), NULL, S("")) == OK && cx.who.role == ANYONE);
    must(uuid_is(cx.tenant.v, TENANT_DEFAULT.v));
    must(check(&cx, OPEN, "authorization", S("Bearer x.y.z"), NULL, S("")) == OK && cx.who.role == ANYONE);
    must(check(&cx, OPEN, "Authorization", bearer(&cx, ADMIN), NULL, S("")) == OK && cx.who.role == ADMIN);
    must(check(&cx, OPEN, "X-Tenant-Id", other, NULL, S("")) == OK);
    must(str_is(uuid_str(mem, cx.tenant.v), other));
    must(check(&cx, OPEN, "X-Tenant-Id", S("shop"), NULL, S("")) == INVALID_TENANT);
    identity_done();
}

TEST(a_closed_route_says_what_is_wrong_with_the_token)
{
    Ctx cx = with_identity();
    Str good = bearer(&cx, CUSTOMER);

    must(check(&cx, SIGNED_IN, NULL, S(""), NULL, S("")) == UNAUTHORIZED);
    must(check(&cx, SIGNED_IN, "Authorization", S("Basic YTpi"), NULL, S("")) == UNAUTHORIZED);
    must(check(&cx, SIGNED_IN, "Authorization", S("Bearer"), NULL, S("")) == UNAUTHORIZED);
    must(check(&cx, SIGNED_IN, "Authorization", S("Bearer x"), NULL, S("")) == INVALID_TOKEN);
    must(check(&cx, SIGNED_IN, "Authorization", good, NULL, S("")) == OK && cx.who.role == CUSTOMER);
    must(check(&cx, ORGANISER, "AUTHORIZATION", good, NULL, S("")) == OK);
    must(check(&cx, ADMINS, "Authorization", good, NULL, S("")) == FORBIDDEN);
    must(check(&cx, ADMINS, "Authorization", bearer(&cx, VENUE_MANAGER), NULL, S("")) == FORBIDDEN);
    must(check(&cx, ADMINS, "Authorization", bearer(&cx, ADMIN), NULL, S("")) == OK);
    cx.now = later(cx.now, hours(1));
    must(check(&cx, SIGNED_IN, "Authorization", good, NULL, S("")) == TOKEN_EXPIRED);
    must(check(&cx, OPEN, "Authorization", good, NULL, S("")) == OK && cx.who.role == ANYONE);
    identity_done();
}

TEST(only_a_super_admin_looks_into_another_tenant)
{
    Ctx cx = with_identity();
    Str mine = uuid_str(mem, TENANT_DEFAULT.v), other = S("11111111-1111-1111-1111-111111111111");

    must(check(&cx, SIGNED_IN, "Authorization", bearer(&cx, ADMIN), "x-tenant-id", mine) == OK);
    must(check(&cx, SIGNED_IN, "Authorization", bearer(&cx, ADMIN), "x-tenant-id", other) == FORBIDDEN);
    cx.tenant = TENANT_DEFAULT;
    must(check(&cx, OPEN, "Authorization", bearer(&cx, ADMIN), "x-tenant-id", other) == FORBIDDEN);
    cx.tenant = TENANT_DEFAULT;
    must(check(&cx, SIGNED_IN, "Authorization", bearer(&cx, SUPER_ADMIN), "x-tenant-id", other) == OK);
    must(str_is(uuid_str(mem, cx.tenant.v), other));
    identity_done();
}

/* ---- writes that may be retried --------------------------------------------- */

static FaultCode once_of(Ctx *cx, const Route *route, Str key, Once *out)
{
    Req rq = request("Idempotency-Key", key, NULL, S(""));
    rq.route = route;
    if (key.at == NULL)
        rq.header_count = 0;
    fault_clear(cx);
    return guard_once(cx, &rq, out) ? OK : cx->fault.code;
}

TEST(an_idempotency_key_is_asked_for_where_it_is_needed_and_must_be_plain)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Once o;
    char *long_key = make(mem, char, 256);

    for (int i = 0; i < 256; i++)
        long_key[i] = 'k';
    must(once_of(&cx, &once_route, (Str){ 0 }, &o) == IDEMPOTENCY_KEY_REQUIRED);
    must(once_of(&cx, &may_route, (Str){ 0 }, &o) == OK && o.key.at == NULL);
    must(once_of(&cx, &once_route, S("a b"), &o) == INVALID_IDEMPOTENCY_KEY);
    must(once_of(&cx, &once_route, S(""), &o) == INVALID_IDEMPOTENCY_KEY);
    must(once_of(&cx, &once_route, (Str){ long_key, 256 }, &o) == INVALID_IDEMPOTENCY_KEY);
    must(once_of(&cx, &once_route, (Str){ long_key, 255 }, &o) == OK);
    must(once_of(&cx, &may_route, S("A-z_0:9.x"), &o) == OK && str_is(o.scope, S("POST /things/:id")));
    must(once_of(&cx, &plain, S("key"), &o) == OK && o.key.at == NULL);
}

typedef struct { bool success; } Made;
static int made;
static bool make_it(Ctx *cx, void *arg)
{
    (void)cx;
    made++;
    ((Made *)arg)->success = true;
    return true;
}

static Reply post(Ctx *cx, const char *path, const char *body, const char *key)
{
    Req rq = request("Idempotency-Key", str_of(key), NULL, S(""));
    Made m = { false };

    rq.route = &may_route;
    rq.path = str_of(path);
    rq.body = str_of(body);
    fault_clear(cx);
    if (!reply_once(cx, &rq, (Lane){ 0 }, make_it, &m, 201, &done_shape, &m))
        rq.reply.status = 0;
    return rq.reply;
}

TEST(a_retried_write_is_done_once_and_answered_alike)
{
    Ctx cx = with_identity();
    Reply first = post(&cx, "/things/1", "{}", "k1"), again = post(&cx, "/things/1", "{}", "k1");

    must(first.status == 201 && again.status == 201 && str_is(first.body, again.body) && made == 1);
    must(first.headers == NULL && str_is(again.headers->name, S("Idempotency-Replayed")));
    must(post(&cx, "/things/1", "{\"a\":2}", "k1").status == 0);
    must_fault(&cx, IDEMPOTENCY_KEY_MISMATCH);
    must(post(&cx, "/things/2", "{}", "k1").status == 0);      /* another thing is another request */
    must_fault(&cx, IDEMPOTENCY_KEY_MISMATCH);
    must(post(&cx, "/things/1", "{}", "k2").status == 201 && made == 2);
    identity_done();
}

/* ---- the handlers ------------------------------------------------------------ */

static Str called(Ctx *cx, Handler *run, const char *body, int *status)
{
    Req rq = request("Content-Type", S("application/json"), NULL, S(""));

    rq.body = str_of(body);
    fault_clear(cx);
    bool good = run(cx, &rq);
    *status = good ? rq.reply.status : fault_facts(cx->fault.code)->status;
    return rq.reply.body;
}

static Str member(Str json, const char *object, const char *name)
{
    Str why, s = { 0 };
    const Json *j = json_read(mem, json, &why);
    must(j != NULL);
    if (object != NULL)
        j = json_member(j, object);
    must(j != NULL && json_get_str(j, name, &s));
    return s;
}

TEST(the_main_path_answers_with_the_bodies_that_clients_rely_on)
{
    Ctx cx = with_identity();
    int status;

    Str body = called(&cx, auth_register, "{\"email\":\"Ada@example.org\",\"password\":\"Blue-Kettle-42\","
                      "\"firstName\":\"Ada\",\"lastName\":\"Byron\"}", &status);
    must(status == 201 && str_is(member(body, "user", "role"), S("customer")));
    must(str_is(member(body, "user", "tenantId"), uuid_str(mem, TENANT_DEFAULT.v)));
    must(str_has(body, S("\"emailVerified\":false")) && str_has(body, S("\"mfaEnabled\":false")));
    must(str_has(body, S("\"expiresIn\":900")) && !str_has(body, S("assword")));
    (void)called(&cx, auth_register, "{\"email\":\"ada@example.org\",\"password\":\"Blue-Kettle-42\","
                 "\"firstName\":\"Ada\",\"lastName\":\"Byron\"}", &status);
    must(status == 409);

    body = called(&cx, auth_login, "{\"email\":\"ada@example.org\",\"password\":\"Blue-Kettle-42\","
                  "\"mfaToken\":\"123456\"}", &status);
    must(status == 200);
    Str access = member(body, "tokens", "accessToken");
    (void)called(&cx, auth_login, "{\"email\":\"ada@example.org\",\"password\":\"x\"}", &status);
    must(status == 401);

    Str refresh = str_fmt(mem, "{\"refreshToken\":\"%.*s\"}", STR_ARGS(member(body, "tokens", "refreshToken")));
    body = called(&cx, auth_refresh, str_z(mem, refresh), &status);
    must(status == 200 && member(body, NULL, "accessToken").len > 0);

    must(check(&cx, SIGNED_IN, "Authorization", str_fmt(mem, "Bearer %.*s", STR_ARGS(access)), NULL, S("")) == OK);
    body = called(&cx, auth_me, "", &status);
    must(status == 200 && str_is(member(body, "user", "email"), S("ada@example.org")));
    body = called(&cx, key_set, "", &status);
    must(status == 200 && str_starts(body, S("{\"keys\":[{")));
    body = called(&cx, signin_leave, "", &status);
    must(status == 200 && str_is(body, S("{\"success\":true}")));
    must(check(&cx, SIGNED_IN, "Authorization", str_fmt(mem, "Bearer %.*s", STR_ARGS(access)), NULL, S("")) == INVALID_TOKEN);
    (void)called(&cx, auth_refresh, str_z(mem, refresh), &status);
    must(status == 401);
    identity_done();
}

TEST(operators_are_super_admins_and_who_shows_the_operators_token)
{
    Ctx cx = with_identity();
    Str token = S("Bearer 0123456789abcdef0123456789abcdef");

    must(check(&cx, OPERATORS, "Authorization", token, NULL, S("")) == INVALID_TOKEN);
    guard_operator(S("0123456789abcdef0123456789abcdef"));
    must(check(&cx, OPERATORS, "Authorization", token, NULL, S("")) == OK);
    must(uuid_zero(cx.who.user.v));
    must(check(&cx, ADMINS, "Authorization", token, NULL, S("")) == INVALID_TOKEN);
    must(check(&cx, OPEN, "Authorization", token, NULL, S("")) == OK && cx.who.role == ANYONE);
    must(check(&cx, SUPERS, "Authorization", token, NULL, S("")) == INVALID_TOKEN);
    must(check(&cx, SUPERS, "Authorization", bearer(&cx, ADMIN), NULL, S("")) == FORBIDDEN);
    must(check(&cx, SUPERS, "Authorization", bearer(&cx, SUPER_ADMIN), NULL, S("")) == OK);
    must(check(&cx, OPERATORS, "Authorization", S("Bearer 0123"), NULL, S("")) == INVALID_TOKEN);
    must(check(&cx, OPERATORS, NULL, S(""), NULL, S("")) == UNAUTHORIZED);
    must(check(&cx, OPERATORS, "Authorization", bearer(&cx, ADMIN), NULL, S("")) == FORBIDDEN);
    must(check(&cx, OPERATORS, "Authorization", bearer(&cx, SUPER_ADMIN), NULL, S("")) == OK);
    guard_operator((Str){ 0 });
    must(check(&cx, OPERATORS, "Authorization", S("Bearer "), NULL, S("")) != OK);
    must(check(&cx, OPERATORS, "Authorization", token, NULL, S("")) == INVALID_TOKEN);
    identity_done();
}
