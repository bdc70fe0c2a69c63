/* note.h - what was done to whom, for the record: the one place through which this room's
 * administration tells the audit.
 * Needs: audit.  Used by: member, tenant_admin, privacy, the factors. */
#pragma once
#include "identity/audit.h"

/* `target`: what else it was about.
 *   tx  runs inside the caller's write_tx: there is none without it */
CHECKED bool note_write(Ctx *cx, AuditAction action, UserId subject, Str target);
