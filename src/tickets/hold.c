/* hold.c - the order of the checks is decided here: first what needs only the
 * buyer's own rows, then the stock, so that most refusals write nothing and undo
 * nothing. Lines are taken in order of type, so two holds never wait crosswise
 * for each other where lanes are several. */
#include "tickets/hold.h"
#include "store/outbox.h"
#include "tickets/stock.h"
#include <stdlib.h>
#include <string.h>

static const char *const status_text[] = { "PENDING", "ACTIVE", "COMPLETED", "CANCELLED", "EXPIRED" };
const Names hold_status_names = { status_text, countof(status_text) };

const Shape wish_line_shape = SHAPE(HoldLine,
    ID(HoldLine, ticketTypeId, 0, "What to hold"),
    NUMBER(HoldLine, quantity, 1, HOLD_COUNT_MOST, 0, 0, "How many of it"));

const Shape wish_shape = SHAPE(Wish,
    ID(Wish, eventId, 0, "The event"),
    LIST(Wish, tickets, &wish_line_shape, 1, HOLD_TYPES_MOST, 0, "All of it or none of it is taken"));

static const Shape line_shape = SHAPE(HoldLine,
    ID(HoldLine, ticketTypeId, 0, "The type"),
    NUMBER(HoldLine, quantity, 1, HOLD_COUNT_MOST, 0, 0, "How many of it"),
    NUMBER(HoldLine, priceCents, 0, INT64_MAX, 0, 0, "Price of one, minor units"));

const Shape hold_shape = SHAPE(Hold,
    ID(Hold, id, 0, "The reservation"),
    ID(Hold, eventId, 0, "The event"),
    ID(Hold, personId, UNLISTED, "Who holds them"),
    NAME(Hold, status, &hold_status_names, 0, "ACTIVE until paid, given back or lapsed"),
    NUMBER(Hold, quantity, 1, 100, 0, 0, "Tickets in all"),
    NUMBER(Hold, totalCents, 0, INT64_MAX, 0, 0, "Sum of the prices, minor units"),
    TEXT(Hold, currency, 3, 3, 0, "ISO 4217"),
    TIME(Hold, expiresAt, 0, "Lapses then"),
    TIME(Hold, createdAt, 0, "Made then"),
    LIST(Hold, tickets, &line_shape, 1, HOLD_TYPES_MOST, 0, "What is held"));

const Shape hold_answer_shape = SHAPE(HoldAnswer,
    OBJECT(HoldAnswer, reservation, &hold_shape, 0, "The reservation"));

SQL(hold_count,
    "SELECT sum(quantity) FROM hold WHERE tenant = $1 AND person = $2 AND event = $3"
    " AND status IN ('ACTIVE', 'COMPLETED')");

SQL(hold_write,
    "INSERT INTO hold (tenant, id, event, person, status, quantity, total_cents, currency,"
    " expires_at, created_at) VALUES ($1, $2, $3, $4, 'ACTIVE', $5, $6, $7, $8, $9)");

SQL(hold_write_line,
    "INSERT INTO hold_line (tenant, hold, type, quantity, price_cents) VALUES ($1, $2, $3, $4, $5)");

#define HOLD_COLUMNS \
    "id, event, person, status, quantity, total_cents, currency, expires_at, created_at"
SQL(hold_own, "SELECT " HOLD_COLUMNS " FROM hold WHERE tenant = $1 AND id = $2 AND person = $3");
SQL(hold_each, "SELECT " HOLD_COLUMNS " FROM hold WHERE tenant = $1 AND id = $2");

SQL(hold_lines,
    "SELECT type, quantity, price_cents FROM hold_line WHERE tenant = $1 AND hold = $2"
    " ORDER BY type LIMIT 100");

SQL(hold_move,
    "UPDATE hold SET status = $3, ended_at = $4"
    " WHERE tenant = $1 AND id = $2" GUARD_SQL(" AND status = 'ACTIVE'"));

static HoldRules rules = { { 600000 }, 50 };

void hold_setup(HoldRules r) { rules = r; }

/* ---- placing -------------------------------------------------------------- */

static int by_type(const void *a, const void *b)
{
    return memcmp(((const HoldLine *)a)->ticketTypeId.v.b, ((const HoldLine *)b)->ticketTypeId.v.b, 16);
}

/* A type named twice would get round its limit per purchase. */
static bool sort_lines(Ctx *cx, const Wish *wish, Hold *h)
{
    HoldLine *lines = make(cx->mem, HoldLine, wish->tickets.count);

    memcpy(lines, wish->tickets.at, (size_t)wish->tickets.count * sizeof *lines);
    qsort(lines, (size_t)wish->tickets.count, sizeof *lines, by_type);
    for (isize i = 0; i < wish->tickets.count; i++) {
        if (i > 0 && by_type(&lines[i - 1], &lines[i]) == 0)
            return fail_field(cx, S("tickets"), "names a ticket type twice");
        h->quantity += lines[i].quantity;
    }
    h->tickets = (List){ lines, wish->tickets.count };
    return true;
}

static bool within_cap(Ctx *cx, const Hold *h)
{
    i64 has;

    if (!sql_int(cx, &hold_count, &has, V(h->personId.v), V(h->eventId.v)))
        return false;
    return has + h->quantity <= rules.per_customer ||
           fail(cx, LIMIT_PER_CUSTOMER, "has=%jd wants=%jd", (intmax_t)has, (intmax_t)h->quantity);
}

static bool take_line(Ctx *cx, Hold *h, HoldLine *line)
{
    Price price;

    if (!stock_hold(cx, h->eventId, line->ticketTypeId, line->quantity, &price))
        return false;
    line->priceCents = price.cents;
    h->totalCents += price.cents * line->quantity;
    if (h->currency.at == NULL)
        h->currency = price.currency;
    return str_is(h->currency, price.currency) ||
           fail_field(cx, S("tickets"), "must all have one currency");
}

static bool write_hold(Ctx *cx, const Hold *h)
{
    const HoldLine *lines = h->tickets.at;

    if (!sql_run(cx, &hold_write, NULL, V(h->id.v), V(h->eventId.v), V(h->personId.v), V(h->quantity),
                 V(h->totalCents), V(h->currency), V(h->expiresAt), V(h->createdAt)))
        return false;
    for (isize i = 0; i < h->tickets.count; i++)
        if (!sql_run(cx, &hold_write_line, NULL, V(h->id.v), V(lines[i].ticketTypeId.v),
                     V(lines[i].quantity), V(lines[i].priceCents)))
            return false;
    return true;
}

static bool tell(Ctx *cx, const Hold *h, const char *type)
{
    Buf b = buf_in(cx->mem, 512);

    shape_write(&b, &hold_shape, h);
    return outbox_tell(cx, h->personId, h->eventId, type, buf_str(&b));
}

bool hold_place(Ctx *cx, const Wish *wish, Hold *h)
{
    *h = (Hold){ .id = { uuid_new(cx->now) }, .eventId = wish->eventId, .personId = cx->who.user,
                 .status = HOLD_ACTIVE, .createdAt = cx->now,
                 .expiresAt = later(cx->now, rules.lasts) };

    must(!uuid_zero(h->personId.v));
    if (!sort_lines(cx, wish, h) || !within_cap(cx, h))
        return false;
    for (isize i = 0; i < h->tickets.count; i++)
        if (!take_line(cx, h, (HoldLine *)h->tickets.at + i))
            return false;
    return write_hold(cx, h) && tell(cx, h, "reservation.created");
}

/* ---- ending --------------------------------------------------------------- */

bool hold_end(Ctx *cx, const Hold *h, HoldStatus to, bool *ended)
{
    Hold now = *h;
    i64 moved;

    must(to == HOLD_COMPLETED || to == HOLD_CANCELLED || to == HOLD_EXPIRED);
    if (!sql_run(cx, &hold_move, &moved, V(h->id.v), V(names_str(&hold_status_names, (int)to)),
                 V(cx->now)))
        return false;
    *ended = moved == 1;
    if (!*ended)
        return true;
    now.status = to;
    if (to == HOLD_COMPLETED)
        return stock_sell(cx, h->id);
    return stock_return(cx, h->id) &&
           tell(cx, &now, to == HOLD_EXPIRED ? "reservation.expired" : "reservation.cancelled");
}

static bool read_lines(Ctx *cx, Hold *h)
{
    HoldLine *lines;

    if (!sql_rows(cx, &hold_lines, &line_shape, &lines, &h->tickets.count, V(h->id.v)))
        return false;
    h->tickets.at = lines;
    return true;
}

bool hold_get(Ctx *cx, HoldId id, Hold *out)
{
    return sql_get(cx, &hold_own, &hold_shape, out, V(id.v), V(cx->who.user.v)) &&
           read_lines(cx, out);
}

bool hold_any(Ctx *cx, HoldId id, Hold *out)
{
    return sql_get(cx, &hold_each, &hold_shape, out, V(id.v)) && read_lines(cx, out);
}

typedef struct { HoldId id; Hold hold; } Finding;

static bool find_own(Ctx *cx, void *arg)
{
    Finding *f = arg;
    return sql_get(cx, &hold_own, &hold_shape, &f->hold, V(f->id.v), V(cx->who.user.v));
}

bool hold_event(Ctx *cx, HoldId id, EventId *out)
{
    Finding f = { .id = id };
    bool good = read_tx(cx, find_own, &f);

    *out = f.hold.eventId;
    return good;
}
