/* ask.h - a connection of HTTP/1.1 whose request goes to an upstream (state FORWARDING).
 *
 * The body is taken from the connection as the upstream takes it; the answer is framed
 * for this client and its head gets the server's own fields.
 * Needs: forward, conn.  Used by: conn.c, exchange.c, admission.c. */
#pragma once
#include "net/conn.h"
#include "net/forward.h"

enum { ASK_KEPT = 16 << 10 };                     /* of Outward.mem, between two */

typedef struct Ask {
    Forward  f;                                   /* first                    */
    Conn    *c;
    Job     *job;                                 /* in whose memory this is  */
    Ctx      cx;                                  /* for the log              */
    Str      lines;                               /* of our own, for the answer */
    Chunked  chunked;                             /* the request's body       */
    i64      left;
    bool     old;                                 /* HTTP/1.0                 */
    bool     shared;                              /* HTTP/2: is fed, unframed */
    bool     fed_all;
    Str      fed_trailers;
    i64      fed;
    bool     chunks;                              /* the answer goes out chunked */
} Ask;

static inline Ask *ask_of(const Forward *f) { return (Ask *)(uintptr_t)f; }

/* The handler has set rq->reply.forward. */
void ask_begin(Conn *c, const Ctx *cx, const Req *rq, const Head *h, Str in);

/* Of a connection that carries one request (h2.h): a part of its body, which is kept
 * until the upstream takes it; and its end, with trailer lines. h2_took says how much was
 * taken. */
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

/* The answer's way to the client (ask_answer.c), as forward.h says of each. */
bool ask_interim(Forward *f, const AnswerHead *n);
bool ask_head(Forward *f, const AnswerHead *n);
bool ask_body(Forward *f, char *at, isize n);
bool ask_end(Forward *f, Str trailers);
bool ask_flush(Forward *f);
bool ask_full(const Forward *f);
