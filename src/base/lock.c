/* lock.c - see lock.h. */
#include "base/lock.h"
#include <errno.h>
#include <time.h>

static _Thread_local struct { LockRank held[8]; int count; } mine;

void lock_init(Lock *l, LockRank rank)
{
    must(pthread_mutex_init(&l->mutex, NULL) == 0);
    l->rank = rank;
}

void lock_close(Lock *l)
{
    pthread_mutex_destroy(&l->mutex);
}

void lock(Lock *l)
{
    must(mine.count < 8 && (mine.count == 0 || mine.held[mine.count - 1] < l->rank));
    must(pthread_mutex_lock(&l->mutex) == 0);
    mine.held[mine.count++] = l->rank;
}

void unlock(Lock *l)
{
    must(mine.count > 0 && mine.held[mine.count - 1] == l->rank);
    mine.count--;
    must(pthread_mutex_unlock(&l->mutex) == 0);
}

bool lock_wait(Lock *l, pthread_cond_t *cond, i64 until_ns)
{
    if (until_ns == 0)
        return pthread_cond_wait(cond, &l->mutex) == 0;
    struct timespec t = { until_ns / 1000000000, until_ns % 1000000000 };
    return pthread_cond_clockwait(cond, &l->mutex, CLOCK_MONOTONIC, &t) != ETIMEDOUT;
}

void cond_init(pthread_cond_t *cond) { must(pthread_cond_init(cond, NULL) == 0); }
