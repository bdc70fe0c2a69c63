/* order.h - a sale: a hold that is to be paid, and what paying it brings about.
 *
 * One hold, one order; one payment, one order. Money crosses in three steps: the
 * order is written, the provider is asked (its key is the order's id), the
 * provider's signed webhook moves the order on. A payment that comes too late
 * revives nothing: it is kept as due to be refunded, and told.
 * Needs: hold, ticket, store.  Used by: order_http.c, payment_http.c, hold_clock.c. */
#pragma once
#include "tickets/hold.h"
#include "tickets/ticket.h"

typedef enum OrderStatus { ORDER_PENDING, ORDER_PAID, ORDER_AWAITING_MINT,
                           ORDER_COMPLETED, ORDER_PAYMENT_FAILED, ORDER_CANCELLED,
                           ORDER_EXPIRED, ORDER_MINT_FAILED, ORDER_PARTIALLY_REFUNDED,
                           ORDER_REFUNDED } OrderStatus;

typedef struct Order {
    OrderId     id;
    Str         orderNumber;             /* ORD-12345678                     */
    EventId     eventId;
    UserId      personId;
    HoldId      reservationId;
    OrderStatus status;
    i64         subtotalCents, feeCents, totalCents;
    Str         currency;
    Instant     expiresAt, createdAt, updatedAt;
    List        tickets;                 /* of Ticket, once there are any    */
} Order;

typedef struct OrderAnswer { Order order; } OrderAnswer;
extern const Shape order_shape, order_answer_shape;

void order_setup(i64 fee_basis_points);

/* Makes a PENDING order of an ACTIVE hold of this person; a free one is completed at
 * once.
 *   fails   NOT_FOUND, RESERVATION_EXPIRED (or its event is cancelled), CONFLICT
 *           (the hold has an order)
 *   tx      inside, lane_of(event) */
CHECKED bool order_make(Ctx *cx, HoldId hold, Order *out);

/* The event that an order is of, which says the lane. Fails NOT_FOUND. tx: opens its
 * own */
CHECKED bool order_event(Ctx *cx, OrderId id, EventId *out);

/* The provider's word, both safe to repeat.
 *   fails   NOT_FOUND; VALIDATION_ERROR when the money is not what was asked for;
 *           CONFLICT when the payment has paid another order
 *   tx      inside, lane_of(event) */
typedef struct Paid { OrderId order; Str intent; i64 amount_cents; Str currency; } Paid;
CHECKED bool order_paid(Ctx *cx, const Paid *paid);
CHECKED bool order_failed(Ctx *cx, OrderId id, Str reason);

/* The hold has ended without a sale: its PENDING order, if any, ends with it. tx:
 * inside */
CHECKED bool order_lapse(Ctx *cx, HoldId hold, OrderStatus to);

/* A person's own order with its tickets; NOT_FOUND for another's.   tx: opens its own */
CHECKED bool order_get(Ctx *cx, OrderId id, Order *out);

/* A page of one's own, newest first; `older` zero is the first page. tx: opens its own */
CHECKED bool order_list(Ctx *cx, OrderId older, i64 most, Order **rows, isize *count);
