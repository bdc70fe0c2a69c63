/* hold_clock.c - what happens to a hold as time passes, or when its event is called off.
 *
 * What is to end is found in a read, then ended in the event's own lane, up to SLICE
 * holds in one function, so that buyers pass between. Whoever ended one in between
 * (its buyer, its payment) has moved it out of ACTIVE, and then it is not ended again.
 *
 * A slice that fails is taken apart and tried one by one: one row that can not be
 * ended must not keep the others' stock. */
#include "events/event.h"
#include "tickets/hold.h"
#include "tickets/order.h"

enum { SLICE = 64, FOUND_MOST = 2048, ROUNDS_MOST = 16, EVENTS_MOST = 64,
       KEEP = 64 << 10 };

SQL_ALL(hold_due,
    "SELECT tenant, id, event FROM hold WHERE status = 'ACTIVE' AND expires_at <= $1"
    " ORDER BY expires_at LIMIT $2");

/* Looks at every hold that is not due yet, but only while there is such an event: for a
 * second or so. An index by event would be paid for by every hold. */
SQL_ALL(hold_called_off,
    "SELECT h.tenant, h.id, h.event FROM hold h WHERE h.status = 'ACTIVE'"
    " AND h.expires_at > $1"
    " AND EXISTS (SELECT 1 FROM event e WHERE e.tenant = h.tenant AND e.id = h.event"
    " AND e.status = 'CANCELLED') ORDER BY h.expires_at LIMIT $2");

typedef struct { TenantId tenant; HoldId id; EventId event; } Due;
static const Shape due_row = SHAPE(Due,
    ID(Due, tenant, 0, ""), ID(Due, id, 0, ""), ID(Due, event, 0, ""));

typedef struct { HoldStatus hold; OrderStatus order; } Ending;
static const Ending lapsed = { HOLD_EXPIRED, ORDER_EXPIRED };
static const Ending called_off = { HOLD_CANCELLED, ORDER_CANCELLED };

typedef struct { const Ending *how; Due *rows; isize count; } Found;

/* ---- ending --------------------------------------------------------------- */

static bool end_all(Ctx *cx, void *arg)
{
    const Found *f = arg;

    for (isize i = 0; i < f->count; i++) {
        Hold h;
        bool ended;
        cx->tenant = f->rows[i].tenant;
        if (!hold_any(cx, f->rows[i].id, &h) || !hold_end(cx, &h, f->how->hold, &ended) ||
            (ended && !order_lapse(cx, h.id, f->how->order)))
            return false;
    }
    return true;
}

/* One slice in a memory of its own, or the memory of a crowd's holds would add up. */
static isize end_slice(Ctx *cx, Arena *own, Found slice, Fault *first)
{
    Ctx c = ctx_new(own, slice.rows->tenant);
    isize n = 0;

    c.now = cx->now;
    if (write_tx(&c, lane_of(slice.rows->event.v), end_all, &slice))
        n = slice.count;
    else if (slice.count > 1)
        for (isize i = 0; i < slice.count; i++)
            n += end_slice(cx, own, (Found){ slice.how, slice.rows + i, 1 }, first);
    else if (first->code == OK) {
        *first = c.fault;
        first->fields = NULL;                     /* they die with `own`      */
    }
    arena_reset(own, KEEP);
    return n;
}

/* Rows of one event that stand together go to its lane together. */
static isize same_event(const Found *f, isize from)
{
    isize n = 1;
    while (from + n < f->count && n < SLICE &&
           uuid_is(f->rows[from].event.v, f->rows[from + n].event.v))
        n++;
    return n;
}

static isize end_found(Ctx *cx, const Found *f, Fault *first)
{
    Arena own = { 0 };
    isize ended = 0;

    for (isize i = 0, n; i < f->count; i += n) {
        n = same_event(f, i);
        ended += end_slice(cx, &own, (Found){ f->how, f->rows + i, n }, first);
    }
    arena_close(&own);
    return ended;
}

/* Round after round until nothing is left, or nothing moves any more. */
static bool end_by(Ctx *cx, TxFn *find, const Ending *how, Fault *first)
{
    for (int round = 0; round < ROUNDS_MOST; round++) {
        Found f = { .how = how };
        if (!read_tx(cx, find, &f))
            return false;
        if (f.count == 0 || end_found(cx, &f, first) == 0)
            break;
    }
    return true;
}

/* ---- what is to end ------------------------------------------------------- */

static bool find_due(Ctx *cx, void *arg)
{
    Found *f = arg;
    return sql_rows(cx, &hold_due, &due_row, &f->rows, &f->count, V(cx->now),
                    V((i64)FOUND_MOST));
}

static bool find_called_off(Ctx *cx, void *arg)
{
    Found *f = arg;
    return sql_rows(cx, &hold_called_off, &due_row, &f->rows, &f->count, V(cx->now),
                    V((i64)FOUND_MOST));
}

typedef struct { EventRef *rows; isize count; } Events;

static bool find_events(Ctx *cx, void *arg)
{
    Events *e = arg;
    return event_unsettled(cx, EVENTS_MOST, &e->rows, &e->count);
}

static bool settle(Ctx *cx, void *arg)
{
    return event_settle(cx, *(const EventId *)arg);
}

/* No hold is made once an event is CANCELLED, so what is found after that is all. */
static bool call_off(Ctx *cx, Fault *first)
{
    Events e = { 0 };
    Found left = { 0 };

    if (!read_tx(cx, find_events, &e))
        return false;
    if (e.count == 0)
        return true;
    if (!end_by(cx, find_called_off, &called_off, first) ||
        !read_tx(cx, find_called_off, &left))
        return false;
    for (isize i = 0; left.count == 0 && i < e.count; i++) {
        cx->tenant = e.rows[i].tenant;
        if (!write_tx(cx, lane_of(e.rows[i].id.v), settle, &e.rows[i].id))
            return false;
    }
    return true;
}

bool hold_clock(Ctx *cx)
{
    TenantId tenant = cx->tenant;
    Fault first = { 0 };
    bool good = end_by(cx, find_due, &lapsed, &first) && call_off(cx, &first);

    cx->tenant = tenant;
    if (good)
        cx->fault = first;
    return good && first.code == OK;
}
