/* hold.c - buyers who stand in line together are served together: three questions for all
 * of them, then each gets his answer in the order in which he came, then what they got is
 * written. So a crowd costs the database a few statements a batch and not seven a buyer.
 * The order of the checks is decided here too: first what needs only the buyer's own
 * rows, then the stock. */
#include "tickets/hold.h"
#include "store/outbox.h"
#include "tickets/stock.h"
#include <stdlib.h>
#include <string.h>

static const char *const status_text[] = { "PENDING", "ACTIVE", "COMPLETED", "CANCELLED",
                                           "EXPIRED" };
static const Names hold_status_names = { status_text, countof(status_text) };

const Shape wish_line_shape = SHAPE(HoldLine,
    ID(HoldLine, ticketTypeId, 0, "What to hold"),
    NUMBER(HoldLine, quantity, 1, HOLD_COUNT_MOST, 0, 0, "How many of it"));

const Shape wish_shape = SHAPE(Wish,
    ID(Wish, eventId, 0, "The event"),
    LIST(Wish, tickets, &wish_line_shape, 1, HOLD_TYPES_MOST, 0,
         "All of it or none of it is taken"));

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

SQL_EACH(hold_count,
    "SELECT coalesce(sum(quantity), 0) FROM hold WHERE tenant = $1 AND person = $2"
    " AND event = $3"
    " AND status IN ('ACTIVE', 'COMPLETED')");

SQL_EACH(hold_write,
    "INSERT INTO hold (tenant, id, event, person, status, quantity, total_cents,"
    " currency, expires_at, created_at) VALUES ($1, $2, $3, $4, 'ACTIVE', $5, $6, $7,"
    " $8, $9)");

SQL_EACH(hold_write_line,
    "INSERT INTO hold_line (tenant, hold, type, quantity, price_cents)"
    " VALUES ($1, $2, $3, $4, $5)");

#define HOLD_COLUMNS \
    "id, event, person, status, quantity, total_cents, currency, expires_at, created_at"
SQL(hold_own,
    "SELECT " HOLD_COLUMNS " FROM hold WHERE tenant = $1 AND id = $2 AND person = $3");
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
    return memcmp(((const HoldLine *)a)->ticketTypeId.v.b,
                  ((const HoldLine *)b)->ticketTypeId.v.b, 16);
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

static Placing *placing(const Seat *s) { return s->arg; }
static Hold *hold_of(const Seat *s)    { return &placing(s)->answer.reservation; }

static bool begin_hold(Seat *s)
{
    Ctx *cx = s->cx;
    Hold *h = hold_of(s);

    must(!uuid_zero(cx->who.user.v));
    *h = (Hold){ .id = { uuid_new(cx->now) }, .eventId = placing(s)->wish.eventId,
                 .personId = cx->who.user, .status = HOLD_ACTIVE, .createdAt = cx->now,
                 .expiresAt = later(cx->now, rules.lasts) };
    return sort_lines(cx, &placing(s)->wish, h);
}

/* ---- what each has already ------------------------------------------------ */

typedef struct Has { i64 tickets; } Has;
static const Shape has_row = SHAPE(Has, NUMBER(Has, tickets, 0, INT64_MAX, 0, 0, ""));

static bool read_caps(Ctx *cx, const Seat *seats, isize n, Has *has)
{
    Val *keys = make(cx->mem, Val, 2 * n);
    bool *found = make(cx->mem, bool, n);

    for (isize i = 0; i < n; i++) {
        keys[2 * i] = V(seats[i].cx->who.user.v);
        keys[2 * i + 1] = V(placing(&seats[i])->wish.eventId.v);
    }
    return sql_each_find(cx, &hold_count, keys, 2, n, &has_row, has, found);
}

/* What he has in the database, and what he got from this batch before. */
static bool within_cap(const Seat *seats, isize i, const Has *has)
{
    const Hold *mine = hold_of(&seats[i]);
    i64 n = has[i].tickets;

    for (isize k = 0; k < i; k++) {
        const Hold *h = hold_of(&seats[k]);
        if (seats[k].good && uuid_is(h->personId.v, mine->personId.v) &&
            uuid_is(h->eventId.v, mine->eventId.v))
            n += h->quantity;
    }
    return n + mine->quantity <= rules.per_customer ||
           fail(seats[i].cx, LIMIT_PER_CUSTOMER, "has=%jd wants=%jd", (intmax_t)n,
                (intmax_t)mine->quantity);
}

/* ---- what is left --------------------------------------------------------- */

static bool read_stock(Ctx *cx, const Seat *seats, isize n, Stock *stock)
{
    isize lines = 0;

    for (isize i = 0; i < n; i++)
        lines += hold_of(&seats[i])->tickets.count;
    stock->lots = make(cx->mem, Lot, lines);
    for (isize i = 0; i < n; i++) {
        const Hold *h = hold_of(&seats[i]);
        for (isize k = 0; k < h->tickets.count; k++)
            stock_want(stock, h->eventId,
                       ((const HoldLine *)h->tickets.at)[k].ticketTypeId);
    }
    return stock_read(cx, stock);
}

static bool take_line(Ctx *cx, Stock *stock, Hold *h, HoldLine *line)
{
    Price price;

    if (!stock_take(cx, stock, h->eventId, line->ticketTypeId, line->quantity, &price))
        return false;
    line->priceCents = price.cents;
    h->totalCents += price.cents * line->quantity;
    if (h->currency.at == NULL)
        h->currency = str_copy(cx->mem, price.currency);
    if (str_is(h->currency, price.currency))
        return true;
    stock_untake(stock, h->eventId, line->ticketTypeId, line->quantity);
    return fail_field(cx, S("tickets"), "must all have one currency");
}

/* All lines or none. */
static bool take_lines(Ctx *cx, Stock *stock, Hold *h)
{
    HoldLine *lines = h->tickets.at;
    isize i = 0;

    while (i < h->tickets.count && take_line(cx, stock, h, &lines[i]))
        i++;
    if (i == h->tickets.count)
        return true;
    while (i-- > 0)
        stock_untake(stock, h->eventId, lines[i].ticketTypeId, lines[i].quantity);
    return false;
}

/* ---- what they got -------------------------------------------------------- */

static bool write_holds(Ctx *cx, const Seat *seats, isize n)
{
    enum { WIDTH = 8 };
    Val *rows = make(cx->mem, Val, n * WIDTH);
    isize count = 0;

    for (isize i = 0; i < n; i++) {
        const Hold *h = hold_of(&seats[i]);
        const Val row[WIDTH] = { V(h->id.v), V(h->eventId.v), V(h->personId.v),
                                 V(h->quantity), V(h->totalCents), V(h->currency),
                                 V(h->expiresAt), V(h->createdAt) };
        if (seats[i].good)
            memcpy(rows + count++ * WIDTH, row, sizeof row);
    }
    return sql_each(cx, &hold_write, rows, WIDTH, count, NULL);
}

static bool write_lines(Ctx *cx, const Seat *seats, isize n)
{
    enum { WIDTH = 4 };
    Val *rows = make(cx->mem, Val, n * HOLD_TYPES_MOST * WIDTH);
    isize count = 0;

    for (isize i = 0; i < n; i++) {
        const Hold *h = hold_of(&seats[i]);
        const HoldLine *lines = h->tickets.at;
        for (isize k = 0; seats[i].good && k < h->tickets.count; k++) {
            const Val row[WIDTH] = { V(h->id.v), V(lines[k].ticketTypeId.v),
                                     V(lines[k].quantity), V(lines[k].priceCents) };
            memcpy(rows + count++ * WIDTH, row, sizeof row);
        }
    }
    return sql_each(cx, &hold_write_line, rows, WIDTH, count, NULL);
}

static bool tell(Ctx *cx, const Hold *h, const char *type)
{
    Buf b = buf_in(cx->mem, 512);

    shape_write(&b, &hold_shape, h);
    return outbox_tell(cx, h->personId, h->eventId, type, buf_str(&b));
}

static bool tell_all(const Seat *seats, isize n)
{
    for (isize i = 0; i < n; i++)
        if (seats[i].good &&
            !tell(seats[i].cx, hold_of(&seats[i]), "reservation.created"))
            return false;
    return true;
}

/* Those whose wish can be read, in front and in their order; gives how many. */
static isize begin_holds(Seat *seats, isize n, Seat *served, Seat **of)
{
    isize count = 0;

    for (isize i = 0; i < n; i++) {
        seats[i].good = begin_hold(&seats[i]);
        if (seats[i].good) {
            of[count] = &seats[i];
            served[count++] = (Seat){ seats[i].cx, seats[i].arg, false };
        }
    }
    return count;
}

static bool serve(Ctx *cx, Seat *seats, isize n)
{
    Has *has = make(cx->mem, Has, n);
    Stock stock = { 0 };

    if (n == 0)
        return true;
    if (!read_caps(cx, seats, n, has) || !read_stock(cx, seats, n, &stock))
        return false;
    for (isize i = 0; i < n; i++)
        seats[i].good = within_cap(seats, i, has) &&
                        take_lines(seats[i].cx, &stock, hold_of(&seats[i]));
    return stock_write(cx, &stock) && write_holds(cx, seats, n) &&
           write_lines(cx, seats, n) && tell_all(seats, n);
}

bool hold_place_many(Ctx *cx, Seat *seats, isize n)
{
    Seat *served = make(cx->mem, Seat, n), **of = make(cx->mem, Seat *, n);
    isize count = begin_holds(seats, n, served, of);

    if (!serve(cx, served, count))
        return false;
    for (isize i = 0; i < count; i++)
        of[i]->good = served[i].good;
    return true;
}

bool hold_place(Ctx *cx, const Wish *wish, Hold *h)
{
    Placing p = { .wish = *wish };
    Seat seat = { cx, &p, false };

    if (!hold_place_many(cx, &seat, 1) || !seat.good)
        return false;
    *h = p.answer.reservation;
    return true;
}

/* ---- ending --------------------------------------------------------------- */

bool hold_end(Ctx *cx, const Hold *h, HoldStatus to, bool *ended)
{
    Hold now = *h;
    i64 moved;

    must(to == HOLD_COMPLETED || to == HOLD_CANCELLED || to == HOLD_EXPIRED);
    if (!sql_run(cx, &hold_move, &moved, V(h->id.v),
                 V(names_str(&hold_status_names, (int)to)), V(cx->now)))
        return false;
    *ended = moved == 1;
    if (!*ended)
        return true;
    now.status = to;
    if (to == HOLD_COMPLETED)
        return stock_sell(cx, h->id);
    return stock_return(cx, h->id) &&
           tell(cx, &now, to == HOLD_EXPIRED ? "reservation.expired"
                                             : "reservation.cancelled");
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
