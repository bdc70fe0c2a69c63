/* jwt.c - the payload is written by hand, because it is the same twelve members each
 * time. The email is not among them: tokens are logged and kept in many places. */
#include "identity/jwt.h"
#include "identity/role.h"
#include "proof/claim.h"

#define LEEWAY seconds(30)

static const char *typ_of(TokenUse use)
{
    return use == TOKEN_ACCESS ? "at+jwt" : "rt+jwt";
}

/* Who issued it is the only one whom a refresh token is for. */
static Str audience_of(TokenUse use, const JwtParty *party)
{
    return use == TOKEN_ACCESS ? party->audience : party->issuer;
}

static void put_id(Buf *b, const char *name, Uuid id)
{
    json_put_name(b, name);
    buf_byte(b, '"');
    uuid_write(b, id);
    buf_byte(b, '"');
}

static void put_text(Buf *b, const char *name, Str s)
{
    json_put_text(b, name, s);
}

Str jwt_write(Arena *mem, const JwsKey *k, TokenUse use, const JwtParty *party,
              const Claims *c)
{
    Buf b = buf_in(mem, 512);

    buf_byte(&b, '{');
    put_text(&b, "iss", party->issuer);
    put_text(&b, "aud", audience_of(use, party));
    put_id(&b, "sub", c->user.v);
    put_id(&b, "tenant_id", c->tenant.v);
    put_id(&b, "sid", c->session);
    put_id(&b, "jti", c->id);
    if (use == TOKEN_ACCESS) {
        put_text(&b, "role", names_str(&role_names, c->role));
        buf_fmt(&b, ",\"epoch\":%jd", (intmax_t)c->epoch);
    }
    buf_fmt(&b, ",\"iat\":%jd,\"nbf\":%jd,\"exp\":%jd}", (intmax_t)(c->issued.ms / 1000),
            (intmax_t)(c->issued.ms / 1000), (intmax_t)(c->expires.ms / 1000));
    return jws_sign(mem, k, typ_of(use), buf_str(&b));
}

static bool get_id(const Json *j, const char *name, Uuid *out)
{
    Str s;
    return json_get_str(j, name, &s) && uuid_read(s, out) && !uuid_zero(*out);
}

static bool get_role(const Json *j, TokenUse use, Role *out)
{
    Str s;

    if (use != TOKEN_ACCESS)
        return true;
    if (!json_get_str(j, "role", &s))
        return false;
    *out = role_find(s);
    return *out != ANYONE;
}

/* Tokens of nodes that know of no epochs are of the first. */
static bool get_epoch(const Json *j, i64 *out)
{
    *out = 0;
    return json_member(j, "epoch") == NULL ||
           (json_get_int(j, "epoch", out) && *out >= 0);
}

JwtResult jwt_times(const Claims *c, Instant now)
{
    if (before(later(now, LEEWAY), c->issued))
        return JWT_BAD;
    return before(now, later(c->expires, LEEWAY)) ? JWT_GOOD : JWT_EXPIRED;
}

JwtResult jwt_read(Arena *mem, JwsFind *find, void *arg, TokenUse use,
                   const JwtParty *party, Instant now, Str token, Claims *out,
                   const char **why)
{
    Claims c = { 0 };
    Instant from = { 0 };
    Str payload, said;

    if (!jws_verify(mem, find, arg, typ_of(use), token, &payload, why))
        return JWT_BAD;
    *why = "payload is no JSON object";
    const Json *j = json_read(mem, payload, &said);
    if (j == NULL || json_kind(j) != J_OBJECT)
        return JWT_BAD;
    *why = "another issuer or audience";
    if (!json_get_str(j, "iss", &said) || !str_is(said, party->issuer) ||
        !json_get_str(j, "aud", &said) || !str_is(said, audience_of(use, party)))
        return JWT_BAD;
    *why = "a claim is missing or not what it should be";
    if (!get_id(j, "sub", &c.user.v) || !get_id(j, "tenant_id", &c.tenant.v) ||
        !get_id(j, "sid", &c.session) || !get_id(j, "jti", &c.id) ||
        !get_role(j, use, &c.role) ||
        !get_epoch(j, &c.epoch) || !claim_time(j, "iat", &c.issued) ||
        !claim_time(j, "exp", &c.expires))
        return JWT_BAD;
    *why = "not valid yet";
    if (json_member(j, "nbf") != NULL &&
        (!claim_time(j, "nbf", &from) || before(later(now, LEEWAY), from)))
        return JWT_BAD;
    *out = c;
    JwtResult result = jwt_times(&c, now);
    if (result == JWT_EXPIRED)
        *why = "expired";
    return result;
}
