/* guard.c - an open route looks at a token that comes, but doesn't mind a bad one: a
 * client whose access token has expired sends it along when it comes to refresh.
 *
 * On an io thread (INLINE) nothing may wait: the keys of another issuer and the account
 * behind its token are not asked for there, only remembered; guard_learn asks for
 * them. */
#include "access/guard.h"
#include "access/machine.h"
#include "access/service_jwt.h"
#include "base/crypto.h"
#include "base/lock.h"
#include "identity/foreign.h"
#include "identity/fresh.h"
#include "identity/revoked.h"
#include "identity/role.h"
#include "identity/tenant.h"
#include "identity/token.h"

enum { KEY_LETTERS = 255 };

static struct { Lock lock; bool any; Digest token; } operator = { .lock = LOCK_OF(RANK_KEYS) };

void guard_operator(Str token)
{
    lock(&operator.lock);
    operator.any = token.at != NULL;
    operator.token = sha256(token);
    unlock(&operator.lock);
}

static bool is_operator(Str token)
{
    Digest d = sha256(token);

    lock(&operator.lock);
    bool is = operator.any && same_bytes(d.b, operator.token.b, SHA256_BYTES);
    unlock(&operator.lock);
    return is;
}

/* "Bearer TOKEN", the word in any case (RFC 9110 section 11.1); absent when it is not. */
static Str bearer_of(const Req *rq)
{
    Str rest = req_header(rq, S("authorization")), scheme = str_cut(&rest, ' ');

    if (rest.at == NULL || !str_is_nocase(scheme, S("bearer")))
        return (Str){ 0 };
    return str_trim(rest);
}

/* Lets in who the token says, and no further. */
static void let_in(Ctx *cx, const Claims *c)
{
    cx->tenant = c->tenant;
    cx->who = (Who){ .user = c->user, .role = c->role, .session = c->session,
                      .home = c->tenant, .epoch = c->epoch };
}

static bool read_tenant_header(Ctx *cx, const Req *rq, TenantId *out)
{
    Str header = req_header(rq, S("x-tenant-id"));

    *out = (TenantId){ 0 };
    return header.at == NULL || (uuid_read(header, &out->v) && !uuid_zero(out->v)) ||
           fail(cx, INVALID_TENANT, "X-Tenant-Id is no id");
}

static bool check_tenant_header(Ctx *cx, const Req *rq)
{
    TenantId asked;

    if (!read_tenant_header(cx, rq, &asked))
        return false;
    if (uuid_zero(asked.v) || uuid_is(asked.v, cx->tenant.v))
        return true;
    if (cx->who.role != ANYONE && !role_covers(cx->who.role, SUPER_ADMIN))
        return fail(cx, FORBIDDEN, "X-Tenant-Id is not the token's tenant");
    cx->tenant = asked;
    return true;
}

static bool read_token(Ctx *cx, const Req *rq, Str token, Claims *out)
{
    if (!foreign_is(cx->mem, token))
        return token_check(cx, token, out);
    return (rq->route->is & INLINE) != 0 ? foreign_recall(cx, token, out)
                                         : foreign_check(cx, token, out);
}

static bool check_token(Ctx *cx, const Req *rq, Access access)
{
    Str token = bearer_of(rq);
    Claims c;

    if (access == SIGNED)
        return true;
    if (token.at == NULL)
        return access == OPEN || fail(cx, UNAUTHORIZED, "no bearer token");
    if (access == OPERATORS && is_operator(token)) {
        cx->who.role = SUPER_ADMIN;
        return true;
    }
    if (!read_token(cx, rq, token, &c)) {
        if (access != OPEN)
            return false;
        fault_clear(cx);
        return true;
    }
    let_in(cx, &c);
    return true;
}

/* ---- machines -------------------------------------------------------------- */

bool guard_machine(Ctx *cx, const Req *rq)
{
    cx->who = (Who){ 0 };
    return machine_read(cx, rq, bearer_of(rq));
}

/* What a person must be to come as far. */
static const Role role_there[ACCESSES] = {
    [OPEN] = ANYONE, [SIGNED_IN] = CUSTOMER, [ORGANISER] = VENUE_MANAGER, [ADMINS] = ADMIN,
    [SIGNED] = ANYONE, [OPERATORS] = SUPER_ADMIN, [SUPERS] = SUPER_ADMIN,
    [MACHINES] = CUSTOMER, [SERVICES] = CUSTOMER, [TELLERS] = SUPER_ADMIN };

static bool spans_tenants(Access a)
{
    return a == OPERATORS || a == SUPERS || a == SERVICES || a == TELLERS;
}

/* From memory. */
static bool check_standing(Ctx *cx)
{
    return !revoked_has(cx->tenant.v) || fail(cx, INVALID_TENANT, "suspended");
}

/* A tenant that the credential names can't be changed by a header. */
static bool settle_tenant(Ctx *cx, const Req *rq, Access access)
{
    TenantId asked;

    if (!read_tenant_header(cx, rq, &asked))
        return false;
    if (uuid_zero(cx->tenant.v))
        cx->tenant = asked;
    else if (!uuid_zero(asked.v) && !uuid_is(asked.v, cx->tenant.v))
        return fail(cx, FORBIDDEN, "X-Tenant-Id is not the credential's tenant");
    if (uuid_zero(cx->tenant.v)) {
        if (access != OPEN && !spans_tenants(access))
            return fail(cx, MISSING_TENANT_HEADER, "service %.*s", STR_ARGS(cx->who.service));
        cx->tenant = TENANT_DEFAULT;
    }
    if (access == OPEN || spans_tenants(access))
        return true;
    return (rq->route->is & INLINE) != 0 ? check_standing(cx) : tenant_check(cx);
}

static bool lacks_scope(Ctx *cx, unsigned needs)
{
    fail(cx, INSUFFICIENT_SCOPE, "%.*s has not %.*s", STR_ARGS(cx->who.service),
         STR_ARGS(scopes_str(cx->mem, needs)));
    cx->fault.said = str_fmt(cx->mem, "Missing scope: %.*s",
                             STR_ARGS(scopes_str(cx->mem, needs)));
    return false;
}

static bool check_machine(Ctx *cx, const Req *rq, Access access, unsigned needs)
{
    bool key = cx->who.comer == A_KEY, bound = !uuid_zero(cx->who.home.v);

    if (bound && (access == OPERATORS || access == SUPERS))
        return fail(cx, SERVICE_NOT_ALLOWED, "%.*s, for one tenant", STR_ARGS(cx->who.service));
    if (access != OPEN &&
        (needs == 0 || (key && spans_tenants(access) && access != TELLERS)))
        return fail(cx, SERVICE_NOT_ALLOWED, "%.*s", STR_ARGS(cx->who.service));
    if (!scope_covers(cx->who.scopes, needs))
        return lacks_scope(cx, needs);
    if (needs == 0)
        cx->who.user = (UserId){ 0 };             /* no scope let it in: as anybody */
    cx->who.role = key && access == TELLERS ? ADMIN : role_there[access];
    return settle_tenant(cx, rq, access);
}

/* Who shows both is a person wherever people may come: a gateway vouches for itself on
 * every call that it passes on, and must not lend its scopes to whoever calls through
 * it. */
static bool comes_as_machine(const Ctx *cx, const Req *rq, Access access)
{
    if (cx->who.comer == A_PERSON)
        return false;
    return access == MACHINES || access == SERVICES || bearer_of(rq).at == NULL ||
           jwt_is_of_service(cx->mem, bearer_of(rq));
}

static bool check_person(Ctx *cx, const Req *rq, Access access)
{
    cx->tenant = TENANT_DEFAULT;
    cx->who = (Who){ .comer = A_PERSON };
    if (access == MACHINES || access == SERVICES)
        return fail(cx, MISSING_SERVICE_TOKEN, "no credential of a machine");
    if (!check_token(cx, rq, access) || !check_tenant_header(cx, rq))
        return false;
    if ((access == OPERATORS || access == SUPERS || access == TELLERS) &&
        !role_covers(cx->who.role, SUPER_ADMIN))
        return fail(cx, FORBIDDEN, "role %s is below super-admin",
                    role_names.at[cx->who.role]);
    if (access == ADMINS && !role_covers(cx->who.role, ADMIN))
        return fail(cx, FORBIDDEN, "role %s is below admin", role_names.at[cx->who.role]);
    return (rq->route->is & FRESH) == 0 || fresh_check(cx);
}

bool guard_check(Ctx *cx, const Req *rq, unsigned access)
{
    Access who = access_of(access);
    unsigned needs = scope_of(access);

    must(who < ACCESSES);
    if (comes_as_machine(cx, rq, who))
        return check_machine(cx, rq, who, needs);
    return check_person(cx, rq, who);
}

bool guard_pass(Ctx *cx, const Req *rq, unsigned access)
{
    Str bearer = bearer_of(rq);

    cx->who = (Who){ 0 };
    if (access_of(access) == OPEN ||
        (bearer.at != NULL && !jwt_is_of_service(cx->mem, bearer)))
        return check_person(cx, rq, access_of(access));
    return machine_recall(cx, rq, bearer) && guard_check(cx, rq, access);
}

bool guard_unsure(const Ctx *cx, const Req *rq)
{
    Str bearer = bearer_of(rq);

    return uuid_zero(cx->who.user.v) && bearer.at != NULL &&
           !jwt_is_of_service(cx->mem, bearer) && foreign_is(cx->mem, bearer);
}

bool guard_learn(Ctx *cx, const Req *rq)
{
    Str bearer = bearer_of(rq);
    Claims c;

    if (bearer.at != NULL && !jwt_is_of_service(cx->mem, bearer) &&
        foreign_is(cx->mem, bearer))
        return foreign_check(cx, bearer, &c);
    return guard_machine(cx, rq);
}

/* ---- writes that may be retried ------------------------------------------- */

static bool is_key(Str s)
{
    for (isize i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                    (c >= '0' && c <= '9') || c == '_' || c == '-' || c == ':' || c == '.';
        if (!good)
            return false;
    }
    return s.len > 0 && s.len <= KEY_LETTERS;
}

/* The scope is the route; what was asked of it - path, query and body - is the
 * request. */
static Digest request_of(Ctx *cx, const Req *rq)
{
    Buf b = buf_in(cx->mem, rq->path.len + rq->query.len + rq->body.len + 2);

    buf_add(&b, rq->path);
    buf_byte(&b, '\0');
    buf_add(&b, rq->query);
    buf_byte(&b, '\0');
    buf_add(&b, rq->body);
    return sha256(buf_str(&b));
}

bool guard_once(Ctx *cx, const Req *rq, Once *out)
{
    Str key = req_header(rq, S("idempotency-key"));

    *out = (Once){ 0 };
    if (key.at == NULL)
        return (rq->route->is & ONCE) == 0 ||
               fail(cx, IDEMPOTENCY_KEY_REQUIRED, "no Idempotency-Key");
    if (!is_key(key))
        return fail(cx, INVALID_IDEMPOTENCY_KEY, "%td letters", key.len);
    if ((rq->route->is & (ONCE | ONCE_MAY)) == 0)
        return true;                              /* said, but not asked for  */
    *out = (Once){ key, str_fmt(cx->mem, "%.*s %s", STR_ARGS(names_str(&method_names, rq->method)),
                                rq->route->path), request_of(cx, rq) };
    return true;
}

static bool reply_answer(Ctx *cx, Req *rq, const Answer *answer)
{
    if (answer->replayed)
        reply_header(cx, rq, S("Idempotency-Replayed"), S("true"));
    return reply_json(rq, answer->status, answer->json);
}

bool reply_once(Ctx *cx, Req *rq, Lane lane, TxFn *fn, void *arg, int status,
                const Shape *shape, const void *value)
{
    Once once;
    Answer answer;

    return guard_once(cx, rq, &once) &&
           write_once(cx, lane, &once, fn, arg, status, shape, value, &answer) &&
           reply_answer(cx, rq, &answer);
}

bool reply_once_many(Ctx *cx, Req *rq, Lane lane, ManyFn *fn, void *arg, int status,
                     const Shape *shape, const void *value)
{
    Once once;
    Answer answer;

    return guard_once(cx, rq, &once) &&
           write_once_many(cx, lane, &once, fn, arg, status, shape, value, &answer) &&
           reply_answer(cx, rq, &answer);
}
