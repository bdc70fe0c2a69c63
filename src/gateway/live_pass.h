/* live_pass.h - who may open a stream: from which page, how often, and as whom.
 *
 * An EventSource can't send a header, so a page asks for a token first, which opens one
 * stream, once. Whoever brings tokens that never were is locked out by his address, at
 * first for five minutes, then for fifteen, then for an hour.
 * Needs: kv, identity (token, revoked, limit), net.  Used by: live_http.c. */
#pragma once
#include "net/req.h"

enum { STREAM_TOKEN_LASTS = 300 };

typedef struct StreamToken { Str token; i64 expiresIn; } StreamToken;
extern const Shape stream_token_shape;

/* A token for cx->who.
 *   fails   RATE_LIMIT_EXCEEDED (as many a minute as streams); KV_UNAVAILABLE */
CHECKED bool live_pass_make(Ctx *cx, StreamToken *out);

/* Sets cx->tenant and cx->who of a request whose bearer the guard has looked at already;
 * a HEAD spends no token.
 *   fails   FORBIDDEN (a page of another origin), RATE_LIMIT_EXCEEDED, UNAUTHORIZED,
 *           TOKEN_EXPIRED, INVALID_TOKEN; KV_UNAVAILABLE (a token while the kv is
 *           away) */
CHECKED bool live_pass_check(Ctx *cx, const Req *rq);
