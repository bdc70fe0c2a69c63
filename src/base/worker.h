/* worker.h - threads that work now and then: they wake when they are rung or a while has
 * passed, work as long as there is more, sleep again, and end when they are told.
 *
 * A ring while they work is kept. It wakes one of them; where one is not enough, whoever
 * finds work rings for the next. The record is static: it may be rung before its threads
 * are there and after they have gone.
 * Needs: lock, arena.  Used by: postman, gateway, webhook_send. */
#pragma once
#include "base/arena.h"
#include "base/lock.h"
#include "base/time.h"

enum { WORKER_THREADS_MOST = 64 };

typedef struct Worker {
    const char *name;
    Span        every;                            /* never sleeps longer      */
    bool      (*work)(Arena *mem);                /* one piece; true: there may be more */
    /* its own */
    Lock           lock;
    pthread_cond_t changed;
    pthread_t      threads[WORKER_THREADS_MOST];
    int            count;
    bool           rung, stopping;
} Worker;

#define WORKER(name_, every_ms, work_) \
    { .name = (name_), .every = { every_ms }, .work = (work_), \
      .lock = LOCK_OF(RANK_BUS), .changed = PTHREAD_COND_INITIALIZER }

/* They look for work at once. */
void worker_start(Worker *w, int threads);

/* They end after the piece in hand; nothing when they were not started. */
void worker_halt(Worker *w);                      /* and does not wait for it */
void worker_stop(Worker *w);                      /* and waits                */

/*   thread  any, holding no lock above RANK_LANE */
void worker_ring(Worker *w);
