/* session_clock.h - what happens to sessions as time passes: this process hears of those
 * that others ended, and what is long over is deleted.
 * Needs: session, revoked, store.  Used by: identity.c, session.c. */
#pragma once
#include "identity/session.h"

/* Brings what others ended or raised into this process (revoked.h): all that matter at
 * boot, later those since the last look. For boot and the clock. */
CHECKED bool session_watch(Ctx *cx);
/* The next look is the first. */
void session_watch_anew(void);

/* Deletes what has run out; spans tenants. */
CHECKED bool session_sweep(Ctx *cx, i64 *gone);
