/* pgset.h - a statement for one row of values, made into one for many.
 * Needs: pgtype.  Used by: postgres.c. */
#pragma once
#include "store/pgpipe.h"

/* The set form of a statement whose types are known: its parameters are arrays, but for
 * the tenant, which is one ($1 where `spans` is false).
 *   gives   the text, in mem; a SELECT's has the number of the row of values first */
Str pgset_text(Arena *mem, const Known *k, bool spans);
