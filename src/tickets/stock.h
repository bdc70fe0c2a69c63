/* stock.h - the tickets of a type that are left, held and sold.
 *
 * Every movement is one UPDATE that checks as it takes, so the row is the only
 * lock a sale needs, and quantity = available + held + sold + blocked holds at
 * every commit because the table says so too.
 * Needs: store, events.  Used by: hold.c, order.c.
 *
 * All run inside the caller's write_tx. */
#pragma once
#include "store/store.h"

/* Moves `count` from available to held, when the event is ON_SALE and the type is
 * active, of this event, inside its sale window, and allows that many at once.
 *   gives   *price: of one ticket
 *   fails   NOT_FOUND, NOT_ON_SALE, VALIDATION_ERROR (too many at once), SOLD_OUT */
typedef struct Price { i64 cents; Str currency; } Price;
CHECKED bool stock_hold(Ctx *cx, EventId event, TypeId type, i64 count, Price *price);

/* Moves all lines of a hold from held back to available. The caller has moved the
 * hold out of ACTIVE in this transaction, which is what makes it happen once. */
CHECKED bool stock_return(Ctx *cx, HoldId hold);

/* Moves all lines of a hold from held to sold. */
CHECKED bool stock_sell(Ctx *cx, HoldId hold);

/* The event follows its stock: SOLD_OUT from ON_SALE when nothing that is offered is
 * available or held any more, back to ON_SALE when there is some again. */
CHECKED bool stock_settle(Ctx *cx, EventId event);
