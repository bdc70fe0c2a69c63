/* session.h - from signing in to signing out: a family of refresh tokens.
 *
 * A refresh token is used once; the answer to it is its successor. A client that lost
 * that answer may ask again within the grace and gets the same successor. Whoever comes
 * later with a used token ends the family, because two of them must hold it.
 * Needs: token, store, seal.  Used by: person, auth_http, clock. */
#pragma once
#include "base/crypto.h"
#include "identity/epoch.h"
#include "identity/token.h"
#include "store/store.h"

/* However often it is carried on, a session ends after this. */
#define SESSION_LASTS days(90)
/* An ended session stays for the record. */
#define SESSION_KEPT  days(30)

typedef struct SessionConfig {
    Span grace;                                   /* JWT_REFRESH_GRACE        */
    const Secret *seal_master;                    /* INTERNAL_SERVICE_SECRET  */
} SessionConfig;

typedef struct Tokens { Str accessToken, refreshToken; i64 expiresIn; } Tokens;
extern const Shape tokens_shape;

/* A session that is about to begin, and its first refresh token. */
typedef struct Session {
    Uuid    id;
    UserId  user;
    Str     refresh;
    Instant refresh_expires;
    Str     ip, agent;                            /* who says he is there     */
    Standing standing;                            /* set by session_write     */
} Session;

void session_open(const SessionConfig *config);
void session_close(void);

/* Before the transaction: picks the id and signs the refresh token. */
Session session_prepare(Ctx *cx, UserId user, Str ip, Str agent);

/*   fails   INVALID_TENANT: it is suspended
 *   tx      runs inside the caller's write_tx */
CHECKED bool session_write(Ctx *cx, Session *s);

/* After it: the answer for the client. The role is the lesser of `role` and the one that
 * session_write found. */
Tokens session_tokens(Ctx *cx, const Session *s, Role role);

/* Uses a refresh token. Sets cx->tenant to the token's.
 *   fails   TOKEN_EXPIRED, INVALID_TOKEN, TOKEN_REUSED (and the family has ended)
 *   tx      opens its own */
CHECKED bool session_refresh(Ctx *cx, Str token, Tokens *out);

/* Ends one session of cx->tenant, or all of a person, with every access token that he
 * has, also one of no session; no mistake if it has ended before.
 *   tx      opens its own */
CHECKED bool session_end(Ctx *cx, Uuid session, const char *why);
CHECKED bool session_end_all(Ctx *cx, UserId user, const char *why);

/* The same inside the caller's write_tx, for all but `but` (zero: all). What it ended
 * must be told to this process once that is durable. */
typedef struct Ended { Uuid id; Instant at; i64 least; } Ended;
extern const Shape ended_shape;
/* What `least` says of a tenant; of a session it is 0, of a person his epoch. */
enum { GOES_ON = -1, SUSPENDED_NOW = -2 };
typedef struct EndedList { Ended *rows; isize count; UserId user; i64 epoch; } EndedList;
CHECKED bool session_close_all(Ctx *cx, UserId user, Uuid but, const char *why,
                               EndedList *out);
/* One of a person's; the list stays empty when it is another's or has ended. */
CHECKED bool session_close_one(Ctx *cx, UserId user, Uuid session, const char *why,
                               EndedList *out);
void session_tell(Ctx *cx, const EndedList *ended);

/* Takes back one access token, or a refresh token with its session, whoever's it is; what
 * is no good token is no mistake (RFC 7009). Sets cx->tenant to the token's.
 *   tx      opens its own */
CHECKED bool session_take_back(Ctx *cx, Str token);
