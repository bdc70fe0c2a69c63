/* h2.h - HTTP/2 (RFC 9113) by nghttp2: many requests at once on one connection.
 *
 * Every request has a Conn of its own whose link is its stream in the session, so
 * exchange.c, completion.c and stream.c do with it what they do with a socket: it carries
 * one request and its answer, is held, refused, timed and cut alone. What is written to
 * it is an answer as HTTP/1.1 has it; it goes out as HEADERS and DATA, as far as both
 * windows allow.
 *
 *   socket - Conn (C_H2) - H2 - H2Stream (Conn + its place in the session)
 *                             - H2Stream ...
 *
 * Needs: conn, h2_head.  Used by: conn.c, io.c, ask.c. */
#pragma once
#include "net/conn.h"
#include "net/h2_head.h"

struct Io;
struct nghttp2_session;

enum { H2_STREAMS_MOST = 100,       /* open at once on one connection          */
       H2_OUT_MOST = 64 << 10,      /* frames that wait for the socket         */
       H2_BODIES_MOST = 8 << 20,    /* of requests that are not answered yet   */
       H2_CALM_MOST = 1000 };       /* frames that ask for nothing, in a burst */

/* What came behind a head that is not admitted yet (learn.h). */
typedef struct H2Held {
    char     *at;                                 /* of the body              */
    isize     len;
    Str       trailers;                           /* its own                  */
    bool      ends;                               /* it is all there          */
    FaultCode fault;                              /* what is wrong with it    */
} H2Held;

typedef struct H2Stream {
    Conn       conn;                              /* first                    */
    struct H2 *session;                           /* NULL: cut off from it    */
    struct H2Stream *prev, *next;                 /* of the session           */
    struct H2Stream *next_waiting;
    int        id;
    bool       head_only;                         /* the request is HEAD      */
    bool       answered;                          /* the final HEADERS went   */
    bool       ends;                              /* the rest of it is the end */
    bool       ended;                             /* END_STREAM is in the session's out */
    bool       shut;                              /* nghttp2 is done with it  */
    bool       waits;                             /* for room or a window     */
    i64        left;                              /* of the answer; -1: not known */
    isize      body;                              /* bytes of request that are here */
    Str        trailers;                          /* of the answer; its own   */
    H2Held    *held;                              /* its own; NULL: nothing   */
    const struct iovec *parts;                    /* what is being written    */
    int        part_count;
    isize      part_at, taken;
} H2Stream;

typedef enum H2Drain { H2_OPEN, H2_TOLD, H2_CLOSED } H2Drain;

typedef struct H2 {
    Conn      *conn;
    struct nghttp2_session *session;
    struct H2 *prev, *next;                       /* of the io thread         */
    H2Stream  *streams;
    H2Stream  *first_waiting, **last_waiting;
    int        count;
    isize      bodies;                            /* of all streams           */
    bool       reading;                           /* within nghttp2's receive */
    bool       greeted;                           /* its SETTINGS came        */
    bool       asked;                             /* a request came           */
    bool       lost;                              /* nothing more can be said */
    bool       wake, full;                        /* who waits may go on; could not */
    bool       unread;                            /* for nobody takes the answers */
    i32        stops[H2_STREAMS_MOST];            /* answered, their clients may still send */
    int        stop_count;
    H2Drain    drain;
    H2Head     head;                              /* the one that is coming   */
    isize      unpacked;                          /* bytes of its fields, or of trailers */
    char      *out;
    isize      out_at, out_len, out_cap, moved;
    i64        calm;                              /* what is left of H2_CALM_MOST */
    Mono       calm_since;
} H2;

/* The client speaks HTTP/2 (`in`: what it has said). */
void h2_open(Conn *c, Str in);
/* One turn of its connection. */
void h2_run(Conn *c);
void h2_writable(Conn *c);
void h2_due(Conn *c);
/* Closes all requests and forgets the session; the connection stays. */
void h2_end(Conn *c);
/* Tells all clients of an io thread to go elsewhere with what is new (RFC 9113 6.8). */
void h2_drain(struct Io *io);

/* Between h2.c, h2_read.c and h2_stream.c. */
struct nghttp2_session *h2_session(H2 *h);
H2Stream *h2_stream_open(H2 *h, int id);
void h2_stream_wake(H2 *h);
/* One frame of n bytes of what is being written, behind its head. */
void h2_stream_send(H2Stream *s, Str head, isize n);
void h2_pump(H2 *h);
/* The answer's end has gone: who still sends the request is told to stop, when that has
 * left for the socket (RFC 9113 8.1). */
void h2_stop(H2 *h, i32 id);
void h2_again(H2 *h);
void h2_put(H2 *h, Str bytes);

/* For completion.c: the request was admitted, or refused; what came before goes on. */
void h2_resume(Conn *c);
void h2_held_free(H2Held *k);

/* `n` bytes more of a request's body are kept, or fewer: of the stream, of the connection and
 * of the io thread. */
void h2_count_body(H2 *h, H2Stream *s, isize n);

/* For ask.c: n bytes of the request's body have gone on: as many more may come. */
void h2_took(Conn *c, isize n);
/* Trailer lines, for the end of the answer: copied. */
void h2_trailers(Conn *c, Str lines);
