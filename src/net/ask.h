/* ask.h - a connection of HTTP/1.1 whose request goes to an upstream (state FORWARDING).
 *
 * The body is taken from the connection as the upstream takes it; the answer is framed
 * for this client and its head gets the server's own fields.
 * Needs: forward, conn.  Used by: conn.c, exchange.c, admission.c. */
#pragma once
#include "net/conn.h"
#include "net/forward.h"

/* The handler has set rq->reply.forward. */
void ask_begin(Conn *c, const Ctx *cx, const Req *rq, const Head *h, Str in);

/* Of a connection that carries one request (h2.h): a part of its body, which is kept until
 * the upstream takes it; and its end, with trailer lines. h2_took says how much was taken. */
void ask_feed(Conn *c, Str bytes);
void ask_feed_end(Conn *c, Str trailers);
/* It can't go on, by its own side's fault. */
void ask_fail(Conn *c, FaultCode fault, const char *why);

/* Uses body bytes of `in`; false when none are wanted now. */
bool ask_take(Conn *c, Str *in);
/* True when reading on makes sense. */
bool ask_hungry(const Conn *c);
/* The connection took all that it was given. */
void ask_writable(Conn *c);
/* The connection is being closed. */
void ask_leave(Conn *c);
