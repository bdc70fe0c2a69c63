/* exchange.h - one request after another on a connection: from bytes to an answer.
 * Needs: conn, desk.  Used by: conn.c, io.c. */
#pragma once
#include "net/conn.h"

/* Uses up what it can of `in`, in states HEAD, IDLE, BODY and SKIPPING. */
void exchange_digest(Conn *c, Str *in);
/* The body is longer than what came with the head: reads it where it belongs. */
void exchange_read_body(Conn *c);
/* Of a connection that carries one request (h2.h), in pieces: its head, which must be
 * whole, its body as it comes, the body's end. Or its refusal, before and after the head. */
typedef enum BodyToCome { BODY_NONE, BODY_FOLLOWS } BodyToCome;
void exchange_open(Conn *c, Str head, BodyToCome body);
void exchange_feed(Conn *c, Str bytes);
void exchange_end(Conn *c);
void exchange_refuse(Conn *c, FaultCode fault, const char *why);
void exchange_give_up(Conn *c, FaultCode fault, const char *why);
/* Refuses the request that did not arrive in time. */
void exchange_too_late(Conn *c);
/* The answer that was held back may go. */
void exchange_release(Conn *c);
/* A page has been written: asks for the next. */
void exchange_page(Conn *c);
/* For ask.c: the reply, behind the others of this turn; and all of them on their way. */
void exchange_put(Conn *c, const Req *rq);
void exchange_flush(Conn *c);
/* A worker has answered. */
void exchange_done(Conn *c, Job *j);
