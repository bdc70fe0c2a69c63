/* relay.h - brings the outbox to the bus, row by row, in order, each at least once.
 *
 * It remembers the last id it has told. What was written while no relay ran is not
 * told again at boot: streams find it in the outbox when they resume.
 * Needs: store (outbox), bus.  Used by: gateway.c. */
#pragma once
#include "base/ctx.h"

enum { RELAY_SLICE = 512 };                       /* rows in one pass         */

/* Begins after the newest row there is. */
CHECKED bool relay_start(Ctx *cx);

/* Tells at most RELAY_SLICE rows; *more says whether others wait. A row that could
 * not be told is the first of the next pass.
 *   thread  one */
CHECKED bool relay_pass(Ctx *cx, bool *more);

/* The id of the last row told; -1 while there is no relay. Any thread. */
i64 relay_last(void);
void relay_stop(void);
