/* hold_clock.c - what happens to a hold as time passes.
 *
 * Holds that are due are found in a read, then ended in the event's own lane, up to
 * SLICE of them in one function. Whoever ended one in between (its buyer, its
 * payment) has moved it out of ACTIVE, and then it is not ended again. */
#include "tickets/hold.h"
#include "tickets/order.h"

enum { SLICE = 64, FOUND_MOST = 2048 };

SQL_ALL(hold_due,
    "SELECT tenant, id, event FROM hold WHERE status = 'ACTIVE' AND expires_at <= $1"
    " ORDER BY expires_at LIMIT $2");

typedef struct { TenantId tenant; HoldId id; EventId event; } Due;
static const Shape due_row = SHAPE(Due, ID(Due, tenant, 0, ""), ID(Due, id, 0, ""), ID(Due, event, 0, ""));

typedef struct { Due *rows; isize count; } Found;

static bool find_due(Ctx *cx, void *arg)
{
    Found *f = arg;
    return sql_rows(cx, &hold_due, &due_row, &f->rows, &f->count, V(cx->now), V((i64)FOUND_MOST));
}

static bool lapse(Ctx *cx, void *arg)
{
    const Found *f = arg;

    for (isize i = 0; i < f->count; i++) {
        Hold h;
        bool ended;
        cx->tenant = f->rows[i].tenant;
        if (!hold_any(cx, f->rows[i].id, &h) || !hold_end(cx, &h, HOLD_EXPIRED, &ended) ||
            (ended && !order_lapse(cx, h.id, ORDER_EXPIRED)))
            return false;
    }
    return true;
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

bool hold_clock(Ctx *cx)
{
    Found due = { 0 };

    if (!read_tx(cx, find_due, &due))
        return false;
    for (isize i = 0, n; i < due.count; i += n) {
        n = same_event(&due, i);
        Found slice = { due.rows + i, n };
        if (!write_tx(cx, lane_of(due.rows[i].event.v), lapse, &slice))
            return false;
    }
    return true;
}
