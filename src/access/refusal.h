/* refusal.h - who was told that he may not, for the record: permission.denied.
 *
 * Whoever may sign in can be refused as often as he likes, so what is written is bounded:
 * for each person and kind of right at most two rows an hour and node, the first at once
 * and the rest of that hour as one, counted. Until a row is written it is in memory.
 * Needs: guard, identity (audit), net.  Used by: web (serve), cli (the plan). */
#pragma once
#include "net/req.h"
#include "store/store.h"

enum { REFUSALS_MOST = 1024 };                    /* persons and rights at a time */
#define REFUSALS_EVERY hours(1)

/* Counts the answer of this request, if it was FORBIDDEN to a person. When there is no
 * place the log alone knows it.
 *   thread  any: an io thread too */
void refusal_note(const Ctx *cx, const Req *rq);

/* Forgets what is not written. */
void refusal_clear(void);

/* Writes what is due. A clock job, of every node. */
CHECKED bool refusal_flush(Ctx *cx);
