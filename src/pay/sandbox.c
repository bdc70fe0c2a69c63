/* sandbox.c - an intent id is "pi_sbx_" and the base64url of
 *
 *   0        1         17        33       41         44        60
 *   version  tenant    order     amount   currency   MAC
 *
 * The MAC's key comes out of the webhook key, so a new key voids old intents, which
 * is what an operator who changes it wants. */
#include "pay/sandbox.h"
#include "base/json.h"
#include "pay/engine.h"
#include "pay/webhook.h"
#include <string.h>

enum { VERSION_1 = 1, AT_TENANT = 1, AT_ORDER = 17, AT_AMOUNT = 33, AT_CURRENCY = 41,
       AT_MAC = 44, MAC_BYTES = 16, INTENT_BYTES = 60 };
#define PREFIX S("pi_sbx_")

static Digest seal_key;
static bool opened;                           /* another provider: nothing here is real */
static char base_url[512];
static PayDeliver *deliver_to_us;

const Names sandbox_outcomes = { (const char *const[]){ "succeeded", "failed" }, 2 };

void pay_set_deliver(PayDeliver *deliver)
{
    deliver_to_us = deliver;
}

static bool sandbox_open(const PayConfig *config, Str *why)
{
    if (config->public_url.len >= countof(base_url)) {
        *why = S("PUBLIC_URL is too long");
        return false;
    }
    if (config->webhook_key.len == 0) {
        *why = S("INTERNAL_WEBHOOK_SECRET is not set");
        return false;
    }
    memset(base_url, 0, sizeof base_url);
    if (config->public_url.len > 0)
        memcpy(base_url, config->public_url.at, (size_t)config->public_url.len);
    seal_key = hkdf_sha256(config->webhook_key.at, config->webhook_key.len,
                           S("sandbox payment intent v1"));
    opened = true;
    return true;
}

static void sandbox_close(void)
{
    wipe(&seal_key, sizeof seal_key);
    opened = false;
}

/* One key, several uses: each begins with its own word. */
static Digest seal(Arena *mem, Str word, const void *bytes, isize n)
{
    Buf b = buf_in(mem, word.len + n);

    buf_add(&b, word);
    buf_add(&b, (Str){ bytes, n });
    return hmac_sha256(seal_key.b, SHA256_BYTES, buf_str(&b));
}

static void put_i64(u8 *to, i64 v)
{
    for (int i = 0; i < 8; i++)
        to[i] = (u8)((u64)v >> (56 - 8 * i));
}

static i64 get_i64(const u8 *from)
{
    u64 v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 8 | from[i];
    return (i64)v;
}

static bool sandbox_intent(Ctx *cx, OrderId order, i64 amount, Str currency,
                           PayIntent *out)
{
    u8 b[INTENT_BYTES] = { VERSION_1 };

    memcpy(b + AT_TENANT, cx->tenant.v.b, sizeof(Uuid));
    memcpy(b + AT_ORDER, order.v.b, sizeof(Uuid));
    put_i64(b + AT_AMOUNT, amount);
    memcpy(b + AT_CURRENCY, currency.at, 3);
    memcpy(b + AT_MAC, seal(cx->mem, S("intent:"), b, AT_MAC).b, MAC_BYTES);
    Str body = base64url_write(cx->mem, b, sizeof b);
    Digest secret = seal(cx->mem, S("secret:"), b, sizeof b);

    out->provider = S("sandbox");
    out->intentId = str_fmt(cx->mem, "pi_sbx_%.*s", STR_ARGS(body));
    out->clientSecret = str_fmt(cx->mem, "%.*s_secret_%.*s", STR_ARGS(out->intentId),
                                STR_ARGS(base64url_write(cx->mem, secret.b, MAC_BYTES)));
    out->url = str_fmt(cx->mem, "%s/pay/sandbox/%.*s", base_url, STR_ARGS(out->intentId));
    return true;
}

const PayEngine pay_sandbox = { "sandbox", sandbox_open, sandbox_close, sandbox_intent };

bool sandbox_read(Ctx *cx, Str intent_id, SandboxIntent *out)
{
    Str raw;

    if (!opened)
        return fail(cx, NOT_FOUND, "the sandbox is not the provider");
    if (!str_starts(intent_id, PREFIX) || intent_id.len > 200 ||
        !base64url_read(cx->mem, str_sub(intent_id, PREFIX.len, intent_id.len), &raw) ||
        raw.len != INTENT_BYTES || raw.at[0] != VERSION_1)
        return fail(cx, NOT_FOUND, "no sandbox intent");
    const u8 *b = (const u8 *)raw.at;
    Digest mac = seal(cx->mem, S("intent:"), b, AT_MAC);
    if (!same_bytes(mac.b, b + AT_MAC, MAC_BYTES))
        return fail(cx, NOT_FOUND, "a sandbox intent that we did not give");
    *out = (SandboxIntent){ .amount = get_i64(b + AT_AMOUNT) };
    memcpy(out->tenant.v.b, b + AT_TENANT, sizeof(Uuid));
    memcpy(out->order.v.b, b + AT_ORDER, sizeof(Uuid));
    memcpy(out->currency, b + AT_CURRENCY, 3);
    return true;
}

/* The payment's id follows from the intent: deciding again names the same payment. */
static Str payment_id(Ctx *cx, Str intent_id)
{
    Digest d = seal(cx->mem, S("payment:"), intent_id.at, intent_id.len);

    return str_fmt(cx->mem, "py_sbx_%.*s",
                   STR_ARGS(base64url_write(cx->mem, d.b, MAC_BYTES)));
}

static Str webhook_body(Ctx *cx, Str intent_id, const SandboxIntent *in,
                        SandboxOutcome outcome)
{
    Buf b = buf_in(cx->mem, 512);

    buf_byte(&b, '{');
    json_put_text(&b, "orderId", uuid_str(cx->mem, in->order.v));
    json_put_text(&b, "paymentId", payment_id(cx, intent_id));
    json_put_text(&b, "tenantId", uuid_str(cx->mem, in->tenant.v));
    json_put_int(&b, "amountCents", in->amount);
    json_put_text(&b, "currency", str_of(in->currency));
    if (outcome == OUTCOME_FAILED) {
        json_put_text(&b, "reason", S("declined by the sandbox"));
    }
    buf_byte(&b, '}');
    return buf_str(&b);
}

/* A real provider would try again later; the sandbox has the buyer at the page, so
 * it says what happened. */
static bool judge(Ctx *cx, int status)
{
    if (status >= 200 && status < 300)
        return true;
    if (status == 404)
        return fail(cx, NOT_FOUND, "webhook answered 404");
    if (status == 409 || status == 410)
        return fail(cx, INVALID_STATE, "webhook answered %d", status);
    if (status == 503 || status == 504)
        return fail(cx, BUSY, "webhook answered %d", status);
    return fail(cx, INTERNAL_ERROR, "webhook answered %d", status);
}

bool sandbox_decide(Ctx *cx, Str intent_id, SandboxOutcome outcome)
{
    Str path = outcome == OUTCOME_SUCCEEDED ? S("/api/v1/webhooks/payment-success")
                                            : S("/api/v1/webhooks/payment-failed");
    Header headers[WEBHOOK_HEADERS + 1] = {
        [WEBHOOK_HEADERS] = { S("content-type"), S("application/json") } };
    SandboxIntent in;
    int status = 0;

    must(deliver_to_us != NULL);
    if (!sandbox_read(cx, intent_id, &in))
        return false;
    Str body = webhook_body(cx, intent_id, &in, outcome);
    return webhook_sign(cx, body, headers)
        && deliver_to_us(cx, path, headers, countof(headers), body, &status)
        && judge(cx, status);
}
