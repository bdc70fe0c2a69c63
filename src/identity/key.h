/* key.h - the signing keys of this installation, and when each may do what.
 *
 *   next      published, so that verifiers know it before it signs
 *   active    signs; there is one
 *   retiring  signs no more, still verifies what it signed
 *   retired   gone: its file is removed, its line stays for the record
 *
 * Keys are data, not configuration: they are made at the first start and kept in
 * DATA_DIR/keys, one PEM file each (mode 0600) and a small index. Another process
 * (the CLI) may rotate them; a running server notices.
 * Needs: jws.  Used by: token, session, cli. */
#pragma once
#include "base/ctx.h"
#include "proof/jws.h"

typedef enum KeyState { KEY_NEXT, KEY_ACTIVE, KEY_RETIRING, KEY_RETIRED } KeyState;
extern const Names key_state_names;

typedef struct KeyRow { Str kid; int alg, state; Instant createdAt, changedAt; } KeyRow;
extern const Shape key_shape;

typedef struct KeyConfig {
    Str  dir;                                     /* DATA_DIR/keys            */
    Alg  alg;
    Span verifies;                                /* how long what was signed may live */
} KeyConfig;

enum { KEYS_MOST = 32 };

/* How long a verifier may keep the JWKS; a next key waits that long before it signs. */
enum { JWKS_MAX_AGE_S = 300 };

/* How long until every node has looked at the folder: an upper bound of the clock's
 * beat. */
enum { KEYS_KNOWN_S = 3 };

/* Reads the keys, making what is missing: an active one, and a next one of `alg`. False
 * with *why when the folder or a key can't be read. */
CHECKED bool key_open(Arena *mem, const KeyConfig *config, Str *why);
void key_close(void);

/* The key that signs; there is always one. */
const JwsKey *key_active(void);

/* The key that may verify `kid`, or NULL: a JwsFind. An unknown kid makes it look at the
 * folder again, at most once a second. */
const JwsKey *key_find(void *unused, Str kid);

/* Rises whenever the set of keys changes: what was verified before must be again. */
u64 key_generation(void);

/* Looks whether another process changed the keys. Cheap; for the clock. */
void key_watch(void);

typedef enum KeyHaste { KEY_STAGED, KEY_AT_ONCE } KeyHaste;

/* next becomes active, active retiring, what has retired long enough is removed, and a
 * new next one is made.
 *   fails   INVALID_STATE: next is younger than JWKS_MAX_AGE_S, or with KEY_AT_ONCE than
 *           KEYS_KNOWN_S; INTERNAL_ERROR: the folder can't be written */
CHECKED bool key_rotate(Ctx *cx, KeyHaste haste);

/* Rotates when JWT_ALGORITHM was changed and its next key is known to everybody. For the
 * clock. */
CHECKED bool key_follow(Ctx *cx);

/* All keys, the newest first, in cx->mem. */
void key_list(Ctx *cx, KeyRow **rows, isize *count);

/* {"keys":[...]}: next, active and retiring ones (RFC 7517). */
Str key_jwks(Arena *mem);
