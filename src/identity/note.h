/* note.h - what was done to whom, for the record: the one place through which this room's
 * administration tells the audit.
 * Needs: store.  Used by: member, tenant_admin, privacy, the factors. */
#pragma once
#include "store/store.h"

/* `action` in the words of the audit (role.granted), `target` what else it was about.
 *   tx  runs inside the caller's write_tx: there is none without it */
CHECKED bool note_write(Ctx *cx, const char *action, UserId subject, Str target);
