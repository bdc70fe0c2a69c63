/* rand.h - chance, from the kernel's generator; never fails.
 * Needs: types.  Used by: uuid, identity, tickets. */
#pragma once
#include "base/types.h"

/* Fills `out` with n unpredictable bytes, fit for keys (getrandom(2)). */
void rand_bytes(void *out, isize n);

/* Even over 0..below-1, without modulo bias. */
u32 rand_below(u32 below);
