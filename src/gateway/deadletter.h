/* deadletter.h - what the bus refused for good, kept until somebody decides.
 *
 * A tiding that the bus will not take stands aside here, so that those behind it go on.
 * Streams have missed it; webhooks have not, they read the outbox themselves.
 * Needs: store (outbox), identity (note).  Used by: relay, deadletter_http, cli. */
#pragma once
#include "store/outbox.h"

#define DEADLETTER_KEPT days(28)                  /* settled or not           */

typedef enum DeadState { DEAD, DEAD_RETRIED, DEAD_DISCARDED } DeadState;
extern const Names dead_state_names;

typedef struct DeadLetter {
    Str      id;                                  /* of the outbox row        */
    Str      subject, type, payload;
    TenantId tenantId;
    UserId   userId;                              /* zero: who watches eventId */
    EventId  eventId;
    i64      attempts;
    Instant  createdAt;
    Str      lastError;
    Instant  movedToDlqAt;
    int      state;
    Instant  settledAt;
} DeadLetter;
extern const Shape deadletter_shape;

/* Keeps what could not be told; of the same row a second time nothing.
 *   tx      opens its own, for t's tenant */
CHECKED bool deadletter_add(Ctx *cx, const Tiding *t, i64 attempts, Str why);

typedef struct DeadWish {
    DeadState state;
    Str       type;                               /* absent: any              */
    UserId    user;                               /* zero: any                */
    i64       before;                             /* ids below it; 0: from the newest */
    i64       most;
} DeadWish;

/* Of cx->tenant, the newest first. */
CHECKED bool deadletter_list(Ctx *cx, const DeadWish *w, DeadLetter **rows, isize *count);
CHECKED bool deadletter_get(Ctx *cx, i64 id, DeadLetter *out);     /* NOT_FOUND */

/* Tells it anew to streams, as a new tiding with a new id; webhooks had it.
 *   fails   NOT_FOUND; INVALID_STATE: somebody has settled it
 *   tx      opens its own; on record */
CHECKED bool deadletter_retry(Ctx *cx, i64 id, DeadLetter *out);
CHECKED bool deadletter_discard(Ctx *cx, i64 id, DeadLetter *out);

/* Counts those that wait, into the metrics; spans tenants. A clock job. */
CHECKED bool deadletter_count(Ctx *cx);

/* Deletes a slice of the old ones; *gone 0: there are no more. */
CHECKED bool deadletter_sweep(Ctx *cx, i64 *gone);
