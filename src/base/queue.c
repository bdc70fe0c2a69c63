/* queue.c - see queue.h. */
#include "base/queue.h"

void queue_init(Queue *q, isize most)
{
    *q = (Queue){ .most = most };
    q->last = &q->first;
    lock_init(&q->lock, RANK_QUEUE);
    cond_init(&q->more);
}

void queue_free(Queue *q)
{
    must(q->first == NULL);
    pthread_cond_destroy(&q->more);
    lock_close(&q->lock);
}

/* Says whether one idle taker must be woken, and notes that it will be. */
static bool owes_wake(Queue *q)
{
    if (q->first == NULL || q->idle == 0 || q->waking)
        return false;
    return q->waking = true;
}

bool queue_push(Queue *q, QueueLink *item)
{
    lock(&q->lock);
    bool room = q->count < q->most && !q->closed, wake = false;
    if (room) {
        item->next = NULL;
        *q->last = item;
        q->last = &item->next;
        q->count++;
        wake = owes_wake(q);
    }
    unlock(&q->lock);
    if (wake)
        pthread_cond_signal(&q->more);
    return room;
}

QueueLink *queue_take(Queue *q)
{
    lock(&q->lock);
    while (q->first == NULL && !q->closed) {
        q->idle++;
        lock_wait(&q->lock, &q->more, 0);
        q->idle--;
        q->waking = false;
    }
    QueueLink *item = q->first;
    if (item != NULL) {
        q->first = item->next;
        q->count--;
        if (q->first == NULL)
            q->last = &q->first;
    }
    bool wake = owes_wake(q);
    unlock(&q->lock);
    if (wake)
        pthread_cond_signal(&q->more);
    return item;
}

void queue_close(Queue *q)
{
    lock(&q->lock);
    q->closed = true;
    unlock(&q->lock);
    pthread_cond_broadcast(&q->more);
}

isize queue_count(Queue *q)
{
    lock(&q->lock);
    isize n = q->count;
    unlock(&q->lock);
    return n;
}
