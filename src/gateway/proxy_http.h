/* proxy_http.h - what nobody answers here goes to the service behind that does.
 * Needs: proxy, guard, service, net (forward).  Used by: web (the table of routes). */
#pragma once
#include "net/req.h"

/* ALL /api/star  OPEN, INLINE, FORWARDS; the row of PROXY_FILE says who may.
 * Fails NOT_FOUND, INVALID_PATH, FORBIDDEN_PATH, what the guard says, CONTENT_TOO_LARGE,
 * RATE_LIMIT_EXCEEDED, NOT_IMPLEMENTED (Upgrade), BAD_GATEWAY, UPSTREAM_UNAVAILABLE, GATEWAY_TIMEOUT. */
Handler proxy_pass;

typedef struct BreakerOut {
    Str  name, prefix;
    int  state;
    i64  failures, successes, opened, retryAfterMs, connections, waiting;
} BreakerOut;
extern const Shape breaker_out_shape;

typedef struct BreakerReset { Str name; } BreakerReset;
typedef struct BreakersReset { i64 reset; } BreakersReset;
extern const Shape breaker_reset_shape, breakers_reset_shape;

/* GET /health/circuit-breakers -> {data:[BreakerOut],pagination}  OPERATORS */
Handler breaker_index;
/* POST /health/circuit-breakers/reset {name?} -> {reset}  OPERATORS; all without a name.
 * Fails NOT_FOUND. */
Handler breaker_reset_http;
