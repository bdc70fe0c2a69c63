/* base58.h - bytes as Bitcoin and Solana write them.
 * Needs: str.  Used by: solana. */
#pragma once
#include "base/str.h"

enum { BASE58_BYTES_MOST = 64 };

Str base58_write(Arena *mem, Str bytes);

/* Exactly n bytes, at most BASE58_BYTES_MOST; each text is one value and the other way
 * round. */
CHECKED bool base58_read(Str text, u8 *out, isize n);
