/* fresh.h - whether a second factor was shown in this session a moment ago.
 *
 * Routes marked FRESH ask it: a token that was stolen changes no factor and takes no data
 * out. Who has no second factor is not asked for one.
 * Needs: kv, person.  Used by: guard, entry, mfa_http. */
#pragma once
#include "base/ctx.h"

#define FRESH_LASTS minutes(5)

/* From now on, for five minutes. Without the kv it is done without: then it is asked
 * again. */
CHECKED bool fresh_mark(Ctx *cx, Uuid session);

/*   fails   MFA_REQUIRED: cx->who has a second factor and must show it (POST
 *           /auth/mfa/step-up); KV_UNAVAILABLE */
CHECKED bool fresh_check(Ctx *cx);
