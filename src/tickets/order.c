/* order.c - every move through one table, compare-and-set on the old state, history
 * in the same transaction. The order number has eight digits because people read
 * it aloud; it names nothing that can be guessed into, since every look-up asks
 * for the owner too. */
#include "tickets/order.h"
#include "base/rand.h"
#include "events/event.h"
#include "store/outbox.h"
#include "tickets/stock.h"

static const char *const status_text[] = {
    "PENDING", "PAID", "AWAITING_MINT", "COMPLETED", "PAYMENT_FAILED", "CANCELLED",
    "EXPIRED", "MINT_FAILED", "PARTIALLY_REFUNDED", "REFUNDED",
};
static const Names order_status_names = { status_text, countof(status_text) };

#define BIT(status) (1u << (status))

/* The allowed moves: from each state, the set of states that may follow. */
static const unsigned moves[countof(status_text)] = {
    [ORDER_PENDING] = BIT(ORDER_PAID) | BIT(ORDER_PAYMENT_FAILED) | BIT(ORDER_CANCELLED) |
                      BIT(ORDER_EXPIRED),
    [ORDER_PAID] = BIT(ORDER_COMPLETED) | BIT(ORDER_AWAITING_MINT),
    [ORDER_AWAITING_MINT] = BIT(ORDER_COMPLETED) | BIT(ORDER_MINT_FAILED),
    [ORDER_COMPLETED] = BIT(ORDER_PARTIALLY_REFUNDED) | BIT(ORDER_REFUNDED),
    [ORDER_MINT_FAILED] = BIT(ORDER_AWAITING_MINT) | BIT(ORDER_REFUNDED),
    [ORDER_PARTIALLY_REFUNDED] = BIT(ORDER_REFUNDED),
};

const Shape order_shape = SHAPE(Order,
    ID(Order, id, 0, "The order"),
    TEXT(Order, orderNumber, 12, 12, 0, "ORD- and eight digits"),
    ID(Order, eventId, 0, "The event"),
    ID(Order, personId, UNLISTED, "Who buys"),
    ID(Order, reservationId, 0, "The reservation it came of"),
    NAME(Order, status, &order_status_names, 0, "Where it stands"),
    NUMBER(Order, subtotalCents, 0, INT64_MAX, 0, 0, "Sum of the prices"),
    NUMBER(Order, feeCents, 0, INT64_MAX, 0, 0, "Service fee"),
    NUMBER(Order, totalCents, 0, INT64_MAX, 0, 0, "To pay, minor units"),
    TEXT(Order, currency, 3, 3, 0, "ISO 4217"),
    TIME(Order, expiresAt, 0, "To be paid before"),
    TIME(Order, createdAt, 0, "Made then"),
    TIME(Order, updatedAt, 0, "Moved last"),
    LIST(Order, tickets, &ticket_shape, 0, 100, OPTIONAL,
         "The tickets, once it is paid"));

const Shape order_answer_shape = SHAPE(OrderAnswer,
    OBJECT(OrderAnswer, order, &order_shape, 0, "The order"));

#define ORDER_COLUMNS "id, number, event, person, hold, status, subtotal_cents, fee_cents," \
                      " total_cents, currency, expires_at, created_at, updated_at"

SQL(order_write,
    "INSERT INTO orders (tenant, " ORDER_COLUMNS ")"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)");
SQL(order_numbered, "SELECT count(*) FROM orders WHERE tenant = $1 AND number = $2");
SQL(order_of_hold,
    "SELECT " ORDER_COLUMNS " FROM orders WHERE tenant = $1 AND hold = $2");
SQL(order_any, "SELECT " ORDER_COLUMNS " FROM orders WHERE tenant = $1 AND id = $2");
SQL(order_own,
    "SELECT " ORDER_COLUMNS " FROM orders WHERE tenant = $1 AND id = $2 AND person = $3");
SQL(order_page,
    "SELECT " ORDER_COLUMNS " FROM orders WHERE tenant = $1 AND person = $2"
    " AND (id < $3 OR $3 IS NULL) ORDER BY id DESC LIMIT $4");
SQL(order_set,
    "UPDATE orders SET status = $4, updated_at = $5"
    " WHERE tenant = $1 AND id = $2 AND status = $3");
SQL(order_remember,
    "INSERT INTO order_history (tenant, orders, at, was, became, reason)"
    " VALUES ($1, $2, $3, $4, $5, $6)");
SQL(payment_write,
    "INSERT INTO payment (tenant, intent, orders, amount_cents, currency, status, at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, intent) DO NOTHING");
SQL(order_note_payment, "UPDATE orders SET payment = $3 WHERE tenant = $1 AND id = $2");
static i64 fee_basis;

void order_setup(i64 fee_basis_points) { fee_basis = fee_basis_points; }

/* ---- moving --------------------------------------------------------------- */

static bool tell(Ctx *cx, const Order *o, const char *type)
{
    Buf b = buf_in(cx->mem, 512);

    shape_write(&b, &order_shape, o);
    return outbox_tell(cx, o->personId, o->eventId, type, buf_str(&b));
}

/* The one door: compare-and-set, history. Fails INVALID_STATE. */
static bool order_move(Ctx *cx, Order *o, OrderStatus to, Str reason)
{
    Str was = names_str(&order_status_names, (int)o->status);
    Str becomes = names_str(&order_status_names, (int)to);
    i64 moved = 0;

    if ((moves[o->status] & BIT(to)) != 0 &&
        !sql_run(cx, &order_set, &moved, V(o->id.v), V(was), V(becomes), V(cx->now)))
        return false;
    if (moved == 0)
        return fail(cx, INVALID_STATE, "order %.*s -> %.*s", STR_ARGS(was),
                    STR_ARGS(becomes));
    o->status = to;
    o->updatedAt = cx->now;
    return sql_run(cx, &order_remember, NULL, V(o->id.v), V(cx->now), V(was), V(becomes),
                   V(reason));
}

/* ---- making --------------------------------------------------------------- */

static bool choose_number(Ctx *cx, Order *o)
{
    enum { TRIES = 20 };
    i64 taken = 1;

    for (int i = 0; i < TRIES && taken > 0; i++) {
        o->orderNumber = str_fmt(cx->mem, "ORD-%08u", rand_below(100000000));
        if (!sql_int(cx, &order_numbered, &taken, V(o->orderNumber)))
            return false;
    }
    return taken == 0 || fail(cx, CONFLICT, "no order number is free");
}

static bool may_order(Ctx *cx, const Hold *h)
{
    bool found;
    Order other;
    Event e;

    if (h->status == HOLD_EXPIRED ||
        (h->status == HOLD_ACTIVE && !before(cx->now, h->expiresAt)))
        return fail(cx, RESERVATION_EXPIRED, "hold lapsed");
    if (!sql_find(cx, &order_of_hold, &order_shape, &other, &found, V(h->id.v)))
        return false;
    if (found)
        return fail(cx, CONFLICT, "the hold has an order");
    if (!event_get(cx, h->eventId, &e))
        return false;
    if (e.status == EVENT_CANCELLED)
        return fail(cx, RESERVATION_EXPIRED, "the event is cancelled");
    return h->status == HOLD_ACTIVE || fail(cx, RESERVATION_EXPIRED, "hold ended");
}

static bool write_order(Ctx *cx, const Order *o)
{
    return sql_run(cx, &order_write, NULL, V(o->id.v), V(o->orderNumber), V(o->eventId.v),
                   V(o->personId.v), V(o->reservationId.v),
                   V(names_str(&order_status_names, (int)o->status)), V(o->subtotalCents),
                   V(o->feeCents), V(o->totalCents), V(o->currency), V(o->expiresAt),
                   V(o->createdAt));
}

static bool complete(Ctx *cx, Order *o, const Hold *h, Str intent);

bool order_make(Ctx *cx, HoldId hold, Order *o)
{
    Hold h;

    if (!hold_get(cx, hold, &h) || !may_order(cx, &h))
        return false;
    *o = (Order){ .id = { uuid_new(cx->now) }, .eventId = h.eventId,
                  .personId = h.personId, .reservationId = h.id, .status = ORDER_PENDING,
                  .subtotalCents = h.totalCents,
                  .feeCents = h.totalCents * fee_basis / 10000, .currency = h.currency,
                  .expiresAt = h.expiresAt, .createdAt = cx->now, .updatedAt = cx->now };
    o->totalCents = o->subtotalCents + o->feeCents;
    if (!choose_number(cx, o) || !write_order(cx, o) || !tell(cx, o, "order.created"))
        return false;
    return o->totalCents > 0 || complete(cx, o, &h, (Str){ 0 });
}

/* ---- the provider's word -------------------------------------------------- */

/* Who came first is asked of the table: an order of another event is paid in another
 * lane. */
static bool note_payment(Ctx *cx, const Order *o, const Paid *p, const char *status)
{
    i64 noted;

    return sql_run(cx, &payment_write, &noted, V(p->intent), V(o->id.v),
                   V(p->amount_cents), V(p->currency), V(status), V(cx->now)) &&
           (noted == 1 || fail(cx, CONFLICT, "the payment is another order's"));
}

/* From PENDING to COMPLETED in one transaction: hold, stock, tickets, order. */
static bool complete(Ctx *cx, Order *o, const Hold *h, Str intent)
{
    bool ended;
    Str no_reason = { 0 };

    if (!hold_end(cx, h, HOLD_COMPLETED, &ended))
        return false;
    must(ended);                                 /* the caller saw it ACTIVE in this tx */
    Batch batch = { o->id, o->eventId, o->personId, o->currency, h->tickets };
    return order_move(cx, o, ORDER_PAID, no_reason) && tell(cx, o, "order.paid") &&
           (intent.at == NULL ||
            sql_run(cx, &order_note_payment, NULL, V(o->id.v), V(intent))) &&
           ticket_issue(cx, &batch, &o->tickets) &&
           order_move(cx, o, ORDER_COMPLETED, no_reason) &&
           tell(cx, o, "order.completed") && stock_settle(cx, o->eventId);
}

/* The order has gone another way. The money is kept in sight, the stock is not
 * touched. */
static bool note_late(Ctx *cx, const Order *o, const Paid *p)
{
    Buf b = buf_in(cx->mem, 256);

    buf_lit(&b, "{\"orderId\":\"");
    uuid_write(&b, o->id.v);
    buf_fmt(&b, "\",\"amountCents\":%jd,\"reason\":\"paid too late\"}",
            (intmax_t)p->amount_cents);
    return note_payment(cx, o, p, "REFUND_DUE") &&
           outbox_tell(cx, o->personId, o->eventId, "refund.requested", buf_str(&b));
}

SQL(payment_of, "SELECT orders FROM payment WHERE tenant = $1 AND intent = $2");

typedef struct { OrderId order; } PaymentOf;
static const Shape payment_row = SHAPE(PaymentOf, ID(PaymentOf, order, 0, ""));

/* One payment, one order: its name can't pay for a second one. */
static bool told_before(Ctx *cx, const Paid *p, bool *told)
{
    PaymentOf of;

    if (!sql_find(cx, &payment_of, &payment_row, &of, told, V(p->intent)))
        return false;
    return !*told || uuid_is(of.order.v, p->order.v) ||
           fail(cx, CONFLICT, "the payment is another order's");
}

/* The money has come, but the event was cancelled and the clock has not been here yet. */
static bool call_off(Ctx *cx, const Order *o, const Hold *h, const Paid *p)
{
    bool ended;

    return hold_end(cx, h, HOLD_CANCELLED, &ended) &&
           order_lapse(cx, h->id, ORDER_CANCELLED) && note_late(cx, o, p);
}

bool order_paid(Ctx *cx, const Paid *p)
{
    Order o;
    Hold h;
    Event e;
    bool told;

    if (!sql_get(cx, &order_any, &order_shape, &o, V(p->order.v)) ||
        !told_before(cx, p, &told))
        return false;
    if (told)
        return true;
    if (p->amount_cents != o.totalCents || !str_is(p->currency, o.currency))
        return fail_field(cx, S("amountCents"), "is not what the order asks for");
    if (o.status != ORDER_PENDING)
        return note_late(cx, &o, p);
    if (!hold_any(cx, o.reservationId, &h) || !event_get(cx, o.eventId, &e))
        return false;
    must(h.status == HOLD_ACTIVE);                /* they end together        */
    if (e.status == EVENT_CANCELLED)
        return call_off(cx, &o, &h, p);
    return note_payment(cx, &o, p, "TAKEN") && complete(cx, &o, &h, p->intent);
}

bool order_failed(Ctx *cx, OrderId id, Str reason)
{
    Order o;
    Hold h;
    bool ended;

    if (!sql_get(cx, &order_any, &order_shape, &o, V(id.v)))
        return false;
    if (o.status != ORDER_PENDING)
        return true;                              /* it went another way      */
    return hold_any(cx, o.reservationId, &h) &&
           hold_end(cx, &h, HOLD_CANCELLED, &ended) &&
           order_move(cx, &o, ORDER_PAYMENT_FAILED, reason) &&
           tell(cx, &o, "order.failed");
}

bool order_lapse(Ctx *cx, HoldId hold, OrderStatus to)
{
    Order o;
    bool found;

    if (!sql_find(cx, &order_of_hold, &order_shape, &o, &found, V(hold.v)))
        return false;
    if (!found || o.status != ORDER_PENDING)
        return true;
    return order_move(cx, &o, to, (Str){ 0 }) &&
           tell(cx, &o, to == ORDER_EXPIRED ? "order.expired" : "order.cancelled");
}

/* ---- looking -------------------------------------------------------------- */

typedef struct { OrderId id; Order order; } Finding;

static bool find_any(Ctx *cx, void *arg)
{
    Finding *f = arg;
    return sql_get(cx, &order_any, &order_shape, &f->order, V(f->id.v));
}

bool order_event(Ctx *cx, OrderId id, EventId *out)
{
    Finding f = { .id = id };
    bool good = read_tx(cx, find_any, &f);

    *out = f.order.eventId;
    return good;
}

typedef struct { OrderId id; Order *out; } Getting;

static bool get(Ctx *cx, void *arg)
{
    Getting *g = arg;
    return sql_get(cx, &order_own, &order_shape, g->out, V(g->id.v), V(cx->who.user.v)) &&
           ticket_of_order(cx, g->id, &g->out->tickets);
}

bool order_get(Ctx *cx, OrderId id, Order *out)
{
    return read_tx(cx, get, &(Getting){ id, out });
}

typedef struct { OrderId before; i64 most; Order **rows; isize *count; } Listing;

static bool list(Ctx *cx, void *arg)
{
    Listing *l = arg;
    return sql_rows(cx, &order_page, &order_shape, l->rows, l->count, V(cx->who.user.v),
                    V(l->before.v), V(l->most));
}

bool order_list(Ctx *cx, OrderId older, i64 most, Order **rows, isize *count)
{
    return read_tx(cx, list, &(Listing){ older, most, rows, count });
}
