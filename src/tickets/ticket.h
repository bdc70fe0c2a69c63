/* ticket.h - one admission of one person, from sale to entry.
 *
 * A ticket's `generation` rises with each change of owner, and the rotating code
 * carries it, so what the last owner has on his screen is dead at once.
 * Needs: store.  Used by: order.c, door.c, ticket_http.c. */
#pragma once
#include "base/shape.h"
#include "store/store.h"
#include "tickets/hold.h"

typedef enum TicketStatus { TICKET_AVAILABLE, TICKET_RESERVED, TICKET_SOLD, TICKET_USED,
                            TICKET_CANCELLED, TICKET_EXPIRED, TICKET_TRANSFERRED,
                            TICKET_REFUNDED, TICKET_REVOKED } TicketStatus;
extern const Names ticket_status_names;

typedef struct Ticket {
    TicketId     id;
    Str          ticketNumber;           /* TKT- and ten letters             */
    EventId      eventId;
    TypeId       ticketTypeId;
    UserId       personId;               /* who owns it now                  */
    OrderId      orderId;
    TicketStatus status;
    i64          generation, priceCents;
    Str          currency;
    Instant      issuedAt, usedAt;
    Str          usedGate;
} Ticket;

extern const Shape ticket_shape;
typedef struct TicketAnswer { Ticket ticket; } TicketAnswer;
extern const Shape ticket_answer_shape;

#define TICKET_COLUMNS "id, number, event, type, person, orders, status, generation," \
                       " price_cents, currency, issued_at, used_at, used_gate"

/* One ticket per unit of every line, SOLD, with its tiding.   tx: inside */
typedef struct Batch {
    OrderId order;
    EventId event;
    UserId person;
    Str currency;
    List lines;
} Batch;
CHECKED bool ticket_issue(Ctx *cx, const Batch *batch, List *out);

/* Moves by the table, compare-and-set, with history. Fails INVALID_STATE. tx: inside */
CHECKED bool ticket_move(Ctx *cx, Ticket *t, TicketStatus to, Str reason);

CHECKED bool ticket_of_order(Ctx *cx, OrderId order, List *out);          /* tx: inside */

/* One's own; NOT_FOUND for another's.   tx: opens its own */
CHECKED bool ticket_get(Ctx *cx, TicketId id, Ticket *out);
/* The event a ticket is of, whoever owns it, which says the lane. NOT_FOUND. tx: opens
 * its own */
CHECKED bool ticket_event(Ctx *cx, TicketId id, EventId *out);
/* Whoever owns it.   tx: inside */
CHECKED bool ticket_any(Ctx *cx, TicketId id, Ticket *out, bool *found);
CHECKED bool ticket_list(Ctx *cx, TicketId older, i64 most, Ticket **rows, isize *count);

/* Gives one's ticket to another person of the tenant, at once.
 *   fails   NOT_FOUND (ticket or recipient), INVALID_STATE, VALIDATION_ERROR (to oneself)
 *   tx      inside, lane_of(event) */
typedef struct Handover {
    TicketId ticketId;
    UserId toUserId;
    Str toEmail, reason;
} Handover;
extern const Shape handover_shape;
CHECKED bool ticket_hand_over(Ctx *cx, const Handover *h, Ticket *out);
