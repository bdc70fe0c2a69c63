/* response.h - the way out: a reply, put behind the others of this turn.
 * Needs: conn, desk.  Used by: admission.c, exchange.c, ask.c, completion.c. */
#pragma once
#include "net/conn.h"

/* The reply alone; and all that were put, on their way. */
void response_put(Conn *c, const Req *rq);
void response_flush(Conn *c);
/* The reply, its stream if it begins one, and the end of this unit of work. */
void response_give(Conn *c, Ctx *cx, Req *rq, Mono came);
/* A fault in its place: `why` is for the log. Closing lets what still comes drain, so
 * that the answer is not lost with it. */
void response_refuse(Conn *c, Req *rq, FaultCode fault, const char *why);
void response_refuse_and_close(Conn *c, Req *rq, FaultCode fault, const char *why);
