/* lease.h - which of many nodes does a job.
 *
 * A lease is a row that says who has it and until when, by the database's clock, so
 * nodes need not agree on the time. A node that stood still and wakes may still
 * believe in a lease it has lost: a lease spares work, it does not make work safe;
 * what runs under it must bear being done twice (guards in SQL, message ids).
 * Needs: store.  Used by: clock jobs, the relay. */
#pragma once
#include "store/store.h"

/* Takes the lease, or carries it on if it is ours. Where there is one node (SQLite) it
 * always is.
 *   gives   *ours: until `lasts` from now
 *   tx      opens its own */
CHECKED bool lease_take(Ctx *cx, const char *name, Span lasts, bool *ours);

/* Gives it up, so that another node need not wait; no mistake if it is not ours. */
CHECKED bool lease_give_up(Ctx *cx, const char *name);
