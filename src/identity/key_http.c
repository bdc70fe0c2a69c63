/* key_http.c - read, call, reply. Verifiers ask for the JWKS again and again, so it says
 * how long it may be kept and by which name it is the same. */
#include "identity/key_http.h"
#include "base/crypto.h"
#include "base/log.h"
#include "identity/audit.h"
#include "identity/auth_http.h"

typedef struct Rotate { bool atOnce; } Rotate;
const Shape rotate_shape = SHAPE(Rotate,
    BOOL(Rotate, atOnce, OPTIONAL,
         "a key was stolen: don't wait until caches of the JWKS have run out"));

typedef struct Rotated { Str activeKid; } Rotated;
const Shape rotated_shape = SHAPE(Rotated,
    TEXT(Rotated, activeKid, 1, KID_MOST, 0, "the key that signs from now on"));

bool key_set(Ctx *cx, Req *rq)
{
    Str jwks = key_jwks(cx->mem), known = req_header(rq, S("if-none-match"));
    Digest d = sha256(jwks);
    Str tag = str_fmt(cx->mem, "\"%.*s\"", STR_ARGS(hex_write(cx->mem, d.b, 16)));

    reply_header(cx, rq, S("Cache-Control"),
                 str_fmt(cx->mem, "public, max-age=%d", JWKS_MAX_AGE_S));
    reply_header(cx, rq, S("ETag"), tag);
    return known.at != NULL && str_has(known, tag) ? reply_empty(rq, 304)
                                                   : reply_json(rq, 200, jwks);
}

bool key_index(Ctx *cx, Req *rq)
{
    KeyRow *rows;
    isize count;

    key_list(cx, &rows, &count);
    return reply_list(cx, rq, &key_shape, rows, count, KEYS_MOST, (Str){ 0 });
}

/* The keys have changed by now: an answer of failure would have them changed again. */
static void note(Ctx *cx, const Req *rq, Str kid)
{
    Deed deed = { .action = AUDIT_KEYS_ROTATED, .actor = cx->who.user, .target = kid,
                  .from = http_caller(rq) };

    if (!audit_note(cx, &deed))
        fault_clear(cx);
}

bool key_turn(Ctx *cx, Req *rq)
{
    Rotate in;

    if (!req_read(cx, rq, &rotate_shape, &in) ||
        !key_rotate(cx, in.atOnce ? KEY_AT_ONCE : KEY_STAGED))
        return false;
    Str kid = jws_kid(key_active());
    log_warn("signing keys rotated", L("active", kid),
             L("by", uuid_str(cx->mem, cx->who.user.v)),
             L("at_once", in.atOnce ? "yes" : "no"));
    note(cx, rq, kid);
    return reply(cx, rq, 200, &rotated_shape, &(Rotated){ kid });
}
