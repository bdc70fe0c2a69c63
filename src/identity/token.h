/* token.h - access and refresh tokens: made, and checked with every request.
 *
 * A token that was checked before is known again by its SHA-256, which saves the
 * signature (70 us down to 2); its times and its session are looked at each time.
 * Needs: key, jwt, revoked.  Used by: session, guard, person. */
#pragma once
#include "identity/jwt.h"

typedef struct TokenConfig {
    Str  issuer, audience;
    Span access_lasts, refresh_lasts;
} TokenConfig;

/* Copies the config. The keys must be open. */
void token_open(const TokenConfig *config);
void token_close(void);

/* An access token for `user` of cx->tenant, now. `epoch` must be read with or before the
 * role (epoch.h). */
Str token_access(Ctx *cx, UserId user, Role role, Uuid session, i64 epoch);
Str token_refresh(Ctx *cx, UserId user, Uuid session, Instant *expires);

/* An access token that may be used now.
 *   fails   TOKEN_EXPIRED (also: what the person may do has changed; refreshing helps),
 *           INVALID_TOKEN (also: it was taken back, or its session has ended) */
CHECKED bool token_check(Ctx *cx, Str token, Claims *out);
CHECKED bool token_check_refresh(Ctx *cx, Str token, Claims *out);

Span token_access_lasts(void);

/* Until when a token made by `now` may still be taken. */
Instant token_last_use(Instant now);

/* Off: every check verifies the signature. For measuring what the memory saves. */
typedef enum TokenMemory { TOKENS_REMEMBERED, TOKENS_FORGOTTEN } TokenMemory;
void token_memory(TokenMemory memory);
