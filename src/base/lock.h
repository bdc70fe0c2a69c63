/* lock.h - a mutex that knows its place.
 *
 * A thread takes locks in rising rank only, so no two threads can wait for each
 * other; a wrong order is a broken invariant and stops the process at once, on
 * the first run and not on the unlucky one. None is held across a call into
 * another room.
 * Needs: types.  Used by: queue, engines. */
#pragma once
#include <pthread.h>
#include "base/types.h"

typedef enum LockRank { RANK_QUEUE = 10, RANK_POOL = 20, RANK_LANE = 30, RANK_KV = 40,
                        RANK_BUS = 50, RANK_KEYS = 60, RANK_SERVER = 70, RANK_TRACE = 80,
                        RANK_LOG = 90 } LockRank;

typedef struct Lock { pthread_mutex_t mutex; LockRank rank; } Lock;

#define LOCK_OF(rank_)  { PTHREAD_MUTEX_INITIALIZER, (rank_) }
void lock_init(Lock *l, LockRank rank);
void lock_close(Lock *l);
void lock(Lock *l);
void unlock(Lock *l);

/* Waits on `cond` with l held, as pthread_cond_wait does; false when `until`
 * (CLOCK_MONOTONIC nanoseconds, 0: for ever) has passed. Any condition will do: the clock
 * is said with each wait. */
bool lock_wait(Lock *l, pthread_cond_t *cond, i64 until_ns);
void cond_init(pthread_cond_t *cond);             /* or PTHREAD_COND_INITIALIZER */
