/* conn.h - one connection's life.
 *
 *   GREETING -> HEAD -> BODY -> AT_WORK -> (HELD) -> (WRITING) -> IDLE -> HEAD ...
 *                 |       |         |                              ^
 *                 |       |         +-> (PAGING) -> STREAMING      |
 *                 +-> FORWARDING (ask.h) --------------------------+
 *                 +-------+-- refused -> (SKIPPING) ---------------+
 *   GREETING or HEAD -> H2, which gives each request a Conn of its own (h2.h)
 *   any -> CLOSING (what still comes is dropped) -> GONE
 *
 * An idle connection owns nothing but this struct. Bytes are read into the io thread's
 * scratch; only what can't be used yet is copied here.
 * Needs: crowd, due, job, link.  Used by: io.c, exchange.c, completion.c, stream.c. */
#pragma once
#include "net/crowd.h"
#include "net/due.h"
#include "net/job.h"
#include "net/link.h"

struct Io;
struct Ask;
struct Stream;
struct H2;

typedef enum ConnState { C_GREETING, C_IDLE, C_HEAD, C_BODY, C_SKIPPING, C_AT_WORK,
                         C_HELD, C_WRITING, C_PAGING, C_STREAMING, C_FORWARDING, C_H2,
                         C_CLOSING, C_GONE, C_STATES } ConnState;

typedef struct Conn {
    Due         due;                              /* first                    */
    struct Io  *io;
    Link        link;
    ConnState   state;
    bool        readable;                         /* there may be bytes to read */
    bool        ended;                            /* the peer sends no more   */
    bool        fresh;                            /* `in` has not been looked at */
    bool        closes;                           /* after the answer         */
    bool        lingers;                          /* the peer may be sending still */
    bool        keep_old;                         /* HTTP/1.0, kept open      */
    bool        in_turn;                          /* waits for another turn   */
    u8          peer_len;
    int         in_len;
    char       *in;                               /* left over from the last read */
    char       *out;                              /* what the peer did not take yet */
    isize       out_at, out_len;
    i64         skip;                             /* of a refused body        */
    Job        *job;
    struct Stream *stream;
    struct Ask    *ask;                           /* its request is with an upstream */
    struct H2  *h2;                               /* the session, in C_H2     */
    struct Conn *next_turn, *next_grave;
    bool        counted;                          /* in its crowd             */
    char        peer[INET6_ADDRSTRLEN];
} Conn;

/* Takes over a fresh socket. */
void conn_open(struct Io *io, int fd, const struct sockaddr *peer, bool counted);
/* What epoll said. */
void conn_event(Conn *c, u32 events);
/* Does what can be done now: reads, answers, reads on. */
void conn_run(Conn *c);
/* Its deadline has come. */
void conn_due(Conn *c);

/* Moves to a state and its deadline. */
void conn_become(Conn *c, ConnState state, DueKind due);
/* Reads: >0, or 0 when there is nothing or the connection was closed. */
isize conn_read(Conn *c, char *to, isize n);
/* Writes what goes, keeps the rest. False when the connection was lost (closed). */
CHECKED bool conn_put(Conn *c, Str bytes);
/* An answer is out, or on its way: goes on to what follows it. */
void conn_settle(Conn *c);
/* Drops what was read and not used. */
void conn_forget(Conn *c);
/* Closes so that the peer can read what was sent last. */
void conn_finish(Conn *c);
/* Closes at once. */
void conn_close(Conn *c);
