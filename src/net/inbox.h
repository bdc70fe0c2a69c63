/* inbox.h - what other threads hand to an io thread: finished jobs and frames. The
 * bell (an eventfd) is rung only for the first of a batch.
 * Needs: base.  Used by: io.c, pool.c, stream.c. */
#pragma once
#include "base/queue.h"

struct Frame;

typedef struct Inbox {
    Lock       lock;
    int        bell;
    QueueLink *jobs, **last_job;
    struct Frame **frames;                        /* room for frames_most     */
    isize      frame_count, frames_most;
    i64        lost;                              /* largest id dropped, -1: none */
    bool       rung;
} Inbox;

void inbox_open(Inbox *b, isize frames_most);
void inbox_close(Inbox *b);

/* thread: any */
void inbox_ring(Inbox *b);
void inbox_put_job(Inbox *b, QueueLink *job);
/* False when there is no room: the io thread will be told so. */
CHECKED bool inbox_put_frame(Inbox *b, struct Frame *frame, i64 id);

/* Takes all: the jobs as a chain, the frames into `frames` (room for frames_most).
 *   gives  the jobs; *count; *lost, the largest id that found no room, -1: none */
QueueLink *inbox_take(Inbox *b, struct Frame **frames, isize *count, i64 *lost);
