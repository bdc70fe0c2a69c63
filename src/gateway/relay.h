/* relay.h - brings the outbox to the bus, row by row, in order of id, each once.
 *
 * The embedded bus reaches one process, so there each node relays for itself: it
 * remembers the last id it has told, and begins after what is there; streams that
 * resume find older rows in the outbox.
 *
 * A bus that keeps messages is shared: one node at a time relays, the one that has the
 * lease. Where it begins is what the bus holds last, so a row is told once however many
 * nodes die or freeze on the way, and none that the outbox keeps is left out.
 * A message that the bus refuses, it alone, is tried a few times; then it is a dead
 * letter and those behind it go on (docs/why/publishing.md).
 * Needs: store (outbox, lease), bus, deadletter.  Used by: gateway.c. */
#pragma once
#include "bus/bus.h"
#include "store/outbox.h"

enum { RELAY_SLICE = 512 };                       /* rows in one pass         */

/* Lets messages flow (bus_begin). Rows older than `kept` are told to no bus that has
 * nothing yet: they were told long ago. */
CHECKED bool relay_start(Ctx *cx, Span kept);

/* How often a message that the bus refuses is tried before it is a dead letter. */
void relay_attempts(i64 most);

/* Tells at most RELAY_SLICE rows, or none when another node relays; *more says whether
 * others wait. A row that could not be told is the first of the next pass.
 *   thread  one */
CHECKED bool relay_pass(Ctx *cx, bool *more);

/* Whether this node relays. The relay's thread. */
bool relay_is_ours(void);

/* The id of the last row that this node has told; -1: none, or another node relays.
 * Any thread. */
i64 relay_last(void);

/* Lets another node relay at once. */
void relay_stop(Ctx *cx);

/* A row as the bus tells it; its texts are the row's. */
/* The id of the newest row of the outbox, 0: there is none. */
CHECKED bool relay_newest(Ctx *cx, i64 *newest);

Message relay_message(const Tiding *t);
