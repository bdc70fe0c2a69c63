/* service_jwt.c - the algorithm is chosen before the key is, and only from a secret of a
 * service: a token of a person, or of a foreign issuer, can't come this way, nor this one
 * theirs. */
#include "access/service_jwt.h"
#include "proof/claim.h"
#include "proof/jws.h"

bool jwt_is_of_service(Arena *mem, Str token)
{
    static const Str own = { "eyJhbGciOiJ", 11 };          /* {"alg":" and then which */
    isize dot = str_find(token, '.');
    Str text, why, alg;

    if (token.len > JWS_MOST || dot < 0)
        return false;
    if (str_starts(token, own))
        return str_starts(token, S("eyJhbGciOiJIUzI1NiI"));
    if (!base64url_read(mem, str_sub(token, 0, dot), &text))
        return false;
    const Json *j = json_read(mem, text, &why);
    return j != NULL && json_kind(j) == J_OBJECT && json_get_str(j, "alg", &alg) &&
           str_is(alg, S("HS256"));
}

/* ---- the secret as a key ------------------------------------------------------ */

typedef struct { const Service *service; const JwsKey *key; } Finding;

static const JwsKey *find(void *arg, Str kid)
{
    const Finding *f = arg;
    return str_is(kid, f->service->id) ? f->key : NULL;
}

/* HMAC hashes a key that is longer than its block (RFC 2104 section 3). */
static JwsKey *key_of(const Secret *s, Str kid)
{
    if (s->len <= HS256_MOST)
        return jws_key_secret(s->at, s->len, kid);
    Digest d = sha256((Str){ (const char *)s->at, s->len });
    JwsKey *k = jws_key_secret(d.b, SHA256_BYTES, kid);
    wipe(&d, sizeof d);
    return k;
}

static bool holds(Ctx *cx, const Service *s, const Secret *secret, Str token,
                  Str *payload)
{
    const char *why;

    if (secret->len == 0)
        return false;
    JwsKey *key = key_of(secret, s->id);
    Finding f = { s, key };
    bool good = jws_verify(cx->mem, find, &f, "st+jwt", token, payload, &why);
    jws_key_free(key);
    return good;
}

/* ---- its claims ---------------------------------------------------------------- */

static unsigned scopes_of(Str words)
{
    unsigned s = 0;

    while (words.at != NULL)
        s |= scope_find(str_cut(&words, ' '));
    return s;
}

static bool read_claims(Arena *mem, Str payload, Assertion *a)
{
    Str why, scope = S(""), other;
    Instant from = { 0 };
    const Json *j = json_read(mem, payload, &why);

    *a = (Assertion){ 0 };
    if (j == NULL || json_kind(j) != J_OBJECT ||
        (json_member(j, "scope") != NULL && !json_get_str(j, "scope", &scope)))
        return false;
    a->scopes = scopes_of(scope);
    if (!claim_time(j, "iat", &a->issued) ||
        (json_member(j, "nbf") != NULL && !claim_time(j, "nbf", &from)))
        return false;
    if (before(a->issued, from))
        a->issued = from;                         /* judged as if made then   */
    return json_get_str(j, "iss", &a->issuer) && json_get_str(j, "aud", &a->audience) &&
           (json_member(j, "sub") == NULL || json_get_str(j, "sub", &other)) &&
           claim_time(j, "exp", &a->expires) &&
           claim_id(j, "tenantId", &a->tenant.v) && claim_id(j, "userId", &a->user.v);
}

/* kid says whose secret, before anything is proved. */
static const Service *named(Arena *mem, Str token)
{
    Str text, why, kid;

    if (!base64url_read(mem, str_sub(token, 0, str_find(token, '.')), &text))
        return NULL;
    const Json *j = json_read(mem, text, &why);
    return j != NULL && json_kind(j) == J_OBJECT && json_get_str(j, "kid", &kid)
           ? service_take(kid) : NULL;
}

static bool check(Ctx *cx, const Service *s, Str token, Peer *out)
{
    Assertion a;
    Str payload;

    if (!holds(cx, s, &s->keys.now, token, &payload) &&
        !(before(cx->now, s->keys.before_until) &&
          holds(cx, s, &s->keys.before, token, &payload)))
        return fail(cx, INVALID_SERVICE_SIGNATURE, "service %.*s", STR_ARGS(s->id));
    if (!read_claims(cx->mem, payload, &a) || !str_is(a.issuer, s->id))
        return fail(cx, INVALID_SERVICE_TOKEN,
                    "a claim is missing or not what it should be");
    return service_judge(cx, token, s, &a, out);
}

bool service_check_jwt(Ctx *cx, Str token, Peer *out)
{
    const Service *s = named(cx->mem, token);

    if (s == NULL)
        return fail(cx, UNTRUSTED_SERVICE, "kid is not in the list");
    bool good = check(cx, s, token, out);
    service_done(s);
    return good;
}
