/* pubkey.h - somebody else's public key, and whether a signature is its.
 *
 * Kept as SubjectPublicKeyInfo in DER (RFC 5280). Three kinds: P-256 with ECDSA and
 * SHA-256 (the signature in DER), Ed25519, RSA of 2048 to 4096 bits with PKCS 1 and
 * SHA-256. Needs: base.  Used by: webauthn, identity (device_key). */
#pragma once
#include "base/str.h"

enum { PUBKEY_MOST = 700, ED25519_KEY = 32, P256_HALF = 32 };

/* True when it is one of the three, whole and nothing after it. */
CHECKED bool pubkey_good(Str spki);

/* Of the numbers of a COSE or JWK key. RSA: big-endian, no zero before. */
Str pubkey_p256(Arena *mem, Str x, Str y);
Str pubkey_ed25519(Arena *mem, Str x);
Str pubkey_rsa(Arena *mem, Str n, Str e);

/* A key that is not good holds nothing. */
CHECKED bool pubkey_holds(Str spki, Str message, Str signature);
