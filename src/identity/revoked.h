/* revoked.h - the sessions that have ended while tokens of theirs could still be shown.
 *
 * In this process and looked at with every request, so it asks no database; the truth
 * is the session table, from which session.h fills it.
 * Needs: base.  Used by: token, session. */
#pragma once
#include "base/time.h"
#include "base/uuid.h"

/* `until`: when the last access token of the session has expired for sure. */
void revoked_add(Uuid session, Instant until);
bool revoked_has(Uuid session);
isize revoked_count(void);

/* Forgets what needs no remembering any more. */
void revoked_sweep(Instant now);
void revoked_clear(void);
