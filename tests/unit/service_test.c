/* service_test.c - who may speak as a service, and what is told to who may not. */
#include "unit/test.h"
#include "unit/with_identity.h"
#include <pthread.h>
#include "access/guard.h"
#include "access/service.h"
#include "access/service_revoked.h"
#include "base/file.h"
#include "identity/tenant.h"
#include "proof/base64.h"

static const Route plain = { .method = M_POST, .path = "/things/:id" };

/* An identity with this list of services. */
static Ctx with_services(const char *json)
{
    Ctx cx;

    test_services = (ServiceConfig){ .id = S("tickettoken"), .environment = S("test") };
    if (json != NULL) {
        Str path = str_of(temp_path(str_z(mem, uuid_str(mem, uuid_new(time_now())))));
        must(file_write_private(mem, path, str_of(json)));
        test_services.list.file = path;
    }
    cx = with_identity();
    return cx;
}

static Str secret_file(const char *text)
{
    Str path = str_of(temp_path(str_z(mem, uuid_str(mem, uuid_new(time_now())))));
    must(file_write_private(mem, path, str_of(text)));
    return path;
}

static Assertion good(const Ctx *cx)
{
    Instant now = { cx->now.ms / 1000 * 1000 };
    return (Assertion){ .issuer = S("venue-service"), .subject = S("venue-service"),
                        .environment = S("test"), .scopes = MAY_EVENTS_READ | MAY_EVENTS_WRITE,
                        .issued = now, .expires = later(now, seconds(300)) };
}

static Str signed_by(const Assertion *a, Secret s) { return assertion_write(mem, a, &s); }
static Str text_of(const Assertion *a)             { return signed_by(a, test_service_secret); }

static FaultCode checked(Ctx *cx, Str token)
{
    Peer p;
    fault_clear(cx);
    return service_check(cx, token, &p) ? OK : cx->fault.code;
}

TEST(a_trusted_service_may_what_both_its_token_and_the_list_say)
{
    Ctx cx = with_services(NULL);
    Assertion a = good(&cx);
    Peer p;

    must(service_check(&cx, text_of(&a), &p) && str_is(p.service, S("venue-service")));
    must(p.scopes == (MAY_EVENTS_READ | MAY_EVENTS_WRITE));
    a.scopes = MAY_EVENTS_READ | MAY_ADMIN | MAY_ORDERS_WRITE;
    must(service_check(&cx, text_of(&a), &p) && p.scopes == MAY_EVENTS_READ);
    identity_done();
}

TEST(a_token_of_another_time_place_or_name_is_refused)
{
    Ctx cx = with_services(NULL);
    Assertion a = good(&cx);

    a.issued = earlier(a.issued, seconds(300)), a.expires = earlier(a.expires, seconds(300));
    must(checked(&cx, text_of(&a)) == SERVICE_TOKEN_EXPIRED);
    a = good(&cx), a.issued = later(a.issued, seconds(60)), a.expires = later(a.expires, seconds(60));
    must(checked(&cx, text_of(&a)) == INVALID_SERVICE_TOKEN);
    a = good(&cx), a.expires = later(a.expires, seconds(1));        /* lives too long */
    must(checked(&cx, text_of(&a)) == INVALID_SERVICE_TOKEN);
    a = good(&cx), a.expires = a.issued;
    must(checked(&cx, text_of(&a)) == INVALID_SERVICE_TOKEN);
    a = good(&cx), a.environment = S("production");
    must(checked(&cx, text_of(&a)) == INVALID_SERVICE_TOKEN);
    a = good(&cx), a.audience = S("ticket-service");
    must(checked(&cx, text_of(&a)) == INVALID_SERVICE_TOKEN);
    a = good(&cx), a.audience = S("tickettoken");
    must(checked(&cx, text_of(&a)) == OK);
    a = good(&cx), a.issuer = S("mallory-service");
    must(checked(&cx, text_of(&a)) == UNTRUSTED_SERVICE);
    a = good(&cx), a.issuer = S("tickettoken");                     /* ourselves, reflected */
    must(checked(&cx, text_of(&a)) == UNTRUSTED_SERVICE);
    identity_done();
}

/* The token again with one thing changed in its JSON. */
static Str altered(Str token, const char *from, const char *to)
{
    Str text;
    must(base64_any_read(mem, token, &text));
    isize n = (isize)strlen(from), at = 0;
    while (at + n <= text.len && !str_is(str_sub(text, at, at + n), str_of(from)))
        at++;
    must(at + n <= text.len);
    Str out = str_fmt(mem, "%.*s%s%.*s", STR_ARGS(str_sub(text, 0, at)), to,
                      STR_ARGS(str_sub(text, at + n, text.len)));
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    Buf b = buf_in(mem, 2 * out.len);
    for (isize i = 0; i < out.len; i += 3) {
        u32 v = 0;
        for (isize k = 0; k < 3; k++)
            v = v << 8 | (i + k < out.len ? (u8)out.at[i + k] : 0);
        for (isize k = 0; k < 4; k++)
            buf_byte(&b, i + k > out.len ? '=' : abc[v >> (18 - 6 * k) & 63]);
    }
    return buf_str(&b);
}

TEST(nothing_of_a_token_can_be_altered_and_it_has_one_spelling)
{
    Ctx cx = with_services(NULL);
    Assertion a = good(&cx);
    Str t = text_of(&a);

    must(checked(&cx, altered(t, "\"test\"", "\"test\"")) == OK);
    must(checked(&cx, altered(t, "events:read", "admin:*")) == INVALID_SERVICE_SIGNATURE);
    must(checked(&cx, altered(t, "venue-service", "auth-service")) == INVALID_SERVICE_SIGNATURE);
    must(checked(&cx, altered(t, "\"iss\"", "\"iss\":\"auth-service\",\"iss\"")) == INVALID_SERVICE_TOKEN);
    must(checked(&cx, altered(t, ",\"sig\"", ", \"sig\"")) == INVALID_SERVICE_TOKEN);
    must(checked(&cx, altered(t, "\"}", "\",\"x\":1}")) == INVALID_SERVICE_TOKEN);
    must(checked(&cx, altered(t, "\"iat\"", "\"iat\":1,\"iat\"")) == INVALID_SERVICE_TOKEN);
    must(checked(&cx, str_sub(t, 0, t.len - 1)) == INVALID_SERVICE_TOKEN);
    must(checked(&cx, str_fmt(mem, "%.*s=", STR_ARGS(t))) == INVALID_SERVICE_TOKEN);
    must(checked(&cx, S("")) == INVALID_SERVICE_TOKEN && checked(&cx, S("e30=")) == INVALID_SERVICE_TOKEN);
    char *big = make(mem, char, SERVICE_TOKEN_MOST + 4);
    memset(big, 'A', SERVICE_TOKEN_MOST + 4);
    must(checked(&cx, (Str){ big, SERVICE_TOKEN_MOST + 4 }) == INVALID_SERVICE_TOKEN);
    must(checked(&cx, signed_by(&a, test_master)) == INVALID_SERVICE_SIGNATURE);
    identity_done();
}

TEST(without_a_secret_nobody_is_a_service)
{
    Ctx cx = with_services(NULL);
    Assertion a = good(&cx);
    Secret none = { (u8 *)(uintptr_t) "", 0 };

    service_close();
    ServiceConfig c = { .id = S("tickettoken"), .environment = S("test") };
    Str why;
    must(service_open(mem, &c, &why) && none.len == 0);
    must(checked(&cx, text_of(&a)) == INVALID_SERVICE_SIGNATURE);
    must(service_assertion(&cx, S("ticket-service")).at == NULL);
    identity_done();
}

TEST(a_replaced_secret_is_good_for_a_day_and_signs_nothing)
{
    Secret old = { (u8 *)(uintptr_t) "the secret from before, also of 40 bytes", 40 };
    test_services = (ServiceConfig){ .id = S("tickettoken"), .environment = S("test") };
    test_services.list.shared.before = old;
    test_services.list.shared.before_until = later(time_now(), hours(24));
    Ctx cx = with_identity();
    Assertion a = good(&cx);

    must(checked(&cx, signed_by(&a, old)) == OK && checked(&cx, text_of(&a)) == OK);
    Claimed c;
    const char *why;
    must(assertion_read(mem, service_assertion(&cx, S("ticket-service")), &c, &why));
    must(assertion_holds(&c, &(Keys){ .now = test_service_secret }, cx.now));
    cx.now = later(cx.now, hours(25));
    a = good(&cx);
    must(checked(&cx, signed_by(&a, old)) == INVALID_SERVICE_SIGNATURE);
    must(checked(&cx, text_of(&a)) == OK);
    identity_done();
    test_services.list.shared = (Keys){ 0 };
}

TEST(a_service_with_a_secret_of_its_own_is_spoken_for_by_nobody_else_and_must_name_us)
{
    Str own = secret_file("the scanner's own secret, thirty-two bytes and more\n");
    Secret key = { (u8 *)(uintptr_t) "the scanner's own secret, thirty-two bytes and more", 51 };
    Ctx cx = with_services(str_fmt(mem, "{\"services\":[{\"id\":\"scanner\",\"scopes\":[\"tickets:read\"],"
                                   "\"secretFile\":\"%.*s\"},{\"id\":\"venue-service\",\"scopes\":[]}]}",
                                   STR_ARGS(own)).at);
    Assertion a = good(&cx);

    a.issuer = S("scanner");
    must(checked(&cx, text_of(&a)) == INVALID_SERVICE_SIGNATURE);    /* SERVICE_SECRET */
    must(checked(&cx, signed_by(&a, key)) == INVALID_SERVICE_TOKEN); /* names nobody   */
    a.audience = S("ticket-service");
    must(checked(&cx, signed_by(&a, key)) == INVALID_SERVICE_TOKEN);
    a.audience = S("tickettoken");
    must(checked(&cx, signed_by(&a, key)) == OK);
    a.issuer = S("venue-service");
    must(checked(&cx, signed_by(&a, key)) == INVALID_SERVICE_SIGNATURE);
    identity_done();
    test_services.list.file = (Str){ 0 };
}

static bool list_is_good(const char *json, const char *trusted)
{
    Str path = secret_file(json), why = { 0 };
    ServiceConfig c = { .id = S("tickettoken"), .environment = S("test"),
                        .list = { .file = path, .trusted = str_of(trusted) } };
    bool is = service_open(mem, &c, &why);

    must(is || why.len > 0);
    if (is)
        service_close();
    return is;
}

TEST(a_list_that_makes_no_sense_stops_the_start)
{
    must(list_is_good("{\"services\":[]}", ""));
    must(list_is_good("{\"services\":[{\"id\":\"a\",\"scopes\":[]}]}", "a"));
    must(!list_is_good("{\"services\":[{\"id\":\"a\",\"scopes\":[]}]}", "b"));
    must(!list_is_good("[]", ""));
    must(!list_is_good("{", ""));
    must(!list_is_good("{\"services\":[{\"id\":\"a\"}]}", ""));
    must(!list_is_good("{\"services\":[{\"id\":\"A B\",\"scopes\":[]}]}", ""));
    must(!list_is_good("{\"services\":[{\"id\":\"a\",\"scopes\":[\"events:raed\"]}]}", ""));
    must(!list_is_good("{\"services\":[{\"id\":\"a\",\"scopes\":[]},{\"id\":\"a\",\"scopes\":[]}]}", ""));
    must(!list_is_good("{\"services\":[{\"id\":\"a\",\"scopes\":[],\"secretFile\":\"/no/such\"}]}", ""));
    Str own = secret_file("a secret of thirty-two bytes and more, to be sure\n");
    must(!list_is_good(str_fmt(mem, "{\"services\":[{\"id\":\"a\",\"scopes\":[],\"secretFile\":\"%.*s\","
                               "\"previousSecretFile\":\"%.*s\"}]}", STR_ARGS(own), STR_ARGS(own)).at, ""));
    must(list_is_good(str_fmt(mem, "{\"services\":[{\"id\":\"a\",\"scopes\":[],\"secretFile\":\"%.*s\","
                              "\"previousSecretFile\":\"%.*s\",\"rotatedAt\":\"2026-11-22T08:00:00Z\"}]}",
                              STR_ARGS(own), STR_ARGS(own)).at, ""));
}

TEST(only_the_services_that_are_trusted_are)
{
    test_services = (ServiceConfig){ .id = S("tickettoken"), .environment = S("test"),
                                     .list = { .trusted = S("auth-service, ticket-service") } };
    Ctx cx = with_identity();
    Assertion a = good(&cx);

    must(checked(&cx, text_of(&a)) == UNTRUSTED_SERVICE);
    a.issuer = S("ticket-service");
    must(checked(&cx, text_of(&a)) == OK);
    identity_done();
    test_services.list.trusted = (Str){ 0 };
}

/* ---- what we say ------------------------------------------------------------- */

TEST(one_assertion_serves_until_a_minute_before_its_end)
{
    Ctx cx = with_services(NULL);
    Str one = service_assertion(&cx, S("ticket-service"));

    must(str_is(one, service_assertion(&cx, S("ticket-service"))));
    cx.now = later(cx.now, seconds(238));
    must(str_is(one, service_assertion(&cx, S("ticket-service"))));
    cx.now = later(cx.now, seconds(3));
    Str two = service_assertion(&cx, S("ticket-service"));
    must(!str_is(one, two));
    must(!str_is(two, service_assertion(&cx, S("order-service"))));
    cx.who.user = (UserId){ { { 7 } } };
    Str his = service_assertion(&cx, S("ticket-service"));
    must(!str_is(two, his));
    Claimed c;
    const char *why;
    must(assertion_read(mem, his, &c, &why) && uuid_is(c.a.user.v, cx.who.user.v));
    must(uuid_is(c.a.tenant.v, cx.tenant.v) && str_is(c.a.audience, S("ticket-service")));
    must(before(later(cx.now, seconds(60)), c.a.expires));
    identity_done();
}

/* Names that are alike at the end, at the beginning, or in all that a place has room for. */
TEST(an_assertion_is_remembered_for_its_own_tenant_person_and_audience_alone)
{
    Ctx cx = with_services(NULL);
    Str longest = str_fmt(mem, "%0104d", 0), longer = str_fmt(mem, "%.*s1", STR_ARGS(longest));
    const Str audiences[] = { S("a"), S("b"), S("ab"), S("ba"), longest, longer,
                              str_fmt(mem, "%.*s2", STR_ARGS(longest)) };
    Claimed c;
    const char *why;

    for (int round = 0; round < 2; round++)
        for (int n = 0; n < 9 * countof(audiences); n++) {
            Str audience = audiences[n % countof(audiences)];
            isize who = n / countof(audiences);
            cx.tenant = (TenantId){ { { [0] = (u8)(who % 3), [15] = 1 } } };
            cx.who.user = (UserId){ { { [0] = (u8)(who / 3), [15] = 1 } } };
            must(assertion_read(mem, service_assertion(&cx, audience), &c, &why));
            must(uuid_is(c.a.user.v, cx.who.user.v) && uuid_is(c.a.tenant.v, cx.tenant.v) &&
                 str_is(c.a.audience, audience));
        }
    identity_done();
}

TEST(who_puts_us_into_the_list_says_what_our_tokens_ask_for)
{
    Ctx cx = with_services("{\"services\":[{\"id\":\"tickettoken\",\"scopes\":[\"events:read\"]}]}");
    Claimed c;
    const char *why;

    must(assertion_read(mem, service_assertion(&cx, S("ticket-service")), &c, &why));
    must(c.a.scopes == MAY_EVENTS_READ);
    identity_done();
    cx = with_services(NULL);
    must(assertion_read(mem, service_assertion(&cx, S("ticket-service")), &c, &why));
    must(c.a.scopes == (unsigned)ALL_SCOPES);
    identity_done();
}

TEST(a_call_says_all_that_file_000_lists)
{
    Ctx cx = with_services(NULL);
    Header h[SERVICE_HEADERS];
    int n = service_headers(&cx, S("ticket-service"), S("a=b"), h);
    Req rq = { .headers = h, .header_count = n };

    must(n == SERVICE_HEADERS && req_header(&rq, S("x-service-token")).len > 200);
    must(str_is(req_header(&rq, S("x-service-id")), S("tickettoken")));
    must(str_starts(req_header(&rq, S("user-agent")), S("tickettoken/")));
    must(req_header(&rq, S("traceparent")).len == 55 && str_is(req_header(&rq, S("tracestate")), S("a=b")));
    must(req_header(&rq, S("x-request-id")).len == 32);
    Instance i = service_instance(&cx);
    must(str_starts(i.id, S("tickettoken-")) && i.fingerprint.len == 16);
    identity_done();
}

/* ---- taking back ------------------------------------------------------------- */

TEST(what_was_taken_back_stays_so_over_a_restart_and_says_why)
{
    Ctx cx = with_services(NULL);
    Assertion a = good(&cx), b = a;
    Str one = text_of(&a), two = text_of(&b), other;
    Digest d = sha256(one);
    i64 gone;

    must(!str_is(one, two));
    must(service_revoke(&cx, A_TOKEN, hex_write(mem, d.b, SHA256_BYTES), S("leaked"), a.expires));
    must(checked(&cx, one) == SERVICE_TOKEN_REVOKED && str_is(cx.fault.said, S("Token revoked: leaked")));
    must(checked(&cx, two) == OK);
    fault_clear(&cx);
    must(service_revoke(&cx, A_SERVICE, S("venue-service"), S("stolen laptop"), (Instant){ 0 }));
    must(checked(&cx, two) == SERVICE_REVOKED && str_is(cx.fault.said, S("Service revoked: stolen laptop")));
    identity_gone();
    identity_again();
    must(checked(&cx, one) == SERVICE_TOKEN_REVOKED && checked(&cx, two) == SERVICE_REVOKED);
    a.issuer = S("ticket-service");
    other = text_of(&a);
    must(checked(&cx, other) == OK);
    fault_clear(&cx);
    must(service_unrevoke(&cx, S("venue-service")) && checked(&cx, two) == OK);
    identity_gone();
    identity_again();
    must(checked(&cx, two) == OK && checked(&cx, one) == SERVICE_TOKEN_REVOKED);

    Revocation *rows;
    isize n;
    fault_clear(&cx);
    must(service_revocations(&cx, &rows, &n) && n == 1 && rows[0].kind == A_TOKEN);
    cx.now = later(cx.now, days(3));
    must(service_revoked_sweep(&cx, &gone) && gone == 2);
    identity_done();
}

TEST(a_forger_is_not_told_that_a_service_is_revoked)
{
    Ctx cx = with_services(NULL);
    Assertion a = good(&cx);

    must(service_revoke(&cx, A_SERVICE, S("venue-service"), S("a secret reason"), (Instant){ 0 }));
    must(checked(&cx, signed_by(&a, test_master)) == INVALID_SERVICE_SIGNATURE);
    must(cx.fault.said.at == NULL);
    identity_done();
}

/* ---- at the door -------------------------------------------------------------- */

static FaultCode enters(Ctx *cx, unsigned access, Str token, Str tenant, Str bearer)
{
    Header h[3];
    isize n = 0;

    if (token.at != NULL)
        h[n++] = (Header){ S("X-Service-Token"), token };
    if (tenant.at != NULL)
        h[n++] = (Header){ S("X-Tenant-Id"), tenant };
    if (bearer.at != NULL)
        h[n++] = (Header){ S("Authorization"), bearer };
    Req rq = { .method = M_POST, .headers = h, .header_count = n, .path = S("/things/1"),
               .peer = S("192.0.2.1"), .route = &plain };
    fault_clear(cx);
    return guard_machine(cx, &rq) && guard_check(cx, &rq, access) ? OK : cx->fault.code;
}

TEST(a_machine_comes_as_far_as_its_scopes_and_says_for_whom)
{
    Ctx cx = with_services(NULL);
    Assertion a = good(&cx);
    Str t = text_of(&a), none = { 0 }, mine = uuid_str(mem, TENANT_DEFAULT.v);
    Str other = S("11111111-1111-1111-1111-111111111111");

    must(enters(&cx, MACHINES | MAY_EVENTS_WRITE, t, other, none) == INVALID_TENANT);   /* there is none */
    fault_clear(&cx);
    must(tenant_ensure(&cx));
    must(enters(&cx, MACHINES | MAY_EVENTS_WRITE, t, mine, none) == OK);
    must(cx.who.comer == A_PEER && str_is(cx.who.service, S("venue-service")));
    must(enters(&cx, ORGANISER | MAY_EVENTS_WRITE, t, other, none) == OK);
    must(cx.who.role == VENUE_MANAGER && str_is(uuid_str(mem, cx.tenant.v), other));
    must(enters(&cx, MACHINES | MAY_EVENTS_WRITE, t, none, none) == MISSING_TENANT_HEADER);
    must(enters(&cx, MACHINES | MAY_EVENTS_WRITE, t, S("x"), none) == INVALID_TENANT);
    must(enters(&cx, SERVICES | MAY_EVENTS_WRITE, t, none, none) == OK);
    must(enters(&cx, MACHINES | MAY_ORDERS_READ, t, mine, none) == INSUFFICIENT_SCOPE);
    must(str_is(cx.fault.said, S("Missing scope: orders:read")));
    must(enters(&cx, SIGNED_IN, t, mine, none) == SERVICE_NOT_ALLOWED);
    must(enters(&cx, MACHINES | MAY_EVENTS_WRITE, none, mine, none) == MISSING_SERVICE_TOKEN);
    must(enters(&cx, OPEN, t, none, none) == OK && cx.who.comer == A_PEER && cx.who.role == ANYONE);
    must(enters(&cx, OPEN, S("x"), none, none) == INVALID_SERVICE_TOKEN);
    must(enters(&cx, SUPERS | MAY_ADMIN, t, none, none) == INSUFFICIENT_SCOPE);
    a.issuer = S("auth-service"), a.scopes = MAY_ADMIN;
    t = text_of(&a);
    must(enters(&cx, SUPERS | MAY_ADMIN, t, none, none) == OK && cx.who.role == SUPER_ADMIN);
    must(enters(&cx, MACHINES | MAY_ORDERS_READ, t, mine, none) == OK);
    identity_done();
}

TEST(a_token_that_names_a_tenant_is_for_no_other_and_a_person_stays_one)
{
    Ctx cx = with_services(NULL);
    Assertion a = good(&cx);
    Str none = { 0 }, other = S("11111111-1111-1111-1111-111111111111"), his;

    a.tenant = TENANT_DEFAULT;
    a.user = (UserId){ { { 9 } } };
    Str t = text_of(&a);
    must(enters(&cx, MACHINES | MAY_EVENTS_READ, t, none, none) == OK && uuid_is(cx.who.user.v, a.user.v));
    must(enters(&cx, MACHINES | MAY_EVENTS_READ, t, other, none) == FORBIDDEN);
    person_token(&cx, (UserId){ uuid_new(cx.now) }, CUSTOMER, &his);
    his = str_fmt(mem, "Bearer %.*s", STR_ARGS(his));
    must(enters(&cx, SIGNED_IN, t, none, his) == OK && cx.who.comer == A_PERSON && cx.who.role == CUSTOMER);
    must(enters(&cx, ADMINS, t, none, his) == FORBIDDEN);
    must(enters(&cx, SIGNED_IN | MAY_EVENTS_READ, t, none, his) == OK && cx.who.comer == A_PERSON);
    must(enters(&cx, ORGANISER | MAY_EVENTS_WRITE, t, none, his) == OK && cx.who.role == CUSTOMER);
    must(enters(&cx, MACHINES | MAY_EVENTS_READ, t, none, his) == OK && cx.who.comer == A_PEER);
    must(enters(&cx, OPEN, t, none, none) == OK && uuid_zero(cx.who.user.v));
    identity_done();
}

TEST(scopes_are_words_and_admin_contains_them_all)
{
    Str unknown, why;
    unsigned s;

    must(scope_find(S("events:write")) == MAY_EVENTS_WRITE && scope_find(S("events")) == 0);
    must(scope_covers(MAY_ADMIN, ALL_SCOPES) && !scope_covers(MAY_EVENTS_READ, MAY_EVENTS_WRITE));
    must(scopes_read(json_read(mem, S("[\"events:read\",\"odd\",\"admin:*\"]"), &why), &s, &unknown));
    must(s == (MAY_EVENTS_READ | MAY_ADMIN) && str_is(unknown, S("odd")));
    must(!scopes_read(json_read(mem, S("[1]"), &why), &s, &unknown));
    must(str_is(scopes_str(mem, MAY_EVENTS_READ | MAY_ADMIN), S("events:read, admin:*")));
}

TEST(an_instance_has_another_name_long_before_its_end)
{
    Ctx cx = with_services(NULL);
    Instance first = service_instance(&cx);

    must(first.until.ms - cx.now.ms > days(29).ms);
    cx.now = later(cx.now, days(19));
    service_watch(&cx);
    must(str_is(service_instance(&cx).id, first.id));
    cx.now = later(cx.now, days(2));
    service_watch(&cx);
    Instance second = service_instance(&cx);
    must(!str_is(second.id, first.id) && str_is(second.fingerprint, first.fingerprint));
    must(second.until.ms == later(cx.now, INSTANCE_LASTS).ms);
    identity_done();
}

/* ---- another list while it runs ---------------------------------------------------- */

static ServiceList *list_of(const char *json, const Secret *shared, const Secret *before_it)
{
    Str why = { 0 };
    ServicesConfig c = { .file = secret_file(json), .shared = { .now = *shared } };

    if (before_it != NULL)
        c.shared = (Keys){ *shared, *before_it, later(time_now(), SECRET_OVERLAP) };
    ServiceList *l = services_read(mem, &c, &why);
    must(l != NULL || why.len > 0);
    return l;
}

#define VENUES "{\"services\":[{\"id\":\"venue-service\",\"scopes\":[\"events:read\",\"events:write\"]}]}"

TEST(another_list_takes_the_place_of_the_one_before_and_a_bad_one_does_not)
{
    Ctx cx = with_services(NULL);
    Secret next = { (u8 *)(uintptr_t) "the secret that comes after the first one", 41 };
    Assertion a = good(&cx);
    Str old = text_of(&a), print = service_instance(&cx).fingerprint;
    Str said = service_assertion(&cx, S("ticket-service"));

    must(list_of("{\"services\":[{}]}", &next, NULL) == NULL && checked(&cx, old) == OK);
    services_drop(list_of(VENUES, &next, NULL));
    must(checked(&cx, old) == OK && checked(&cx, signed_by(&a, next)) != OK);
    service_change(list_of(VENUES, &next, &test_service_secret));
    must(checked(&cx, old) == OK && checked(&cx, signed_by(&a, next)) == OK);
    must(!str_is(service_assertion(&cx, S("ticket-service")), said));
    must(!str_is(service_instance(&cx).fingerprint, print));
    service_change(list_of(VENUES, &next, NULL));
    must(checked(&cx, old) == INVALID_SERVICE_SIGNATURE);
    service_change(list_of("{\"services\":[]}", &next, NULL));
    must(checked(&cx, signed_by(&a, next)) == UNTRUSTED_SERVICE);
    identity_done();
}

/* ---- many at once --------------------------------------------------------------- */

static _Atomic bool ended;
static _Atomic int odd;

static void *speak(void *arg)
{
    Arena own = { 0 };
    Peer p;
    const Str *token = arg;

    for (int i = 0; !ended || i < 200; i++) {
        Ctx cx = ctx_new(&own, TENANT_DEFAULT);
        cx.who.user.v.b[0] = (u8)i;
        Str mine = service_assertion(&cx, S("ticket-service"));
        Claimed c;
        const char *why;
        if (!assertion_read(cx.mem, mine, &c, &why) || c.a.user.v.b[0] != (u8)i)
            odd++;
        if (!service_check(&cx, *token, &p) && cx.fault.code != SERVICE_REVOKED)
            odd++;
        arena_reset(&own, 64 << 10);
    }
    arena_close(&own);
    return NULL;
}

TEST(threads_speak_and_are_checked_while_a_service_is_taken_back_and_let_go_on)
{
    Ctx cx = with_services(NULL);
    Assertion a = good(&cx);
    Str t = text_of(&a);
    pthread_t threads[6];

    ended = false;
    for (int i = 0; i < 6; i++)
        must(pthread_create(&threads[i], NULL, speak, &t) == 0);
    for (int i = 0; i < 30; i++)
        must(service_revoke(&cx, A_SERVICE, S("venue-service"), S("a reason"), (Instant){ 0 }) &&
             service_revoked_watch(&cx) && service_unrevoke(&cx, S("venue-service")));
    ended = true;
    for (int i = 0; i < 6; i++)
        must(pthread_join(threads[i], NULL) == 0);
    must(odd == 0);
    identity_done();
}

TEST(threads_are_let_in_while_the_secret_is_replaced_again_and_again)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnop";
    Ctx cx = with_services(NULL);
    Assertion a = good(&cx);
    Str t = text_of(&a);
    pthread_t threads[6];

    ended = false;
    odd = 0;
    for (int i = 0; i < 6; i++)
        must(pthread_create(&threads[i], NULL, speak, &t) == 0);
    for (int i = 0; i < 200; i++) {               /* the threads' own stays as the one before */
        Secret next = { (u8 *)(uintptr_t)(letters + i % 10), 40 };
        service_change(list_of(VENUES, &next, &test_service_secret));
    }
    ended = true;
    for (int i = 0; i < 6; i++)
        must(pthread_join(threads[i], NULL) == 0);
    must(odd == 0);
    identity_done();
}
