/* stock.c - taking is done for a batch of buyers: what is left is read once, given out in
 * the order in which they came, and written once. That is right because every movement of
 * an event's stock happens in the event's own lane, on whichever node; and should it ever
 * not be so, the UPDATE takes nothing that isn't there and the batch is run again. A type
 * that was withdrawn is nobody's to have, so its rest does not keep an event from being
 * sold out. */
#include "tickets/stock.h"
#include "events/event.h"

SQL_EACH(stock_look,
    "SELECT t.available, t.most, t.active, t.sale_start, t.sale_end, e.status,"
    " t.price_cents, t.currency FROM ticket_type t"
    " JOIN event e ON e.tenant = t.tenant AND e.id = t.event"
    " WHERE t.tenant = $1 AND t.id = $2 AND t.event = $3");

SQL_EACH(stock_move,
    "UPDATE ticket_type SET available = available - $3, held = held + $3"
    " WHERE tenant = $1 AND id = $2" GUARD_SQL(" AND available >= $3"));

SQL(stock_give_back,
    "UPDATE ticket_type SET"
    " available = available + (SELECT quantity FROM hold_line l WHERE l.tenant = $1"
    "                          AND l.hold = $2 AND l.type = ticket_type.id),"
    " held = held - (SELECT quantity FROM hold_line l WHERE l.tenant = $1"
    "                AND l.hold = $2 AND l.type = ticket_type.id)"
    " WHERE tenant = $1 AND id IN (SELECT type FROM hold_line"
    " WHERE tenant = $1 AND hold = $2)");

SQL(stock_to_sold,
    "UPDATE ticket_type SET"
    " sold = sold + (SELECT quantity FROM hold_line l WHERE l.tenant = $1"
    "                AND l.hold = $2 AND l.type = ticket_type.id),"
    " held = held - (SELECT quantity FROM hold_line l WHERE l.tenant = $1"
    "                AND l.hold = $2 AND l.type = ticket_type.id)"
    " WHERE tenant = $1 AND id IN (SELECT type FROM hold_line"
    " WHERE tenant = $1 AND hold = $2)");

/* -1: nothing is offered at all, which is not the same as sold out. */
SQL(stock_left,
    "SELECT coalesce(sum(available + held), -1) FROM ticket_type"
    " WHERE tenant = $1 AND event = $2 AND active");

static const Shape lot_row = SHAPE(LotRow,
    NUMBER(LotRow, available, 0, INT64_MAX, 0, 0, ""),
    NUMBER(LotRow, most, 0, INT64_MAX, 0, 0, ""),
    BOOL(LotRow, active, 0, ""), TIME(LotRow, start, OPTIONAL, ""),
    TIME(LotRow, end, OPTIONAL, ""),
    TEXT(LotRow, status, 1, 50, 0, ""), NUMBER(LotRow, cents, 0, INT64_MAX, 0, 0, ""),
    TEXT(LotRow, currency, 3, 3, 0, ""));

/* ---- taking --------------------------------------------------------------- */

static Lot *find(const Stock *s, EventId event, TypeId type)
{
    for (isize i = 0; i < s->count; i++)
        if (uuid_is(s->lots[i].type.v, type.v) && uuid_is(s->lots[i].event.v, event.v))
            return &s->lots[i];
    return NULL;
}

void stock_want(Stock *s, EventId event, TypeId type)
{
    if (find(s, event, type) == NULL)
        s->lots[s->count++] = (Lot){ .event = event, .type = type };
}

bool stock_read(Ctx *cx, Stock *s)
{
    Val *keys = make(cx->mem, Val, 2 * s->count);
    LotRow *rows = make(cx->mem, LotRow, s->count);
    bool *found = make(cx->mem, bool, s->count);

    for (isize i = 0; i < s->count; i++) {
        keys[2 * i] = V(s->lots[i].type.v);
        keys[2 * i + 1] = V(s->lots[i].event.v);
    }
    if (!sql_each_find(cx, &stock_look, keys, 2, s->count, &lot_row, rows, found))
        return false;
    for (isize i = 0; i < s->count; i++) {
        s->lots[i].row = rows[i];
        s->lots[i].found = found[i];
    }
    return true;
}

static bool on_sale(Ctx *cx, const LotRow *w)
{
    if (str_is(w->status, S("SOLD_OUT")))
        return fail(cx, SOLD_OUT, "event sold out");
    if (!str_is(w->status, S("ON_SALE")))
        return fail(cx, NOT_ON_SALE, "event is %.*s", STR_ARGS(w->status));
    if (!w->active || (is_set(w->start) && before(cx->now, w->start)) ||
        (is_set(w->end) && !before(cx->now, w->end)))
        return fail(cx, NOT_ON_SALE, "type is inactive or outside its window");
    return true;
}

bool stock_take(Ctx *cx, Stock *s, EventId event, TypeId type, i64 count, Price *price)
{
    Lot *l = find(s, event, type);

    must(count > 0 && l != NULL);
    if (!l->found)
        return fail(cx, NOT_FOUND, "no such ticket type of this event");
    if (!on_sale(cx, &l->row))
        return false;
    if (count > l->row.most)
        return fail_field(cx, S("tickets.quantity"), "at most %jd of this type at once",
                          (intmax_t)l->row.most);
    i64 left = l->row.available - l->taken;
    if (GUARDED(left < count))
        return fail(cx, SOLD_OUT, "left=%jd wanted=%jd", (intmax_t)left, (intmax_t)count);
    l->taken += count;
    *price = (Price){ l->row.cents, l->row.currency };
    return true;
}

void stock_untake(Stock *s, EventId event, TypeId type, i64 count)
{
    find(s, event, type)->taken -= count;
}

bool stock_write(Ctx *cx, const Stock *s)
{
    Val *rows = make(cx->mem, Val, 2 * s->count);
    isize n = 0;
    i64 moved;

    for (isize i = 0; i < s->count; i++)
        if (s->lots[i].taken > 0) {
            rows[2 * n] = V(s->lots[i].type.v);
            rows[2 * n++ + 1] = V(s->lots[i].taken);
        }
    return sql_each(cx, &stock_move, rows, 2, n, &moved) &&
           (moved == n || fail(cx, CONFLICT, "the stock was moved outside of its lane"));
}

/* ---- moving on ------------------------------------------------------------ */

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
