/* job.h - a request on its way from an io thread to a worker and back, with all that
 * it needs in one block: the io thread's buffer is gone when a worker reads it.
 * Needs: head, wire, stream.  Used by: conn.c, pool.c. */
#pragma once
#include "base/queue.h"
#include "net/head.h"
#include "net/stream.h"
#include "net/wire.h"

struct Conn;

enum { JOB_ROOM = 4096 };

typedef struct Job {
    QueueLink    link;                            /* first: it waits in lines */
    struct Conn *conn;
    struct Job  *next_free;
    struct JobExtra *extra;                       /* what had no room         */
    Req          rq;
    WireHow      how;
    Mono         came;
    Chunked      chunked;
    i64          body_want;                       /* Content-Length, -1: chunked */
    i64          body_most;                       /* of a chunked body        */
    isize        body_len, body_cap, counted;     /* counted: of the shelf's bodies */
    char        *body, *body_own;                 /* body_own: to be freed    */
    Str          answer;                          /* as it goes on the wire   */
    StreamWish  *wish;                            /* becomes a stream with it */
    bool         paging;                          /* the wish's next page is wanted */
    Str          head;                            /* of a request that waits for learn.h */
    isize        used;
    _Alignas(16) char room[JOB_ROOM];
} Job;

/* Jobs that one io thread has at hand, and how many bytes of bodies it keeps beside them,
 * in jobs and for HTTP/2; only it may call these four. */
typedef struct JobShelf { Job *first; int count; i64 bodies, bodies_most; } JobShelf;
Job *job_new(JobShelf *s);
void job_free(JobShelf *s, Job *j);
void job_shelf_close(JobShelf *s);

/* Memory as long as the job, not zeroed. */
void *job_take(Job *j, isize n);

/* A copy as long as the job. */
Str job_keep(Job *j, Str s);

/* Copies the request, so that nothing of it points outside the job. */
void job_fill(Job *j, const Req *rq, const Head *h);

/* Makes room for `more` bytes of body. `s` counts what goes beyond the job's own block, and
 * gets it back with the job; NULL: it is counted elsewhere (h2.h).
 *   gives   false when the shelf keeps as much as it may */
CHECKED bool job_grow(JobShelf *s, Job *j, isize more);

/* Keeps the reply: its bytes, and what it wishes of a stream. */
void job_answer(Job *j, Wire *w);

/* Asks for the next page of the wish and keeps that; no wish: it could not be had. */
void job_turn_page(Job *j, Ctx *cx);
