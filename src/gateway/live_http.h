/* live_http.h - the stream, and the token that a browser's EventSource needs for it.
 * Needs: live, net (stream), kv, store.  Used by: web (the table of routes). */
#pragma once
#include "net/req.h"

enum { STREAM_TOKEN_LASTS = 300, STREAM_EVENTS_MOST = 7, REPLAY_MOST = 1000 };

typedef struct StreamToken { Str token; i64 expiresIn; } StreamToken;
extern const Shape stream_token_shape;

/* POST /events/token -> 200 {token,expiresIn}  SIGNED_IN, takes no body.
 * The token opens one stream, once, within 300 s. */
Handler live_token;

/* GET /events/stream ?token= &topics=event:ID,event:ID &lastEventId=  OPEN, STREAM.
 * Bearer or token. First `connected` {clientId,timestamp}, then what was missed since
 * Last-Event-ID, or `gap` {lastEventId,oldestId} when that can't be told any more,
 * then what happens. Fails UNAUTHORIZED, VALIDATION_ERROR, NOT_FOUND (a topic). */
Handler live_stream;
