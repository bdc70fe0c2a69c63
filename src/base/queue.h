/* queue.h - a bounded line of work between threads, woken in a chain.
 *
 * A push wakes one idle taker only if no wake is on its way; a woken taker wakes
 * the next while work remains. So a burst costs few wakes instead of one each,
 * and any number of takers is as quick as one (docs/why/chain-wake.md).
 * Needs: lock.  Used by: net (workers), identity (hash pool). */
#pragma once
#include "base/lock.h"

/* Put one of these first in whatever waits in the line. */
typedef struct QueueLink { struct QueueLink *next; } QueueLink;

typedef struct Queue {
    Lock           lock;
    pthread_cond_t more;
    QueueLink     *first, **last;
    isize          count, most;
    int            idle;
    bool           waking, closed;
} Queue;

void queue_init(Queue *q, isize most);
void queue_free(Queue *q);

/* False at once when the queue is full or closed; the caller keeps `item`. */
CHECKED bool queue_push(Queue *q, QueueLink *item);

/* Waits for an item; NULL when the queue is closed and empty. */
QueueLink *queue_take(Queue *q);

/* No more pushes; takers get what is left, then NULL. */
void queue_close(Queue *q);

isize queue_count(Queue *q);
