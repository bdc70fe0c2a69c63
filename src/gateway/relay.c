/* relay.c - see relay.h. The outbox's ids rise in the order of commits, because one
 * lane writes; an engine with several must keep that promise. */
#include "gateway/relay.h"
#include "bus/bus.h"
#include "store/outbox.h"
#include <stdatomic.h>

static _Atomic i64 last = -1;

bool relay_start(Ctx *cx)
{
    Tiding *rows;
    isize count;
    i64 oldest, newest;

    if (!outbox_replay(cx, (UserId){ { { 0 } } }, NULL, 0, INT64_MAX, 1, &rows, &count,
                       &oldest, &newest))
        return false;
    atomic_store(&last, newest);
    return true;
}

static bool tell(Ctx *cx, const Tiding *t)
{
    Message m = { .id = t->id, .tenant = t->tenant, .user = t->user, .event = t->event,
                  .type = t->type, .data = t->data, .at = t->at };
    return bus_publish(cx, &m);
}

bool relay_pass(Ctx *cx, bool *more)
{
    Tiding *rows;
    isize count;

    *more = false;
    if (!outbox_after(cx, relay_last(), RELAY_SLICE, &rows, &count))
        return false;
    for (isize i = 0; i < count; i++) {
        if (!tell(cx, &rows[i]))
            return false;
        atomic_store(&last, rows[i].id);
    }
    *more = count == RELAY_SLICE;
    return true;
}

void relay_stop(void)
{
    atomic_store(&last, -1);
}

i64 relay_last(void)
{
    return atomic_load(&last);
}
