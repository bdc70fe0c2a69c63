/* webhook_turn.h - one endpoint's turn: its deliveries that wait are sent in their order,
 * for ten seconds at most, until one fails or is slow.
 * Needs: webhook_endpoint, webhook_attempt, identity (letter, note).  Used by:
 * webhook_send.c. */
#pragma once
#include "gateway/webhook_endpoint.h"

/* Of cx->tenant. *claimed: it was due and nobody else's; false, and nothing was sent. A
 * delivery that fails is no failure: it is written down, and that it is to be tried again;
 * an endpoint that has failed for `give_up` is paused. */
CHECKED bool turn_take(Ctx *cx, EndpointId id, Span give_up, bool *claimed);
