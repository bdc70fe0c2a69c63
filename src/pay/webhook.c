/* webhook.c - the order of the checks is the point. The signature comes first and
 * the nonce last (at the caller), or anybody could spend other people's nonces.
 * Every refusal has the same code: a forger learns nothing from us. */
#include "pay/webhook.h"
#include "base/json.h"
#include "base/rand.h"

static Secret key;

void webhook_key(Secret k)
{
    key = k;
}

static Digest mac_of(Arena *mem, Str timestamp, Str nonce, const Json *body)
{
    Buf b = buf_in(mem, 512);

    buf_add(&b, timestamp);
    buf_byte(&b, ':');
    buf_add(&b, nonce);
    buf_byte(&b, ':');
    json_write_sorted(&b, body);
    return hmac_sha256(key.at, key.len, buf_str(&b));
}

/* What may stand in a nonce, so that the text which is signed reads in one way
 * only: never a colon. */
static bool is_nonce(Str s)
{
    for (isize i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!good)
            return false;
    }
    return s.len >= WEBHOOK_NONCE_LEAST && s.len <= WEBHOOK_NONCE_MOST;
}

static bool in_window(Ctx *cx, i64 ms)
{
    Instant sent = { ms };

    return !before(sent, earlier(cx->now, WEBHOOK_WINDOW)) &&
           !before(later(cx->now, WEBHOOK_WINDOW), sent);
}

bool webhook_check(Ctx *cx, const Req *rq, Webhook *out)
{
    Str timestamp = req_header(rq, S("x-webhook-timestamp"));
    Str nonce = req_header(rq, S("x-webhook-nonce"));
    Str signature = req_header(rq, S("x-internal-signature"));
    u8 claimed[SHA256_BYTES];
    Str why = { 0 };
    i64 ms;

    if (key.len == 0)
        return fail(cx, INVALID_SIGNATURE, "no webhook key is set");
    if (!str_int(timestamp, &ms) || ms < 0 || ms > INT64_MAX / 2 || !is_nonce(nonce) ||
        !hex_read(signature, claimed, SHA256_BYTES))
        return fail(cx, INVALID_SIGNATURE, "headers missing or malformed");
    const Json *body = json_read(cx->mem, rq->body, &why);
    if (body == NULL)
        return fail(cx, BAD_JSON, "%.*s", STR_ARGS(why));
    Digest real = mac_of(cx->mem, timestamp, nonce, body);
    if (!same_bytes(real.b, claimed, SHA256_BYTES))
        return fail(cx, INVALID_SIGNATURE, "signature differs");
    if (!in_window(cx, ms))
        return fail(cx, INVALID_SIGNATURE, "sent %jd ms from now", (intmax_t)(ms - cx->now.ms));
    *out = (Webhook){ nonce, { ms }, later(cx->now, WEBHOOK_NONCE_KEPT) };
    return true;
}

bool webhook_sign(Ctx *cx, Str body, Header out[WEBHOOK_HEADERS])
{
    u8 random[16];
    Str why = { 0 };
    const Json *j = json_read(cx->mem, body, &why);

    if (j == NULL)
        return fail(cx, INTERNAL_ERROR, "webhook body: %.*s", STR_ARGS(why));
    rand_bytes(random, sizeof random);
    Str nonce = hex_write(cx->mem, random, sizeof random);
    Str timestamp = str_fmt(cx->mem, "%jd", (intmax_t)cx->now.ms);
    Digest d = mac_of(cx->mem, timestamp, nonce, j);
    out[0] = (Header){ S("x-webhook-timestamp"), timestamp };
    out[1] = (Header){ S("x-webhook-nonce"), nonce };
    out[2] = (Header){ S("x-internal-signature"), hex_write(cx->mem, d.b, SHA256_BYTES) };
    return true;
}
