/* stock.h - the tickets of a type that are left, held and sold.
 *
 * Every movement of an event's stock happens in lane_of(event) and checks as it
 * takes, and quantity = available + held + sold + blocked holds at every commit because
 * the table says so too.
 * Needs: store, events.  Used by: hold.c, order.c.
 *
 * All run inside the caller's write_tx or write_many. */
#pragma once
#include "store/store.h"

typedef struct Price { i64 cents; Str currency; } Price;

/* What is left of one type, and how much of that this batch has taken. */
typedef struct LotRow {
    i64 available, most;
    bool active;
    Instant start, end;
    Str status;                                   /* of the event             */
    i64 cents;
    Str currency;
} LotRow;
typedef struct Lot { EventId event; TypeId type; LotRow row; bool found; i64 taken; } Lot;
typedef struct Stock { Lot *lots; isize count; } Stock;

/* Adds a type to those that will be read; `lots` has room for it. */
void stock_want(Stock *s, EventId event, TypeId type);

/* Reads what is left of all that are wanted. */
CHECKED bool stock_read(Ctx *cx, Stock *s);

/* Takes `count` for one buyer, whose cx it is, when the event is ON_SALE and the type is
 * active, of this event, inside its sale window, and allows that many at once.
 *   gives   *price: of one ticket
 *   fails   NOT_FOUND, NOT_ON_SALE, VALIDATION_ERROR (too many at once), SOLD_OUT */
CHECKED bool stock_take(Ctx *cx, Stock *s, EventId event, TypeId type, i64 count,
                        Price *price);

/* Puts back what stock_take took. */
void stock_untake(Stock *s, EventId event, TypeId type, i64 count);

/* Moves what was taken from available to held. Fails as the store does. */
CHECKED bool stock_write(Ctx *cx, const Stock *s);

/* Moves all lines of a hold from held back to available. The caller has moved the
 * hold out of ACTIVE in this transaction, which is what makes it happen once. */
CHECKED bool stock_return(Ctx *cx, HoldId hold);

/* Moves all lines of a hold from held to sold. */
CHECKED bool stock_sell(Ctx *cx, HoldId hold);

/* The event follows its stock: SOLD_OUT from ON_SALE when nothing that is offered is
 * available or held any more, back to ON_SALE when there is some again. */
CHECKED bool stock_settle(Ctx *cx, EventId event);
