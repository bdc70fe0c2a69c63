/* stock.c - one statement takes; only when it took nothing does a second one look
 * why, so the buyer who gets his ticket pays for one. A type that was withdrawn is
 * nobody's to have, so its rest does not keep an event from being sold out. */
#include "tickets/stock.h"
#include "events/event.h"

SQL(stock_take,
    "UPDATE ticket_type SET available = available - $4, held = held + $4"
    " WHERE tenant = $1 AND id = $2 AND event = $3 AND most >= $4"
    GUARD_SQL(" AND available >= $4")
    " AND active AND (sale_start IS NULL OR sale_start <= $5)"
    " AND (sale_end IS NULL OR sale_end > $5)"
    " AND EXISTS (SELECT 1 FROM event WHERE tenant = $1 AND id = $3 AND status = 'ON_SALE')"
    " RETURNING price_cents, currency");

SQL(stock_why,
    "SELECT t.available, t.most, t.active, t.sale_start, t.sale_end, e.status"
    " FROM ticket_type t JOIN event e ON e.tenant = t.tenant AND e.id = t.event"
    " WHERE t.tenant = $1 AND t.id = $2 AND t.event = $3");

SQL(stock_give_back,
    "UPDATE ticket_type SET"
    " available = available + (SELECT quantity FROM hold_line l WHERE l.tenant = $1"
    "                          AND l.hold = $2 AND l.type = ticket_type.id),"
    " held = held - (SELECT quantity FROM hold_line l WHERE l.tenant = $1"
    "                AND l.hold = $2 AND l.type = ticket_type.id)"
    " WHERE tenant = $1 AND id IN (SELECT type FROM hold_line WHERE tenant = $1 AND hold = $2)");

SQL(stock_to_sold,
    "UPDATE ticket_type SET"
    " sold = sold + (SELECT quantity FROM hold_line l WHERE l.tenant = $1"
    "                AND l.hold = $2 AND l.type = ticket_type.id),"
    " held = held - (SELECT quantity FROM hold_line l WHERE l.tenant = $1"
    "                AND l.hold = $2 AND l.type = ticket_type.id)"
    " WHERE tenant = $1 AND id IN (SELECT type FROM hold_line WHERE tenant = $1 AND hold = $2)");

/* -1: nothing is offered at all, which is not the same as sold out. */
SQL(stock_left,
    "SELECT coalesce(sum(available + held), -1) FROM ticket_type WHERE tenant = $1 AND event = $2 AND active");

static const Shape price_row = SHAPE(Price,
    NUMBER(Price, cents, 0, INT64_MAX, 0, 0, ""), TEXT(Price, currency, 3, 3, 0, ""));

typedef struct { i64 available, most; bool active; Instant start, end; Str status; } Why;
static const Shape why_row = SHAPE(Why,
    NUMBER(Why, available, 0, INT64_MAX, 0, 0, ""), NUMBER(Why, most, 0, INT64_MAX, 0, 0, ""),
    BOOL(Why, active, 0, ""), TIME(Why, start, OPTIONAL, ""), TIME(Why, end, OPTIONAL, ""),
    TEXT(Why, status, 1, 50, 0, ""));

static bool refuse(Ctx *cx, EventId event, TypeId type, i64 count)
{
    Why w;
    bool found;

    if (!sql_find(cx, &stock_why, &why_row, &w, &found, V(type.v), V(event.v)))
        return false;
    if (!found)
        return fail(cx, NOT_FOUND, "no such ticket type of this event");
    if (str_is(w.status, S("SOLD_OUT")))
        return fail(cx, SOLD_OUT, "event sold out");
    if (!str_is(w.status, S("ON_SALE")))
        return fail(cx, NOT_ON_SALE, "event is %.*s", STR_ARGS(w.status));
    if (!w.active || (is_set(w.start) && before(cx->now, w.start)) ||
        (is_set(w.end) && !before(cx->now, w.end)))
        return fail(cx, NOT_ON_SALE, "type is inactive or outside its window");
    if (count > w.most)
        return fail_field(cx, S("tickets.quantity"), "at most %jd of this type at once",
                          (intmax_t)w.most);
    return fail(cx, SOLD_OUT, "left=%jd wanted=%jd", (intmax_t)w.available, (intmax_t)count);
}

bool stock_hold(Ctx *cx, EventId event, TypeId type, i64 count, Price *price)
{
    bool took;

    must(count > 0);
    if (!sql_find(cx, &stock_take, &price_row, price, &took, V(type.v), V(event.v), V(count),
                  V(cx->now)))
        return false;
    return took || refuse(cx, event, type, count);
}

bool stock_return(Ctx *cx, HoldId hold)
{
    return sql_run(cx, &stock_give_back, NULL, V(hold.v));
}

bool stock_sell(Ctx *cx, HoldId hold)
{
    return sql_run(cx, &stock_to_sold, NULL, V(hold.v));
}

bool stock_settle(Ctx *cx, EventId event)
{
    i64 left;
    Event e;

    if (!sql_int(cx, &stock_left, &left, V(event.v)) || !event_get(cx, event, &e))
        return false;
    if (left == 0 && e.status == EVENT_ON_SALE)
        return event_move(cx, event, DO_SOLD_OUT, (Str){ 0 }, NULL);
    if (left > 0 && e.status == EVENT_SOLD_OUT)
        return event_move(cx, event, DO_STOCK_RETURNED, (Str){ 0 }, NULL);
    return true;
}
