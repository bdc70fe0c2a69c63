/* webhook.c - the order of the checks is the point. The signature comes first and
 * the nonce last (at the caller), or anybody could spend other people's nonces.
 * Every refusal has the same code: a forger learns nothing from us. */
#include "pay/webhook.h"
#include "base/signed.h"

static Secret key;

void webhook_key(Secret k)
{
    key = k;
}

bool webhook_check(Ctx *cx, const Req *rq, Webhook *out)
{
    Str timestamp = req_header(rq, S("x-webhook-timestamp"));
    Str nonce = req_header(rq, S("x-webhook-nonce"));
    Str signature = req_header(rq, S("x-internal-signature"));
    u8 claimed[SHA256_BYTES];
    Str why = { 0 };
    Instant sent;

    if (key.len == 0)
        return fail(cx, INVALID_SIGNATURE, "no webhook key is set");
    if (!nonce_plain(nonce) || !hex_read(signature, claimed, SHA256_BYTES))
        return fail(cx, INVALID_SIGNATURE, "headers missing or malformed");
    const Json *body = json_read(cx->mem, rq->body, &why);
    if (body == NULL)
        return fail(cx, BAD_JSON, "%.*s", STR_ARGS(why));
    Digest real = signed_body(cx->mem, key, timestamp, nonce, body);
    if (!same_bytes(real.b, claimed, SHA256_BYTES))
        return fail(cx, INVALID_SIGNATURE, "signature differs");
    if (!signed_when(timestamp, cx->now, WEBHOOK_WINDOW, &sent))
        return fail(cx, INVALID_SIGNATURE, "sent at another time");
    *out = (Webhook){ nonce, sent, later(cx->now, WEBHOOK_NONCE_KEPT) };
    return true;
}

bool webhook_sign(Ctx *cx, Str body, Header out[WEBHOOK_HEADERS])
{
    Str why = { 0 };
    const Json *j = json_read(cx->mem, body, &why);

    if (j == NULL)
        return fail(cx, INTERNAL_ERROR, "webhook body: %.*s", STR_ARGS(why));
    Str nonce = nonce_new(cx->mem);
    Str timestamp = str_fmt(cx->mem, "%jd", (intmax_t)cx->now.ms);
    Digest d = signed_body(cx->mem, key, timestamp, nonce, j);
    out[0] = (Header){ S("x-webhook-timestamp"), timestamp };
    out[1] = (Header){ S("x-webhook-nonce"), nonce };
    out[2] = (Header){ S("x-internal-signature"), hex_write(cx->mem, d.b, SHA256_BYTES) };
    return true;
}
