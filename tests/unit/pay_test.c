/* pay_test.c - what every provider must do (the conformance part runs for each in
 * the list), and what the sandbox promises besides. */
#include "base/json.h"
#include "pay/sandbox.h"
#include "pay/webhook.h"
#include "unit/test.h"
#include <string.h>

#define KEY "a webhook key of forty-two bytes, no less."
static const char *const providers[] = { "sandbox" };
static const OrderId order_one = { { { 1, 2, 3, [15] = 1 } } };
static const OrderId order_two = { { { 1, 2, 3, [15] = 2 } } };

static Ctx start(const char *provider)
{
    PayConfig config = { str_of(provider), { (u8 *)KEY, sizeof KEY - 1 },
                         S("http://shop.example") };
    Str why = { 0 };

    pay_close();
    must(pay_open(&config, &why));
    return ctx_new(mem, TENANT_DEFAULT);
}

/* ---- the port ---- */

TEST(an_order_asked_again_has_the_same_intent)
{
    for (isize i = 0; i < countof(providers); i++) {
        Ctx cx = start(providers[i]);
        PayIntent a, b;
        must(pay_intent(&cx, order_one, 4900, S("EUR"), &a));
        cx = start(providers[i]);                 /* as after a crash */
        must(pay_intent(&cx, order_one, 4900, S("EUR"), &b));
        must(str_is(a.intentId, b.intentId) && str_is(a.provider, str_of(providers[i])));
        must(a.intentId.len > 0 && a.intentId.len <= 255);
    }
}

TEST(another_order_or_tenant_has_another_intent)
{
    for (isize i = 0; i < countof(providers); i++) {
        Ctx cx = start(providers[i]);
        PayIntent a, b, c;
        must(pay_intent(&cx, order_one, 4900, S("EUR"), &a));
        must(pay_intent(&cx, order_two, 4900, S("EUR"), &b));
        cx.tenant.v.b[0] = 7;
        must(pay_intent(&cx, order_one, 4900, S("EUR"), &c));
        must(!str_is(a.intentId, b.intentId) && !str_is(a.intentId, c.intentId));
    }
}

TEST(an_unknown_provider_and_a_missing_key_stop_the_start)
{
    PayConfig config = { S("piggybank"), { (u8 *)KEY, sizeof KEY - 1 }, S("") };
    Str why = { 0 };

    pay_close();
    must(!pay_open(&config, &why) && why.len > 0);
    config = (PayConfig){ .provider = S("sandbox") };
    why = (Str){ 0 };
    must(!pay_open(&config, &why) && why.len > 0);
}

/* ---- the sandbox ---- */

typedef struct Delivered { int count, status; Str path, body; Header headers[8]; isize n; } Delivered;
static Delivered got;

static bool take(Ctx *cx, Str path, const Header *headers, isize n, Str body, int *status)
{
    (void)cx;
    must(n <= countof(got.headers));
    got.count++;
    got.path = path;
    got.body = body;
    got.n = n;
    memcpy(got.headers, headers, (size_t)n * sizeof *headers);
    *status = got.status;
    return true;
}

static PayIntent asked(Ctx *cx)
{
    PayIntent p;

    *cx = start("sandbox");
    got = (Delivered){ .status = 200 };
    pay_set_deliver(take);
    must(pay_intent(cx, order_one, 4900, S("EUR"), &p));
    return p;
}

TEST(an_intent_says_what_is_to_be_paid)
{
    Ctx cx;
    PayIntent p = asked(&cx);
    SandboxIntent in;

    must(sandbox_read(&cx, p.intentId, &in));
    must(uuid_is(in.order.v, order_one.v) && uuid_is(in.tenant.v, TENANT_DEFAULT.v));
    must(in.amount == 4900 && str_is(str_of(in.currency), S("EUR")));
    must(str_starts(p.url, S("http://shop.example/pay/sandbox/pi_sbx_")));
}

/* With another provider the sandbox has no key, and anybody can seal with none. */
TEST(while_the_sandbox_is_closed_no_intent_is_its_own)
{
    Ctx cx;
    SandboxIntent in;
    char sealed[7 + 44] = "intent:\1";
    u8 no_key[SHA256_BYTES] = { 0 }, forged[60];

    asked(&cx);
    pay_close();
    sealed[7 + 16] = 1;                           /* the default tenant       */
    sealed[7 + 17] = 1;                           /* some order               */
    memcpy(sealed + 7 + 41, "EUR", 3);
    Digest mac = hmac_sha256(no_key, sizeof no_key, (Str){ sealed, sizeof sealed });
    memcpy(forged, sealed + 7, 44);
    memcpy(forged + 44, mac.b, 16);
    Str text = base64url_write(mem, forged, sizeof forged);
    must(!sandbox_read(&cx, str_fmt(mem, "pi_sbx_%.*s", STR_ARGS(text)), &in));
    must_fault(&cx, NOT_FOUND);
}

/* Each letter in turn is changed: none may pass for another amount or order. */
TEST(an_intent_with_any_letter_changed_is_nobodys)
{
    Ctx cx;
    PayIntent p = asked(&cx);
    SandboxIntent in;

    for (isize i = 0; i < p.intentId.len; i++) {
        char *copy = make(mem, char, p.intentId.len);
        memcpy(copy, p.intentId.at, (size_t)p.intentId.len);
        copy[i] = copy[i] == 'B' ? 'C' : 'B';
        fault_clear(&cx);
        must(!sandbox_read(&cx, (Str){ copy, p.intentId.len }, &in));
        must_fault(&cx, NOT_FOUND);
    }
    fault_clear(&cx);
    must(!sandbox_read(&cx, S(""), &in) && cx.fault.code == NOT_FOUND);
    fault_clear(&cx);
    must(!sandbox_read(&cx, S("pi_sbx_"), &in) && cx.fault.code == NOT_FOUND);
}

TEST(a_payment_arrives_as_a_signed_webhook)
{
    Ctx cx;
    PayIntent p = asked(&cx);
    Webhook w;
    Str why, id, again;

    must(sandbox_decide(&cx, p.intentId, OUTCOME_SUCCEEDED));
    must(got.count == 1 && str_is(got.path, S("/api/v1/webhooks/payment-success")));
    Req rq = { .headers = got.headers, .header_count = got.n, .body = got.body };
    must(webhook_check(&cx, &rq, &w));
    const Json *j = json_read(mem, got.body, &why);
    i64 amount;
    must(json_get_int(j, "amountCents", &amount) && amount == 4900);
    must(json_get_str(j, "orderId", &id) && str_is(id, uuid_str(mem, order_one.v)));
    must(json_get_str(j, "paymentId", &id) && id.len > 0);

    must(sandbox_decide(&cx, p.intentId, OUTCOME_SUCCEEDED));
    must(json_get_str(json_read(mem, got.body, &why), "paymentId", &again));
    must(str_is(id, again));
}

TEST(a_refused_payment_arrives_on_the_other_path)
{
    Ctx cx;
    PayIntent p = asked(&cx);

    must(sandbox_decide(&cx, p.intentId, OUTCOME_FAILED));
    must(str_is(got.path, S("/api/v1/webhooks/payment-failed")));
    must(str_has(got.body, S("\"reason\":")));
}

TEST(what_the_webhook_answers_is_what_the_buyer_hears)
{
    static const struct { int status; FaultCode code; } rows[] = {
        { 404, NOT_FOUND }, { 409, INVALID_STATE }, { 410, INVALID_STATE },
        { 503, BUSY }, { 401, INTERNAL_ERROR }, { 500, INTERNAL_ERROR } };

    for (isize i = 0; i < countof(rows); i++) {
        Ctx cx;
        PayIntent p = asked(&cx);
        got.status = rows[i].status;
        must(!sandbox_decide(&cx, p.intentId, OUTCOME_SUCCEEDED));
        must_fault(&cx, rows[i].code);
    }
}

TEST(a_forged_intent_delivers_nothing)
{
    Ctx cx;
    PayIntent p = asked(&cx);

    must(!sandbox_decide(&cx, str_sub(p.intentId, 0, p.intentId.len - 1), OUTCOME_SUCCEEDED));
    must_fault(&cx, NOT_FOUND);
    must(got.count == 0);
}
