/* seen.h - the access tokens whose signature was checked lately: bounded, 16 shards.
 *
 * Known by SHA-256 of their text, and only as long as the set of keys is the same.
 * Needs: jwt.  Used by: token.c. */
#pragma once
#include "base/crypto.h"
#include "identity/jwt.h"

void seen_open(void);                             /* empty                    */
void seen_close(void);
bool seen_find(const Digest *token, u64 generation, Claims *out);
void seen_add(const Digest *token, u64 generation, const Claims *claims);
