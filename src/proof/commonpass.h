/* commonpass.h - the passwords that everybody tries.
 * Needs: base.  Used by: password. */
#pragma once
#include "base/str.h"

/* True when it is a common one as it is, in other case, with digits and marks before or
 * behind, or with the usual digits for letters (P@ssw0rd2024!). */
bool commonpass_is(Arena *mem, Str password);
