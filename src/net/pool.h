/* pool.h - the threads that answer requests, sequentially and blocking.
 * Needs: queue, desk, job.  Used by: server.c, conn.c. */
#pragma once
#include "base/queue.h"
#include "net/desk.h"

typedef struct Pool {
    Queue          queue;
    pthread_t     *threads;
    int            count;
    struct Server *server;
} Pool;

void pool_open(Pool *p, struct Server *s, int threads, isize queue_most);

/* No more jobs; waits until those it has are answered. Who comes later is turned away. */
void pool_stop(Pool *p);

/* After pool_stop, when nobody can come any more. */
void pool_free(Pool *p);
