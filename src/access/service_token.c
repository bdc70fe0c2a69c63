/* service_token.c - the signature covers the bytes that came and no rewriting of them:
 * two programs that order or escape members differently can't disagree about it, and what
 * we don't know is covered too. Nothing of a token is looked at before its length. A
 * token has one spelling only, because it is revoked by the hash of what was shown. */
#include "access/service_token.h"
#include "base/rand.h"
#include "proof/base64.h"
#include "proof/claim.h"

enum { NONCE_BYTES = 16, NONCE_SHORT = 16, NONCE_LONG = 64, SIG_HEX = 64 };

/* ,"sig":"<64>"} */
static const Str before_sig = { ",\"sig\":\"", 8 };
enum { TAIL = 8 + SIG_HEX + 2 };

static void put_text(Buf *b, const char *name, Str s)
{
    if (s.at == NULL)
        return;
    json_put_text(b, name, s);
}

static void put_id(Buf *b, const char *name, Uuid id)
{
    if (uuid_zero(id))
        return;
    json_put_name(b, name);
    buf_byte(b, '"');
    uuid_write(b, id);
    buf_byte(b, '"');
}

static void put_claims(Arena *mem, Buf *b, const Assertion *a)
{
    u8 nonce[NONCE_BYTES];

    rand_bytes(nonce, NONCE_BYTES);
    buf_byte(b, '{');
    put_text(b, "iss", a->issuer);
    put_text(b, "sub", a->subject);
    buf_fmt(b, ",\"iat\":%jd,\"exp\":%jd", (intmax_t)(a->issued.ms / 1000),
            (intmax_t)(a->expires.ms / 1000));
    put_text(b, "nonce", hex_write(mem, nonce, NONCE_BYTES));
    put_text(b, "env", a->environment);
    json_put_name(b, "scopes");
    scopes_write(b, a->scopes);
    put_text(b, "aud", a->audience);
    put_id(b, "tenantId", a->tenant.v);
    put_id(b, "userId", a->user.v);
}

Str assertion_write(Arena *mem, const Assertion *a, const Secret *key)
{
    Buf b = buf_in(mem, 640);

    must(key->len > 0);
    put_claims(mem, &b, a);
    buf_byte(&b, '}');
    Digest d = hmac_sha256(key->at, key->len, buf_str(&b));
    b.len--;
    buf_add(&b, before_sig);
    buf_add(&b, hex_write(mem, d.b, SHA256_BYTES));
    buf_lit(&b, "\"}");
    return base64_padded(mem, b.at, b.len);
}

/* What was signed: the text without its last member. */
static bool cut_sig(Arena *mem, Str text, Claimed *out)
{
    isize at = text.len - TAIL;

    if (at < 1 || !str_is(str_sub(text, at, at + before_sig.len), before_sig) ||
        !str_ends(text, S("\"}")) ||
        !hex_read(str_sub(text, at + before_sig.len, text.len - 2), out->sig,
                  SHA256_BYTES) ||
        !str_has(text, hex_write(mem, out->sig, SHA256_BYTES)))
        return false;
    Buf b = buf_in(mem, text.len);
    buf_add(&b, str_sub(text, 0, at));
    buf_byte(&b, '}');
    out->text = buf_str(&b);
    return true;
}

static bool get_claims(const Json *j, Assertion *a)
{
    Str nonce, unknown;

    return json_get_str(j, "iss", &a->issuer) && a->issuer.len <= SERVICE_ID_MOST &&
           json_get_str(j, "sub", &a->subject) && a->subject.len <= 2 * SERVICE_ID_MOST &&
           json_get_str(j, "env", &a->environment) &&
           json_get_str(j, "nonce", &nonce) && nonce.len >= NONCE_SHORT &&
           nonce.len <= NONCE_LONG &&
           (json_member(j, "aud") == NULL || json_get_str(j, "aud", &a->audience)) &&
           claim_time(j, "iat", &a->issued) && claim_time(j, "exp", &a->expires) &&
           claim_id(j, "tenantId", &a->tenant.v) && claim_id(j, "userId", &a->user.v) &&
           scopes_read(json_member(j, "scopes"), &a->scopes, &unknown);
}

bool assertion_read(Arena *mem, Str token, Claimed *out, const char **why)
{
    Str text, said;

    *out = (Claimed){ 0 };
    *why = "too long or empty";
    if (token.len == 0 || token.len > SERVICE_TOKEN_MOST)
        return false;
    *why = "no base64";
    if (!base64_any_read(mem, token, &text) ||
        !str_is(base64_padded(mem, text.at, text.len), token))
        return false;
    *why = "its last member is no sig";
    if (!cut_sig(mem, text, out))
        return false;
    *why = "no JSON object";
    const Json *j = json_read(mem, text, &said);
    if (j == NULL || json_kind(j) != J_OBJECT)
        return false;
    *why = "a member is missing or not what it should be";
    return get_claims(j, &out->a);
}

static bool holds(const Claimed *c, const Secret *key)
{
    if (key->len == 0)
        return false;
    Digest d = hmac_sha256(key->at, key->len, c->text);
    return same_bytes(d.b, c->sig, SHA256_BYTES);
}

bool assertion_holds(const Claimed *c, const Keys *keys, Instant now)
{
    bool first = holds(c, &keys->now), second = holds(c, &keys->before);
    return first || (second && before(now, keys->before_until));
}
