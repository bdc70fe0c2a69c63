/* payment_http.c - the provider's word comes in.
 *
 * The signature is checked first, then the tenant is taken from the signed body, and
 * the nonce is spent in the transaction that does the work: a message that failed
 * half-way may come again, one that worked may not. */
#include "pay/webhook.h"
#include "tickets/order.h"
#include "tickets/tickets_http.h"

typedef struct {
    OrderId  orderId;
    Str      paymentId;
    TenantId tenantId;
    i64      amountCents;
    Str      currency, reason;
} Word;

const Shape success_shape = SHAPE(Word,
    ID(Word, orderId, 0, "The order that was paid"),
    TEXT(Word, paymentId, 1, 255, 0, "The provider's name of the payment"),
    ID(Word, tenantId, 0, "The order's tenant"),
    NUMBER(Word, amountCents, 0, INT64_MAX, 0, 0, "What was paid, minor units"),
    TEXT(Word, currency, 3, 3, 0, "ISO 4217"));

const Shape failure_shape = SHAPE(Word,
    ID(Word, orderId, 0, "The order that was not paid"),
    TEXT(Word, paymentId, 1, 255, OPTIONAL, "The provider's name of the payment"),
    ID(Word, tenantId, 0, "The order's tenant"),
    TEXT(Word, reason, 0, 500, 0, "Why not"));

typedef struct { bool processed; Instant timestamp; } Processed;
const Shape processed_shape = SHAPE(Processed,
    BOOL(Processed, processed, 0, "true"), TIME(Processed, timestamp, 0, "When"));

SQL_ALL(nonce_take,
    "INSERT INTO webhook_nonce (endpoint, nonce, at) VALUES ($1, $2, $3)"
    " ON CONFLICT DO NOTHING");

/* One endpoint for all that the provider says: the signature covers the body and not
 * the path, so a word of failure must not be sent again as one of success. */
#define ENDPOINT S("payment")

typedef struct { Word in; Webhook hook; } Work;

static bool take_nonce(Ctx *cx, const Work *w)
{
    i64 taken;

    if (!sql_run(cx, &nonce_take, &taken, V(ENDPOINT), V(w->hook.nonce), V(cx->now)))
        return false;
    return taken == 1 || fail(cx, INVALID_SIGNATURE, "the nonce was used before");
}

static bool paid(Ctx *cx, void *arg)
{
    Work *w = arg;
    Paid p = { w->in.orderId, w->in.paymentId, w->in.amountCents, w->in.currency };
    return take_nonce(cx, w) && order_paid(cx, &p);
}

static bool failed(Ctx *cx, void *arg)
{
    Work *w = arg;
    return take_nonce(cx, w) && order_failed(cx, w->in.orderId, w->in.reason);
}

static bool hear(Ctx *cx, Req *rq, const Shape *shape, TxFn *fn)
{
    Work w = { 0 };
    Processed done = { true, cx->now };
    EventId event;

    if (!webhook_check(cx, rq, &w.hook) || !req_read(cx, rq, shape, &w.in))
        return false;
    cx->tenant = w.in.tenantId;
    return order_event(cx, w.in.orderId, &event) &&
           write_tx(cx, lane_of(event.v), fn, &w) &&
           reply(cx, rq, 200, &processed_shape, &done);
}

/* POST /api/v1/webhooks/payment-success -> 200 {processed, timestamp} */
bool payment_success(Ctx *cx, Req *rq) { return hear(cx, rq, &success_shape, paid); }

/* POST /api/v1/webhooks/payment-failed -> 200 {processed, timestamp} */
bool payment_failure(Ctx *cx, Req *rq) { return hear(cx, rq, &failure_shape, failed); }

enum { FORGET_AT_ONCE = 1000 };
SQL_ALL(nonce_forget,
    "DELETE FROM webhook_nonce WHERE (endpoint, nonce) IN"
    " (SELECT endpoint, nonce FROM webhook_nonce WHERE at < $1 ORDER BY at LIMIT $2)");

static bool forget(Ctx *cx, void *arg)
{
    return sql_run(cx, &nonce_forget, (i64 *)arg, V(earlier(cx->now, WEBHOOK_NONCE_KEPT)),
                   V(FORGET_AT_ONCE));
}

bool payment_clock(Ctx *cx)
{
    i64 gone = 0;

    do
        if (!write_tx(cx, (Lane){ 0 }, forget, &gone))
            return false;
    while (gone > 0);
    return true;
}
