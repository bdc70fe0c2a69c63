/* signed.h - what a machine's message is signed over, and what may stand in its nonce.
 *
 * The text is `timestamp:nonce:body`, the body as its JSON with members sorted by name at
 * every depth and no spaces, so a proxy that writes the body anew breaks nothing; the
 * signature its hex HMAC-SHA256. Payment webhooks, ours to integrators and requests of
 * other services are all signed in this way or by its parts.
 * Needs: crypto, json.  Used by: pay (webhook), identity (request_hmac), gateway. */
#pragma once
#include "base/crypto.h"
#include "base/json.h"

enum { NONCE_LEAST = 16, NONCE_MOST = 128 };

Digest signed_body(Arena *mem, Secret key, Str timestamp, Str nonce, const Json *body);

/* 16 to 128 of A-Z a-z 0-9 - and _: no colon, so what is signed reads in one way only. */
bool nonce_plain(Str s);

/* 32 hex digits by chance. */
Str nonce_new(Arena *mem);

/* Unix milliseconds, as `text` says, no further than `window` from now either way. */
CHECKED bool signed_when(Str text, Instant now, Span window, Instant *out);
