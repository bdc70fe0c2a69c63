/* crypto.h - digests, MACs and the comparison that takes its time.
 * Needs: str.  Used by: identity, pay, tickets, store (request hashes). */
#pragma once
#include "base/str.h"

/* Bytes that must not be seen: the logger has no way to print one. Wiped by
 * secret_wipe, never copied into a Str without saying so. */
typedef struct Secret { u8 *at; isize len; } Secret;
Secret secret_copy(Str s);                        /* own memory; secret_wipe frees it */
void   secret_wipe(Secret *s);
void   wipe(void *at, isize n);                   /* never optimised away     */

enum { SHA256_BYTES = 32 };
typedef struct Digest { u8 b[SHA256_BYTES]; } Digest;

Digest sha256(Str s);                                       /* FIPS 180-4     */
Digest hmac_sha256(const void *key, isize n, Str message);  /* RFC 2104       */

/* HKDF-SHA256 (RFC 5869) with no salt: one key for one purpose out of a master. */
Digest hkdf_sha256(const void *key, isize n, Str info);

/* The same time whatever the bytes are; the length is not secret. */
bool same_bytes(const void *a, const void *b, isize n);
