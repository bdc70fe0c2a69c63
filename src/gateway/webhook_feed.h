/* webhook_feed.h - makes deliveries out of the outbox, for every endpoint that wants
 * them.
 *
 * Each endpoint has a cursor in the outbox; its new number, its deliveries and its cursor
 * are written in one transaction that begins from the old cursor. So nothing is left out
 * and nothing is made twice, whoever dies and however many nodes try.
 * Needs: webhook_endpoint, store (outbox, lease).  Used by: webhook_send, tests. */
#pragma once
#include "gateway/webhook_endpoint.h"

/* Feeds a slice of the outbox; *more: others wait. Nothing when another node does it.
 *   thread  one of a process; cx's tenant changes */
CHECKED bool feed_pass(Ctx *cx, bool *more);

/* Lets another node do it at once. */
void feed_stop(Ctx *cx);

/* Deletes a slice of the deliveries made before `until`, at last the endpoints removed
 * before it that have none; *gone 0: there are no more. */
CHECKED bool feed_sweep(Ctx *cx, Instant until, i64 *gone);
