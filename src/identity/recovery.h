/* recovery.h - a new password: for who has forgotten his, and for who has it.
 *
 * Either way every session of the person ends, the one that asks included, because
 * whoever else has the old password may hold one.
 * Needs: mailproof, letter, password, session.  Used by: account_http. */
#pragma once
#include "identity/audit.h"

#define RESET_PAUSE  minutes(15)                  /* no second letter within  */

/* Sends a letter to who has that email in cx->tenant. Succeeds whoever it is. */
CHECKED bool recovery_ask(Ctx *cx, const Caller *from, Str email);

/* By the link's token; sets cx->tenant to the token's. The mailbox is confirmed by it,
 * and a lock ends.
 *   fails   INVALID_CODE, VALIDATION_ERROR (then the link stays good), BUSY */
CHECKED bool recovery_reset(Ctx *cx, const Caller *from, Str token, Str password);

/* For who is signed in. Wrong ones count towards the account's lock.
 *   fails   AUTHENTICATION_FAILED, SAME_PASSWORD, VALIDATION_ERROR, BUSY,
 *           KV_UNAVAILABLE */
CHECKED bool recovery_change(Ctx *cx, const Caller *from, Str old, Str password);
