/* bcrypt.h - passwords that another system kept with bcrypt ($2a$, $2b$, $2y$).
 *
 * They are only checked, never made: who signs in with one has it replaced (password.h).
 * Needs: base.  Used by: password. */
#pragma once
#include "base/str.h"

/* Whether it is such a hash, and not of a cost by which one sign-in would hold a hash
 * thread for seconds. */
bool bcrypt_is(Str hash);

/* Whether it is the password of that hash; must be one that bcrypt_is. */
bool bcrypt_same(Str hash, Str password);
