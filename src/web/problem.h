/* problem.h - a fault as the client sees it: RFC 9457 problem details.
 *
 * The table base/fault.def gives code, status and sentence. What only the log may
 * know (Fault.why, file, line) never goes out; a 5xx carries an error id by which
 * its log line is found.
 * Needs: net.  Used by: serve, openapi. */
#pragma once
#include "net/req.h"

/* Replies cx->fault, INTERNAL_ERROR when there is none. Adds Retry-After to 429, 503 and
 * 504, RateLimit-* where a limit is the reason, and WWW-Authenticate to 401. */
void problem_reply(Ctx *cx, Req *rq);

/* "SOLD_OUT" in words: "Sold out". */
Str problem_title(Arena *mem, FaultCode code);

/* The id that answers, log lines and errorId share: 32 hex digits of cx->trace. */
Str trace_str(Arena *mem, const Trace *trace);
