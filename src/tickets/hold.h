/* hold.h - keeps some tickets of one event for one buyer for a short while.
 *
 * A hold (reservation, for the API) is the first half of a sale. It takes tickets
 * out of the stock at once, wholly or not at all, so no two buyers are ever
 * promised the same one. It ends exactly once: it becomes an order's, is given
 * back by its buyer, or lapses. order.h turns it into a sale.
 * Needs: stock, store.  Used by: hold_http.c, hold_clock.c, order.c. */
#pragma once
#include "base/shape.h"
#include "store/store.h"

/* PENDING is for holds that wait for something before they take stock (a queue);
 * none is made so today, but the name is the API's. */
typedef enum HoldStatus { HOLD_PENDING, HOLD_ACTIVE, HOLD_COMPLETED, HOLD_CANCELLED,
                          HOLD_EXPIRED } HoldStatus;

enum { HOLD_TYPES_MOST = 10, HOLD_COUNT_MOST = 10 };  /* types in one hold, of one type */

typedef struct HoldLine { TypeId ticketTypeId; i64 quantity, priceCents; } HoldLine;

typedef struct Hold {
    HoldId     id;
    EventId    eventId;
    UserId     personId;
    HoldStatus status;
    i64        quantity, totalCents;
    Str        currency;
    Instant    expiresAt, createdAt;
    List       tickets;                  /* of HoldLine                      */
} Hold;

/* What a buyer asks for. */
typedef struct Wish { EventId eventId; List tickets; } Wish;

extern const Shape wish_line_shape, wish_shape, hold_shape, hold_answer_shape;
typedef struct HoldAnswer { Hold reservation; } HoldAnswer;

/* A wish and what comes of it. */
typedef struct Placing { Wish wish; HoldAnswer answer; } Placing;

typedef struct HoldRules { Span lasts; i64 per_customer; } HoldRules;
void hold_setup(HoldRules rules);

/* The work of a hold, for write_once or a larger transaction. Checks in this order:
 * the buyer's cap, then per line (in order of type) that it is on sale and left.
 *   gives   h->..., all of it
 *   fails   VALIDATION_ERROR, NOT_FOUND, NOT_ON_SALE, LIMIT_PER_CUSTOMER, SOLD_OUT
 *   tx      runs inside the caller's write_tx on lane_of(event) */
CHECKED bool hold_place(Ctx *cx, const Wish *wish, Hold *h);

/* The same for many buyers of one tenant at once, for write_once_many; each seat's arg is
 * a Placing. Who comes first is served first. */
ManyFn hold_place_many;

/* Moves an ACTIVE hold on and, unless it is completed, gives the stock back, with the
 * tiding. *ended false: it was not ACTIVE any more, nothing was done.
 *   tx      inside */
CHECKED bool hold_end(Ctx *cx, const Hold *h, HoldStatus to, bool *ended);

/* The hold with its lines; a hold of another person is NOT_FOUND.   tx: inside */
CHECKED bool hold_get(Ctx *cx, HoldId id, Hold *out);

/* The event that one's own hold is of, which says the lane. Fails NOT_FOUND. tx: opens
 * its own */
CHECKED bool hold_event(Ctx *cx, HoldId id, EventId *out);

/* The same whoever owns it, for the machines that end it (payment, clock). tx: inside */
CHECKED bool hold_any(Ctx *cx, HoldId id, Hold *out);

/* What the clock does: ends every hold whose time has come (EXPIRED) or whose event was
 * cancelled (CANCELLED), with its unpaid order. Spans tenants.
 *   fails   with the first fault, after it has tried all
 *   thread  clock */
CHECKED bool hold_clock(Ctx *cx);
