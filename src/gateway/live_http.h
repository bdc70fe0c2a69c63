/* live_http.h - the stream, and the token that a browser's EventSource needs for it.
 * Needs: live_pass, live_watch, live_missed, net (stream).  Used by: web (routes). */
#pragma once
#include "gateway/live_pass.h"

/* POST /events/token -> 200 {token,expiresIn}  SIGNED_IN, takes no body.
 * The token opens one stream, once, within 300 s. */
Handler live_token;

/* GET /events/stream ?token= &topics=event:ID,sales:ID,gate:ID &lastEventId=  OPEN,
 * STREAM. Bearer or token. First `connected` {clientId,timestamp}, then what was missed
 * since Last-Event-ID, or `gap` {lastEventId,oldestId} when some of it can't be told any
 * more, then what happens. It ends with `reconnect` {reason: SHUTDOWN, LIFETIME} or
 * `closed` {reason: SESSION_ENDED, TOO_MANY_STREAMS}. Fails as live_pass_check;
 * VALIDATION_ERROR, NOT_FOUND, FORBIDDEN (a topic). */
Handler live_stream;
extern const Shape stream_query_shape;
