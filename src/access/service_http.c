/* service_http.c - read, call, reply. Whoever found a token in a log sends the token;
 * whoever keeps no such thing sends its SHA-256. */
#include "access/service_http.h"
#include "access/service.h"
#include "access/service_jwt.h"
#include "access/service_revoked.h"
#include "base/log.h"

typedef struct ServiceRow {
    Str id, scopes;
    bool ownSecret, hasSecret;
    Str revoked;
} ServiceRow;
const Shape service_row_shape = SHAPE(ServiceRow,
    TEXT(ServiceRow, id, 1, SERVICE_ID_MOST, 0, "iss of its tokens"),
    RAW(ServiceRow, scopes, 0, "a list of words such as events:read"),
    BOOL(ServiceRow, ownSecret, 0, "whether only it can sign in its name"),
    BOOL(ServiceRow, hasSecret, 0, "whether any of its tokens can be verified here"),
    TEXT(ServiceRow, revoked, 0, REASON_MOST, OPTIONAL,
         "why it may not speak at present"));

typedef struct Self {
    Str id, instance, fingerprint;
    Instant validUntil;
    bool previousAccepted;
    Instant previousUntil;
} Self;
const Shape self_shape = SHAPE(Self,
    TEXT(Self, id, 1, SERVICE_ID_MOST, 0, "SERVICE_ID"),
    TEXT(Self, instance, 1, 300, 0, "this process"),
    TEXT(Self, fingerprint, 1, 64, OPTIONAL,
         "the same on all nodes that have the same SERVICE_SECRET"),
    TIME(Self, validUntil, 0, "until when the instance may be known by that name"),
    BOOL(Self, previousAccepted, 0, "whether SERVICE_SECRET_PREVIOUS is still taken"),
    TIME(Self, previousUntil, OPTIONAL, "until when"));

typedef struct RevokeIn { Str service, token, tokenHash, reason; } RevokeIn;
const Shape revoke_in_shape = SHAPE(RevokeIn,
    TEXT(RevokeIn, service, 1, SERVICE_ID_MOST, OPTIONAL, "all tokens of this service"),
    TEXT(RevokeIn, token, 1, SERVICE_TOKEN_MOST, OPTIONAL | WRITEONLY, "or this token"),
    TEXT(RevokeIn, tokenHash, 64, 64, OPTIONAL, "or the one with this SHA-256, in hex"),
    TEXT(RevokeIn, reason, 1, REASON_MOST, 0, "told to whoever shows it"));

bool service_index(Ctx *cx, Req *rq)
{
    isize n;
    const ServiceView *all = services_view(cx->mem, &n);
    ServiceRow *rows = make(cx->mem, ServiceRow, n + 1);

    for (isize i = 0; i < n; i++) {
        Buf b = buf_in(cx->mem, 64);
        scopes_write(&b, all[i].scopes);
        rows[i] = (ServiceRow){ all[i].id, buf_str(&b), all[i].alone, all[i].keyed,
                                revocation_of(cx->mem, A_SERVICE, all[i].id, cx->now) };
    }
    return reply_list(cx, rq, &service_row_shape, rows, n, SERVICES_MOST, (Str){ 0 });
}

bool service_self(Ctx *cx, Req *rq)
{
    Instance i = service_instance(cx);
    const Service *s = service_take_keys(S(""));
    Instant until = s->keys.before.len > 0 ? s->keys.before_until : (Instant){ 0 };

    service_done(s);
    return reply(cx, rq, 200, &self_shape, &(Self){
        service_own_id(), i.id, i.fingerprint, i.until, before(cx->now, until), until });
}

bool revocation_index(Ctx *cx, Req *rq)
{
    Revocation *rows;
    isize n;

    return service_revocations(cx, &rows, &n) &&
           reply_list(cx, rq, &revocation_shape, rows, n, REVOCATIONS_MOST, (Str){ 0 });
}

/* A hash that was sent as a token would be taken back in vain. */
static bool is_token(Arena *mem, Str s)
{
    Claimed c;
    const char *why;

    return assertion_read(mem, s, &c, &why) || jwt_is_of_service(mem, s);
}

/* What a token or its hash leaves to remember: none lives longer than its class. */
static bool settle(Ctx *cx, const RevokeIn *in, Revocation *out)
{
    u8 bytes[SHA256_BYTES];
    Instant last = later(cx->now, (Span){ SERVICE_TOKEN_LASTS.ms + 60000 });

    if ((in->service.at != NULL) + (in->token.at != NULL) +
        (in->tokenHash.at != NULL) != 1)
        return fail_field(cx, S("service"), "give one of service, token and tokenHash");
    *out = (Revocation){ .kind = A_TOKEN, .reason = in->reason, .until = last,
                         .changedAt = cx->now };
    if (in->service.at != NULL) {
        *out = (Revocation){ .kind = A_SERVICE, .name = in->service, .reason = in->reason,
                             .changedAt = cx->now };
        return service_known(in->service) || fail(cx, NOT_FOUND, "no such service");
    }
    if (in->token.at != NULL) {
        Digest d = sha256(in->token);
        out->name = hex_write(cx->mem, d.b, SHA256_BYTES);
        return is_token(cx->mem, in->token) ||
               fail_field(cx, S("token"), "is none; its SHA-256 would be tokenHash");
    }
    out->name = str_lower(cx->mem, in->tokenHash);
    return hex_read(out->name, bytes, SHA256_BYTES) ||
           fail_field(cx, S("tokenHash"), "is no hex");
}

bool revocation_create(Ctx *cx, Req *rq)
{
    RevokeIn in;
    Revocation r;

    if (!req_read(cx, rq, &revoke_in_shape, &in) || !settle(cx, &in, &r) ||
        !service_revoke(cx, (RevokedKind)r.kind, r.name, r.reason, r.until))
        return false;
    log_warn("service token taken back", L("kind", revoked_kind_names.at[r.kind]),
             L("name", r.name), L("reason", r.reason));
    return reply(cx, rq, 201, &revocation_shape, &r);
}

bool revocation_remove(Ctx *cx, Req *rq)
{
    Str id = req_param(rq, "service");

    if (!service_known(id))
        return fail(cx, NOT_FOUND, "no such service");
    return service_unrevoke(cx, id) && reply_empty(rq, 204);
}
