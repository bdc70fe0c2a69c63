/* seal.h - bytes that rest where others may look: encrypted and bound to their place.
 *
 * XChaCha20-Poly1305 with a random 24-byte nonce. `place` (associated data) says where
 * the bytes belong, so a sealed value that is moved to another row does not open.
 * Needs: base.  Used by: identity (session, mfa, letterbox), gateway. */
#pragma once
#include "base/crypto.h"

typedef struct Sealer { Digest key; } Sealer;

/* A key for one purpose, out of the installation's master secret (HKDF). */
Sealer sealer_of(const Secret *master, Str purpose);

Str seal(Arena *mem, const Sealer *s, Str place, Str plain);
CHECKED bool unseal(Arena *mem, const Sealer *s, Str place, Str sealed, Str *plain);
