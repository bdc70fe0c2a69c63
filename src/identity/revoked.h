/* revoked.h - what has ended while tokens of it could still be shown: sessions, single
 * tokens, the epochs of persons, and tenants while they are suspended.
 *
 * In this process and looked at with every request, so it asks no database; the truth
 * is in SQL, from which session.h fills it.
 * Needs: base.  Used by: token, session, epoch, tenant_admin. */
#pragma once
#include "base/time.h"
#include "base/uuid.h"

/* A session or a token. `until`: when the last access token of it has expired for
 * sure. */
void revoked_add(Uuid id, Instant until);
bool revoked_has(Uuid id);

/* A tenant that is suspended ends like a session, but may go on. */
void revoked_lift(Uuid id);

/* Tokens of this person that say an epoch below `least` are void. */
void revoked_below(Uuid person, i64 least, Instant until);

typedef enum Revoked { NOT_REVOKED, REVOKED, OF_AN_OLD_EPOCH } Revoked;
Revoked revoked_judge(Uuid tenant, Uuid session, Uuid token, Uuid person, i64 epoch);

isize revoked_count(void);                        /* for tests                */

/* How often something ended that had not ended before: a number that stayed the same
 * means that what was judged good still is. */
u64 revoked_changes(void);

/* Forgets what needs no remembering any more. */
void revoked_sweep(Instant now);
void revoked_clear(void);
