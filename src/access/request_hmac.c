/* request_hmac.c - the nonce is spent last, when all else holds: nobody can spend
 * another's, and while the kv is away nothing is let in, because it might come twice. It
 * is kept as long as its timestamp could pass, which is twice the window. */
#include "access/request_hmac.h"
#include "base/signed.h"
#include "kv/kv.h"
#include "store/sql.h"

bool request_is_signed(const Req *rq)
{
    return rq->route != NULL && req_header(rq, S("x-internal-service")).at != NULL &&
           (str_starts(rq->path, S("/internal/")) ||
            str_starts(rq->path, S("/auth/internal/")));
}

typedef struct Signed {
    Str service, timestamp, nonce, body_hash;
    u8 sig[SHA256_BYTES];
} Signed;

static bool read_headers(Ctx *cx, const Req *rq, Signed *s)
{
    u8 body[SHA256_BYTES];

    *s = (Signed){ req_header(rq, S("x-internal-service")),
                   req_header(rq, S("x-internal-timestamp")),
                   req_header(rq, S("x-internal-nonce")),
                   req_header(rq, S("x-internal-body-hash")), { 0 } };
    if (s->service.len > SERVICE_ID_MOST || s->timestamp.len > 20 ||
        !nonce_plain(s->nonce) ||
        !hex_read(req_header(rq, S("x-internal-signature")), s->sig, SHA256_BYTES) ||
        (s->body_hash.at != NULL && !hex_read(s->body_hash, body, SHA256_BYTES)) ||
        (s->body_hash.at == NULL && rq->body.len > 0))
        return fail(cx, INVALID_SERVICE_TOKEN, "x-internal headers missing or malformed");
    return true;
}

static bool holds(const Signed *s, Str text, const Secret *key)
{
    if (key->len == 0)
        return false;
    Digest d = hmac_sha256(key->at, key->len, text);
    return same_bytes(d.b, s->sig, SHA256_BYTES);
}

static bool check_signature(Ctx *cx, const Req *rq, const Signed *s, const Keys *keys)
{
    Str text = str_fmt(cx->mem, "%.*s:%.*s:%.*s:%s:%.*s:%.*s", STR_ARGS(s->service),
                       STR_ARGS(s->timestamp), STR_ARGS(s->nonce),
                       method_names.at[rq->head ? M_HEAD : rq->method],
                       STR_ARGS(rq->target), STR_ARGS(s->body_hash));
    bool first = holds(s, text, &keys->now), second = holds(s, text, &keys->before);

    return first || (second && before(cx->now, keys->before_until)) ||
           fail(cx, INVALID_SERVICE_SIGNATURE, "service %.*s", STR_ARGS(s->service));
}

static bool check_body(Ctx *cx, const Req *rq, const Signed *s)
{
    u8 claimed[SHA256_BYTES] = { 0 };
    Digest d = sha256(rq->body);

    if (s->body_hash.at == NULL)
        return true;
    return (hex_read(s->body_hash, claimed, SHA256_BYTES) &&
            same_bytes(claimed, d.b, SHA256_BYTES)) ||
           fail(cx, INVALID_SERVICE_SIGNATURE, "another body than was signed");
}

static bool spend(Ctx *cx, const Signed *s)
{
    Str name = str_fmt(cx->mem, "%.*s:%.*s", STR_ARGS(s->service), STR_ARGS(s->nonce));
    bool made;

    if (!kv_put_new(cx, kv_key_global(cx, "request-nonce", name), S("1"),
                    (Span){ 2 * REQUEST_WINDOW.ms }, &made))
        return false;
    return !GUARDED(!made) || fail(cx, INVALID_SERVICE_SIGNATURE, "seen before");
}

static bool check(Ctx *cx, const Req *rq, const Signed *s, const Service *from)
{
    Instant sent;

    if (!check_signature(cx, rq, s, &from->keys))
        return false;
    if (!signed_when(s->timestamp, cx->now, REQUEST_WINDOW, &sent))
        return fail(cx, INVALID_SERVICE_SIGNATURE, "sent at another time");
    return check_body(cx, rq, s) && service_standing(cx, from) && spend(cx, s);
}

bool request_check(Ctx *cx, const Req *rq, Peer *out)
{
    Signed s;

    if (!read_headers(cx, rq, &s))
        return false;
    const Service *from = service_take(s.service);
    if (from == NULL)
        return fail(cx, UNTRUSTED_SERVICE, "not in the list");
    bool good = check(cx, rq, &s, from);
    *out = (Peer){ .service = str_copy(cx->mem, from->id), .machine = from->machine,
                   .scopes = from->scopes };
    service_done(from);
    return good;
}
