/* outbox.h - what the world must hear, written with what caused it.
 *
 * A row of the outbox is written in the same transaction as the change it tells
 * of. Ids rise in the order of commits, on every engine: whoever has read up to an id
 * never finds a smaller one later. There are gaps. The relay publishes rows in this
 * order, and the id is the one that streams resume by.
 * Needs: store.  Used by: every noun that changes; gateway (relay, replay). */
#pragma once
#include "store/store.h"

typedef struct Tiding {
    i64      id;
    TenantId tenant;
    UserId   user;                                /* zero: who watches the event */
    EventId  event;                               /* what it is about; zero: no event */
    Str      type;                                /* "reservation.created"    */
    Str      data;                                /* a JSON object            */
    Instant  at;
    Str      trace;                               /* traceparent of what caused it; may be absent */
} Tiding;

/* Tells `user`; when user is zero, everybody who watches `event`. A person's own
 * tidings name the event they are about, but its watchers never see them.
 *   keeps  `data` (in cx->mem) until the write_tx ends
 *   tx     runs inside the caller's write_tx */
CHECKED bool outbox_tell(Ctx *cx, UserId user, EventId event, const char *type, Str data);

/* Rows after `after`, oldest first, at most `most`; spans tenants. For the relay. */
CHECKED bool outbox_after(Ctx *cx, i64 after, i64 most, Tiding **rows, isize *count);

/* Rows after `after` that are told to this user, or to who watches one of `events`,
 * oldest first; *oldest and *newest are the ids still kept of any (0: none ever). */
CHECKED bool outbox_replay(Ctx *cx, UserId user, const EventId *events, int event_count,
                           i64 after, i64 most, Tiding **rows, isize *count,
                           i64 *oldest, i64 *newest);

/* Deletes a slice of the rows told before `until`, short enough to hold nobody up; gives
 * how many, 0 when there are no more. */
CHECKED bool outbox_sweep(Ctx *cx, Instant until, i64 *gone);
