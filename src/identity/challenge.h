/* challenge.h - a secret word that is given out, comes back, and is good once.
 *
 * 256 bits, known to the kv by their SHA-256 only, of one tenant and one kind: what was
 * given out for a wallet opens no passkey. They may be lost with the kv: who held one
 * begins again.
 * Needs: kv.  Used by: entry, passkey, wallet, device_key. */
#pragma once
#include "kv/kv.h"

#define CHALLENGE_LASTS minutes(5)
enum { CHALLENGE_BYTES = 32, CHALLENGE_LETTERS = 43 };

/* A new one; `data` is told to who brings it back.
 *   gives   *word: base64url of its bytes, in cx->mem
 *   fails   KV_UNAVAILABLE */
CHECKED bool challenge_make(Ctx *cx, const char *kind, Str data, Str *word);

typedef struct Challenge { const char *kind; Str word, data; Instant until; } Challenge;

/* Of many who bring it at once one finds it.
 *   gives   *out, its texts in cx->mem
 *   fails   INVALID_TOKEN: unknown, used, or too old; KV_UNAVAILABLE */
CHECKED bool challenge_take(Ctx *cx, const char *kind, Str word, Challenge *out);

/* Gives back one that was taken in vain; it ends when it would have. */
CHECKED bool challenge_again(Ctx *cx, const Challenge *c);
