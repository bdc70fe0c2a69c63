/* exchange.h - one request after another on a connection: from bytes to requests.
 * Needs: conn, admission, response.  Used by: conn.c, h2_read.c. */
#pragma once
#include "net/conn.h"

/* Uses up what it can of `in`, in states HEAD, IDLE, BODY and SKIPPING. */
void exchange_digest(Conn *c, Str *in);
/* The body is longer than what came with the head: reads it where it belongs. */
void exchange_read_body(Conn *c);
/* Of a connection that carries one request (h2.h), in pieces: its head, which must be
 * whole, its body as it comes, the body's end. */
typedef enum BodyToCome { BODY_NONE, BODY_FOLLOWS } BodyToCome;
void exchange_open(Conn *c, Str head, BodyToCome body);
void exchange_feed(Conn *c, Str bytes);
void exchange_end(Conn *c);
/* Refuses a request that has not come whole, or not in time. */
void exchange_give_up(Conn *c, FaultCode fault, const char *why);
void exchange_too_late(Conn *c);
