/* epoch.h - a number of each person that its access tokens say, and that rises when what
 * they say is no longer so: another role, another password, suspended, gone.
 *
 * Whoever makes a token reads the epoch together with the role, or before it, so a token
 * with the old role has the old epoch whatever raced with it: no clock is compared. Other
 * nodes hear of it within a second (session_watch), and no request asks the database.
 * Needs: store, revoked.  Used by: session, member, login. */
#pragma once
#include "store/store.h"

/* What a token of this person says; closed: his tenant is not ACTIVE. Zeroes when there
 * is no such person.
 *   tx  inside the caller's */
typedef struct Standing { i64 epoch; int role; bool closed; } Standing;
CHECKED bool epoch_read(Ctx *cx, UserId user, Standing *out);

/* From its commit on, access tokens made before are void. No mistake if there is no such
 * person.
 *   gives   *epoch the new one, for epoch_heard
 *   tx      inside the caller's write_tx */
CHECKED bool epoch_raise(Ctx *cx, UserId user, i64 *epoch);

/* After that commit: this node knows at once. */
void epoch_heard(Ctx *cx, UserId user, i64 epoch);
