/* event_clock.c - an event says itself when it is due (due_at, kept by event.c), so
 * a pass reads one small index. The row is read again inside the transaction: it may
 * have been moved since it was found. */
#include "events/event_clock.h"
#include "events/event.h"
#include "store/store.h"

enum { EVENTS_A_ROUND = 200, ROUNDS_MOST = 16 };

typedef struct { TenantId tenant; EventId id; } Due;
static const Shape due_row = SHAPE(Due, ID(Due, tenant, 0, ""), ID(Due, id, 0, ""));

SQL_ALL(event_clock_due,
    "SELECT tenant, id FROM event WHERE due_at <= $1 AND status <> 'CANCELLED'"
    " ORDER BY due_at, id LIMIT $2");

typedef struct { Due *rows; isize count; } DueList;

static bool find_due(Ctx *cx, void *arg)
{
    DueList *l = arg;
    return sql_rows(cx, &event_clock_due, &due_row, &l->rows, &l->count, V(cx->now),
                    V(EVENTS_A_ROUND));
}

static Str reason_of(EventAction action)
{
    switch (action) {
    case DO_START_SALES: return S("by the clock: its sales begin");
    case DO_PAUSE_SALES: return S("by the clock: its sales end");
    case DO_START_EVENT: return S("by the clock: it begins");
    default:             return S("by the clock: it is over");
    }
}

static bool move_one(Ctx *cx, void *arg)
{
    const Due *due = arg;
    Event e;
    EventAction action;
    Instant at;

    if (!event_get(cx, due->id, &e))
        return false;
    if (!event_due(&e, &action, &at) || before(cx->now, at))
        return true;
    return event_move(cx, due->id, action, reason_of(action), NULL);
}

/* One round; keeps the first fault in *first and goes on. */
static isize move_all(Ctx *cx, const DueList *l, Fault *first)
{
    isize moved = 0;

    for (isize i = 0; i < l->count; i++) {
        cx->tenant = l->rows[i].tenant;
        if (write_tx(cx, lane_of(l->rows[i].id.v), move_one, &l->rows[i])) {
            moved++;
            continue;
        }
        if (first->code == OK)
            *first = cx->fault;
        fault_clear(cx);
    }
    return moved;
}

bool event_clock(Ctx *cx)
{
    TenantId tenant = cx->tenant;
    Fault first = { 0 };
    isize moved = 1;

    must(uuid_zero(cx->who.user.v));
    for (int round = 0; round < ROUNDS_MOST && moved > 0; round++) {
        DueList due = { 0 };
        if (!read_tx(cx, find_due, &due))
            return false;
        moved = move_all(cx, &due, &first);
    }
    cx->tenant = tenant;
    cx->fault = first;
    return first.code == OK;
}
