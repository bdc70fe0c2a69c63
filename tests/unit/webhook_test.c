/* webhook_test.c - the known answer was made with `openssl dgst -sha256 -hmac` and,
 * from the object, with node's crypto; both gave the same. */
#include "pay/webhook.h"
#include "unit/test.h"

#define KEY   "a webhook key of forty-two bytes, no less."
#define NONCE "0123456789abcdef0123456789abcdef"
#define ANSWER "c1513a69f778915014431a01448181a168840fbcf422cf93714e9c3ac818f4e1"
#define NEW_YEAR ((Instant){ 1767225600000 })               /* 2026-01-01     */

static const char loose[] =
    " {\"orderId\" : \"0198c0de-0000-7000-8000-000000000001\",\n"
    "  \"meta\": {\"b\":\"\\u00e9 \\\"q\\\"\", \"a\":[1, {\"y\":true,\"x\":null}]},\n"
    "  \"currency\":\"EUR\", \"amountCents\":4900} ";

typedef struct Post { Header headers[WEBHOOK_HEADERS]; Req rq; } Post;

static Ctx start(void)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);

    cx.now = NEW_YEAR;
    webhook_key((Secret){ (u8 *)KEY, sizeof KEY - 1 });
    return cx;
}

static Post *posted(Str timestamp, Str nonce, Str signature, Str body)
{
    Post *p = make(mem, Post, 1);

    p->headers[0] = (Header){ S("X-Webhook-Timestamp"), timestamp };
    p->headers[1] = (Header){ S("X-Webhook-Nonce"), nonce };
    p->headers[2] = (Header){ S("X-Internal-Signature"), signature };
    p->rq = (Req){ .headers = p->headers, .header_count = WEBHOOK_HEADERS, .body = body };
    return p;
}

TEST(a_signature_made_elsewhere_holds_whatever_the_order_of_members)
{
    Ctx cx = start();
    Webhook w;

    must(webhook_check(&cx, &posted(S("1767225600000"), S(NONCE), S(ANSWER), S(loose))->rq, &w));
    must(str_is(w.nonce, S(NONCE)) && w.sent.ms == NEW_YEAR.ms);
    must(w.until.ms == NEW_YEAR.ms + 600000);
}

TEST(a_changed_body_nonce_time_signature_or_key_is_refused)
{
    Webhook w;

    for (int i = 0; i < 5; i++) {
        Ctx cx = start();
        Str time = i == 1 ? S("1767225600001") : S("1767225600000");
        Str nonce = i == 2 ? S("0123456789abcdef0123456789abcdee") : S(NONCE);
        Str sign = i == 3 ? S("d" ANSWER) : S(ANSWER);
        if (i == 3)
            sign = str_sub(sign, 0, 64);
        if (i == 4)
            webhook_key((Secret){ (u8 *)KEY, sizeof KEY - 2 });
        Str body = i == 0 ? S("{\"amountCents\":4901}") : S(loose);
        must(!webhook_check(&cx, &posted(time, nonce, sign, body)->rq, &w));
        must_fault(&cx, INVALID_SIGNATURE);
    }
}

TEST(a_missing_or_malformed_header_is_refused)
{
    static const Str bad[][3] = {
        { { 0 }, { NONCE, 32 }, { ANSWER, 64 } },
        { { "1767225600000", 13 }, { 0 }, { ANSWER, 64 } },
        { { "1767225600000", 13 }, { NONCE, 32 }, { 0 } },
        { { "1767225600000", 13 }, { NONCE, 15 }, { ANSWER, 64 } },
        { { "1767225600000", 13 }, { "0123456789abcdef:", 17 }, { ANSWER, 64 } },
        { { "1767225600000", 13 }, { NONCE, 32 }, { ANSWER, 62 } },
        { { "1767225600000x", 14 }, { NONCE, 32 }, { ANSWER, 64 } },
        { { "-1", 2 }, { NONCE, 32 }, { ANSWER, 64 } },
        { { "9223372036854775807", 19 }, { NONCE, 32 }, { ANSWER, 64 } },
    };
    Webhook w;

    for (isize i = 0; i < countof(bad); i++) {
        Ctx cx = start();
        must(!webhook_check(&cx, &posted(bad[i][0], bad[i][1], bad[i][2], S(loose))->rq, &w));
        must_fault(&cx, INVALID_SIGNATURE);
    }
}

TEST(a_webhook_holds_for_five_minutes_either_way)
{
    Header h[WEBHOOK_HEADERS];
    Webhook w;

    for (int i = -301; i <= 301; i += 301 * 2) {
        Ctx cx = start();
        must(webhook_sign(&cx, S("{\"b\":1,\"a\":2}"), h));
        Req rq = { .headers = h, .header_count = WEBHOOK_HEADERS, .body = S("{\"a\":2,\"b\":1}") };
        cx.now = later(NEW_YEAR, seconds(i > 0 ? 300 : -300));
        must(webhook_check(&cx, &rq, &w));
        cx.now = later(NEW_YEAR, seconds(i));
        must(!webhook_check(&cx, &rq, &w));
        must_fault(&cx, INVALID_SIGNATURE);
    }
}

TEST(without_a_key_nothing_holds)
{
    Ctx cx = start();
    Webhook w;

    webhook_key((Secret){ 0 });
    must(!webhook_check(&cx, &posted(S("1767225600000"), S(NONCE), S(ANSWER), S(loose))->rq, &w));
    must_fault(&cx, INVALID_SIGNATURE);
}

TEST(two_signatures_of_one_body_have_two_nonces)
{
    Ctx cx = start();
    Header a[WEBHOOK_HEADERS], b[WEBHOOK_HEADERS];

    must(webhook_sign(&cx, S("{}"), a) && webhook_sign(&cx, S("{}"), b));
    must(!str_is(a[1].value, b[1].value) && !str_is(a[2].value, b[2].value));
}
