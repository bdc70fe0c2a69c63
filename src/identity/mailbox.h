/* mailbox.h - that a person reads the mailbox he gave.
 * Needs: mailproof, letter, person, audit.  Used by: login, account_http. */
#pragma once
#include "identity/audit.h"
#include "identity/mailproof.h"
#include "identity/person.h"

enum { RESENDS_MOST = 3 };                        /* in an hour               */

/* By the link's token. Sets cx->tenant to the token's.
 *   fails   INVALID_CODE */
CHECKED bool mailbox_confirm(Ctx *cx, const Caller *from, Str token);

/* By the code, in cx->tenant.
 *   fails   INVALID_CODE, also for an email that nobody has */
CHECKED bool mailbox_confirm_code(Ctx *cx, const Caller *from, Str email, Str code);

/* Another letter to who is signed in.
 *   fails   INVALID_STATE: confirmed already; RATE_LIMIT_EXCEEDED */
CHECKED bool mailbox_resend(Ctx *cx);
