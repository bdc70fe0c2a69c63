/* ticket.c - see ticket.h. The number is Crockford base32 (no I L O U), ten letters of
 * it, so that it survives being read over a bad telephone line. */
#include "tickets/ticket.h"
#include "base/rand.h"
#include "store/outbox.h"

static const char *const status_text[] = { "AVAILABLE", "RESERVED", "SOLD", "USED",
                                           "CANCELLED", "EXPIRED", "TRANSFERRED",
                                           "REFUNDED", "REVOKED" };
const Names ticket_status_names = { status_text, countof(status_text) };

#define BIT(status) (1u << (status))
#define ENDS (BIT(TICKET_USED) | BIT(TICKET_CANCELLED) | BIT(TICKET_EXPIRED) | \
              BIT(TICKET_REFUNDED) | BIT(TICKET_REVOKED))

static const unsigned moves[countof(status_text)] = {
    [TICKET_AVAILABLE]   = BIT(TICKET_RESERVED) | BIT(TICKET_SOLD) |
    BIT(TICKET_CANCELLED), [TICKET_RESERVED]    = BIT(TICKET_AVAILABLE) |
    BIT(TICKET_SOLD) | BIT(TICKET_EXPIRED) |
                           BIT(TICKET_CANCELLED),
    [TICKET_SOLD]        = BIT(TICKET_TRANSFERRED) | ENDS,
    [TICKET_TRANSFERRED] = BIT(TICKET_TRANSFERRED) | ENDS,
};

const Shape ticket_shape = SHAPE(Ticket,
    ID(Ticket, id, 0, "The ticket"),
    TEXT(Ticket, ticketNumber, 14, 14, 0, "TKT- and ten letters"),
    ID(Ticket, eventId, 0, "The event"),
    ID(Ticket, ticketTypeId, 0, "Its type"),
    ID(Ticket, personId, UNLISTED, "Who owns it now"),
    ID(Ticket, orderId, 0, "The order it came of"),
    NAME(Ticket, status, &ticket_status_names, 0, "SOLD and TRANSFERRED admit"),
    NUMBER(Ticket, generation, 0, INT64_MAX, 0, UNLISTED, "Owners it had before"),
    NUMBER(Ticket, priceCents, 0, INT64_MAX, 0, 0, "What it cost, minor units"),
    TEXT(Ticket, currency, 3, 3, 0, "ISO 4217"),
    TIME(Ticket, issuedAt, 0, "Issued then"),
    TIME(Ticket, usedAt, OPTIONAL, "Entered then"),
    TEXT(Ticket, usedGate, 0, 100, OPTIONAL, "Entered there"));

const Shape ticket_answer_shape = SHAPE(TicketAnswer,
    OBJECT(TicketAnswer, ticket, &ticket_shape, 0, "The ticket"));

SQL(ticket_write,
    "INSERT INTO ticket (tenant, id, event, type, person, buyer, orders, number, status,"
    " price_cents, currency, issued_at) VALUES ($1, $2, $3, $4, $5, $5, $6, $7, 'SOLD',"
    " $8, $9, $10)");
SQL(ticket_set,
    "UPDATE ticket SET status = $4 WHERE tenant = $1 AND id = $2 AND length($3) > 0"
    GUARD_SQL(" AND status = $3"));
SQL(ticket_remember,
    "INSERT INTO ticket_history (tenant, ticket, at, was, became, person, reason)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)");
SQL(ticket_by_order,
    "SELECT " TICKET_COLUMNS " FROM ticket WHERE tenant = $1 AND orders = $2 ORDER BY id"
                             " LIMIT 100");
SQL(ticket_own,
    "SELECT " TICKET_COLUMNS " FROM ticket WHERE tenant = $1 AND id = $2"
                             " AND person = $3");
SQL(ticket_each, "SELECT " TICKET_COLUMNS " FROM ticket WHERE tenant = $1 AND id = $2");
SQL(ticket_page,
    "SELECT " TICKET_COLUMNS " FROM ticket WHERE tenant = $1 AND person = $2"
    " AND (id < $3 OR $3 IS NULL) ORDER BY id DESC LIMIT $4");

static bool tell(Ctx *cx, const Ticket *t, UserId who, const char *type)
{
    Buf b = buf_in(cx->mem, 512);

    shape_write(&b, &ticket_shape, t);
    return outbox_tell(cx, who, t->eventId, type, buf_str(&b));
}

static bool remember(Ctx *cx, const Ticket *t, TicketStatus was, Str reason)
{
    return sql_run(cx, &ticket_remember, NULL, V(t->id.v), V(cx->now),
                   V(names_str(&ticket_status_names, (int)was)),
                   V(names_str(&ticket_status_names, (int)t->status)), V(cx->who.user.v),
                   V(reason));
}

/* ---- issuing -------------------------------------------------------------- */

static Str new_number(Ctx *cx)
{
    static const char digit[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    Buf b = buf_in(cx->mem, 16);

    buf_lit(&b, "TKT-");
    for (int i = 0; i < 10; i++)
        buf_byte(&b, digit[rand_below(32)]);
    return buf_str(&b);
}

static bool issue_one(Ctx *cx, const Batch *batch, const HoldLine *line, Ticket *t)
{
    *t = (Ticket){ .id = { uuid_new(cx->now) }, .ticketNumber = new_number(cx),
                   .eventId = batch->event, .ticketTypeId = line->ticketTypeId,
                   .personId = batch->person, .orderId = batch->order,
                   .status = TICKET_SOLD, .priceCents = line->priceCents,
                   .currency = batch->currency, .issuedAt = cx->now };
    return sql_run(cx, &ticket_write, NULL, V(t->id.v), V(t->eventId.v),
                   V(t->ticketTypeId.v), V(t->personId.v), V(t->orderId.v),
                   V(t->ticketNumber), V(t->priceCents), V(t->currency), V(cx->now)) &&
           remember(cx, t, TICKET_RESERVED, (Str){ 0 }) &&
           tell(cx, t, t->personId, "ticket.issued");
}

bool ticket_issue(Ctx *cx, const Batch *batch, List *out)
{
    const HoldLine *lines = batch->lines.at;
    isize count = 0, n = 0;

    for (isize i = 0; i < batch->lines.count; i++)
        count += lines[i].quantity;
    Ticket *tickets = make(cx->mem, Ticket, count);
    for (isize i = 0; i < batch->lines.count; i++)
        for (i64 k = 0; k < lines[i].quantity; k++)
            if (!issue_one(cx, batch, &lines[i], &tickets[n++]))
                return false;
    *out = (List){ tickets, count };
    return true;
}

/* ---- moving --------------------------------------------------------------- */

bool ticket_move(Ctx *cx, Ticket *t, TicketStatus to, Str reason)
{
    TicketStatus was = t->status;
    i64 moved = 0;

    if (!GUARDED((moves[was] & BIT(to)) == 0) &&
        !sql_run(cx, &ticket_set, &moved, V(t->id.v),
                 V(names_str(&ticket_status_names, (int)was)),
                 V(names_str(&ticket_status_names, (int)to))))
        return false;
    if (moved == 0)
        return fail(cx, INVALID_STATE, "ticket is %s", status_text[was]);
    t->status = to;
    return remember(cx, t, was, reason);
}

const Shape handover_shape = SHAPE(Handover,
    ID(Handover, ticketId, 0, "One of your tickets"),
    ID(Handover, toUserId, OPTIONAL, "The person who gets it, or"),
    TEXT(Handover, toEmail, 3, 255, OPTIONAL | EMAIL, "that person's email"),
    TEXT(Handover, reason, 0, 200, OPTIONAL, "For the history"));

/* An email names its person only once it is verified: until then anybody may have
 * registered it. Who gives an id knows whom he means. */
SQL(ticket_recipient,
    "SELECT id FROM person WHERE tenant = $1 AND status IN ('ACTIVE', 'PENDING')"
    " AND (id = $2 OR (email = $3 AND email_verified))");
SQL(ticket_give,
    "UPDATE ticket SET person = $3, generation = generation + 1"
    " WHERE tenant = $1 AND id = $2"
    " AND person = $4");

typedef struct { UserId id; } Recipient;
static const Shape recipient_row = SHAPE(Recipient, ID(Recipient, id, 0, ""));

static bool find_recipient(Ctx *cx, const Handover *h, UserId *out)
{
    Recipient r;
    Str email = h->toEmail.at == NULL ? h->toEmail : str_lower(cx->mem, h->toEmail);

    if (uuid_zero(h->toUserId.v) == (h->toEmail.at == NULL))
        return fail_field(cx, S("toUserId"), "give either toUserId or toEmail");
    if (!sql_get(cx, &ticket_recipient, &recipient_row, &r, V(h->toUserId.v), V(email)))
        return false;
    *out = r.id;
    return !uuid_is(r.id.v, cx->who.user.v) ||
           fail_field(cx, S("toUserId"), "you have this ticket already");
}

bool ticket_hand_over(Ctx *cx, const Handover *h, Ticket *t)
{
    UserId to, from = cx->who.user;
    i64 given;

    if (!sql_get(cx, &ticket_own, &ticket_shape, t, V(h->ticketId.v), V(from.v)) ||
        !find_recipient(cx, h, &to) ||
        !ticket_move(cx, t, TICKET_TRANSFERRED, h->reason) ||
        !sql_run(cx, &ticket_give, &given, V(t->id.v), V(to.v), V(from.v)))
        return false;
    must(given == 1);
    t->personId = to;
    t->generation++;
    return tell(cx, t, from, "ticket.transferred") &&
           tell(cx, t, to, "ticket.transferred");
}

/* ---- looking -------------------------------------------------------------- */

bool ticket_of_order(Ctx *cx, OrderId order, List *out)
{
    Ticket *rows;

    if (!sql_rows(cx, &ticket_by_order, &ticket_shape, &rows, &out->count, V(order.v)))
        return false;
    out->at = rows;
    return true;
}

bool ticket_any(Ctx *cx, TicketId id, Ticket *out, bool *found)
{
    return sql_find(cx, &ticket_each, &ticket_shape, out, found, V(id.v));
}

typedef struct { TicketId id; Ticket *out; } Getting;

static bool get(Ctx *cx, void *arg)
{
    Getting *g = arg;
    return sql_get(cx, &ticket_own, &ticket_shape, g->out, V(g->id.v), V(cx->who.user.v));
}

bool ticket_get(Ctx *cx, TicketId id, Ticket *out)
{
    return read_tx(cx, get, &(Getting){ id, out });
}

typedef struct { TicketId id; Ticket ticket; } Finding;

static bool find_any(Ctx *cx, void *arg)
{
    Finding *f = arg;
    return sql_get(cx, &ticket_each, &ticket_shape, &f->ticket, V(f->id.v));
}

bool ticket_event(Ctx *cx, TicketId id, EventId *out)
{
    Finding f = { .id = id };
    bool good = read_tx(cx, find_any, &f);

    *out = f.ticket.eventId;
    return good;
}

typedef struct { TicketId older; i64 most; Ticket **rows; isize *count; } Listing;

static bool list(Ctx *cx, void *arg)
{
    Listing *l = arg;
    return sql_rows(cx, &ticket_page, &ticket_shape, l->rows, l->count, V(cx->who.user.v),
                    V(l->older.v), V(l->most));
}

bool ticket_list(Ctx *cx, TicketId older, i64 most, Ticket **rows, isize *count)
{
    return read_tx(cx, list, &(Listing){ older, most, rows, count });
}
