/* type.h - a kind of ticket of an event: its name, price, number and sale window.
 * Needs: events, store.  Used by: type_http.c, the relay's availability. */
#pragma once
#include "base/shape.h"
#include "store/store.h"

typedef struct TicketType {
    TypeId  id;
    EventId eventId;
    Str     name, description;
    i64     priceCents;
    Str     currency;
    i64     quantity, available, held, sold, blocked;
    i64     maxPerPurchase;
    Instant saleStartDate, saleEndDate;
    bool    isActive;
    Instant createdAt, updatedAt;
    i64     version;
} TicketType;

extern const Shape type_new_shape, type_change_shape, type_shape, type_answer_shape;
typedef struct TypeAnswer { TicketType ticketType; } TypeAnswer;

/* What an organiser may change later; absent members stay. */
typedef struct TypeChange {
    Str     name, description;
    i64     priceCents, quantity, maxPerPurchase;   /* -1: stays             */
    Instant saleStartDate, saleEndDate;
    Maybe   isActive;
    i64     version;                     /* -1: whatever it is               */
} TypeChange;

/* Both ask for the right to manage the event.
 *   fails   NOT_FOUND, FORBIDDEN, CONFLICT (name, version), VALIDATION_ERROR */
CHECKED bool type_make(Ctx *cx, TicketType *t);                       /* tx: inside */
CHECKED bool type_change(Ctx *cx, TypeId id, const TypeChange *c, TicketType *out);   /* inside */

/* tx: opens its own */
CHECKED bool type_get(Ctx *cx, TypeId id, TicketType *out);
/* Active ones by price; of an event that the caller may see. */
CHECKED bool type_list(Ctx *cx, EventId event, TicketType **rows, isize *count);
