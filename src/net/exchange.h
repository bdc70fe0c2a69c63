/* exchange.h - one request after another on a connection: from bytes to an answer.
 * Needs: conn, desk.  Used by: conn.c, io.c. */
#pragma once
#include "net/conn.h"

/* Uses up what it can of `in`, in states HEAD, IDLE, BODY and SKIPPING. */
void exchange_digest(Conn *c, Str *in);
/* The body is longer than what came with the head: reads it where it belongs. */
void exchange_read_body(Conn *c);
/* Refuses the request that did not arrive in time. */
void exchange_too_late(Conn *c);
/* The answer that was held back may go. */
void exchange_release(Conn *c);
/* A page has been written: asks for the next. */
void exchange_page(Conn *c);
/* A worker has answered. */
void exchange_done(Conn *c, Job *j);
