/* ask.h - a connection of HTTP/1.1 whose request goes to an upstream (state FORWARDING).
 *
 * The body is taken from the connection as the upstream takes it; the answer is framed
 * for this client and its head gets the server's own fields.
 * Needs: forward, conn.  Used by: conn.c, exchange.c. */
#pragma once
#include "net/conn.h"
#include "net/forward.h"

/* The handler has set rq->reply.forward. */
void ask_begin(Conn *c, const Ctx *cx, const Req *rq, const Head *h, Str in);

/* Uses body bytes of `in`; false when none are wanted now. */
bool ask_take(Conn *c, Str *in);
/* True when reading on makes sense. */
bool ask_hungry(const Conn *c);
/* The connection took all that it was given. */
void ask_writable(Conn *c);
/* The connection is being closed. */
void ask_leave(Conn *c);
