/* api_key.h - a tenant's keys for its own programs: X-API-Key.
 *
 * An admin makes one, is shown it once, and only its hash is kept. It may what its scopes
 * say, in its tenant alone, in the name of whoever made it, until it is revoked, which
 * every node knows within a second, or has expired. A key that was checked is remembered
 * for a minute, so the database is asked once a minute; then it also learns that it was
 * used.
 * Needs: scope, store, kv, note.  Used by: machine, api_key_http, cli. */
#pragma once
#include "access/scope.h"
#include "base/crypto.h"
#include "store/store.h"

enum { API_KEY_LETTERS = 47, API_KEY_PREFIX = 12, API_KEYS_MOST = 100 };

typedef struct ApiKey {
    Uuid    id;
    Str     prefix, name;
    Str     scopes;                               /* a JSON list of words     */
    UserId  createdBy;
    Instant createdAt, expiresAt, lastUsedAt;
} ApiKey;
extern const Shape api_key_shape;

void api_key_open(void);
void api_key_close(void);

/* Of cx->tenant, by cx->who. `expires` may be none.
 *   gives   *secret, to be shown once: "ttk_" and 43 letters
 *   fails   CONFLICT: API_KEYS_MOST are there; FORBIDDEN: he is no admin of that tenant */
CHECKED bool api_key_create(Ctx *cx, Str name, unsigned scopes, Instant expires,
                            ApiKey *out, Str *secret);

/* Those that are not revoked, oldest first. */
CHECKED bool api_key_list(Ctx *cx, ApiKey **rows, isize *count);

/* NOT_FOUND: there is none, or it is another tenant's. */
CHECKED bool api_key_revoke(Ctx *cx, Uuid id);

/* Whose key that is.
 *   fails   INVALID_API_KEY (also: expired, revoked, its tenant is suspended, who made it is
 *           no admin there any more); RATE_LIMIT_EXCEEDED when `peer` shows unknown ones
 *           again and again */
typedef struct KeyHolder {
    TenantId tenant; Uuid id; UserId user; unsigned scopes;
} KeyHolder;
CHECKED bool api_key_check(Ctx *cx, Str key, Str peer, KeyHolder *out);

/* The same of what is remembered.
 *   fails   INVALID_API_KEY; BUSY: it is not known; api_key_check would
 *   thread  any: an io thread too */
CHECKED bool api_key_recall(Ctx *cx, Str key, KeyHolder *out);

/* Deletes what was revoked a month ago. A clock job. */
CHECKED bool api_key_sweep(Ctx *cx, i64 *gone);

/* Brings what other nodes revoked into this process. For boot and the clock. */
CHECKED bool api_key_watch(Ctx *cx);
