/* owner.h - how many streams each owner has, across all io threads.
 *
 * The oldest over the limit is marked for eviction; the io thread that owns it is the
 * one to close it.
 * Needs: lock, stream.h.  Used by: stream.c. */
#pragma once
#include "base/lock.h"
#include "net/stream.h"

/* Lies in a stream. */
typedef struct Owned {
    struct Owned *older, *newer;
    struct Owner *owner;                          /* NULL: not counted        */
    int           io;
} Owned;

enum { OWNER_BUCKETS = 4096 };
typedef struct Owners {
    Lock          lock;
    struct Owner *buckets[OWNER_BUCKETS];
    struct Owner *evicted;                        /* one list for each io thread */
} Owners;

void owners_open(Owners *os, int io_count);
void owners_close(Owners *os);

/* Counts a stream in. Gives the io thread that has one to close now, -1 for none. */
int  owners_join(Owners *os, Owned *o, Topic owner, i64 most, int io);
void owners_leave(Owners *os, Owned *o);

/* The next of this io thread's streams that must close, NULL when there is none. It
 * is counted no more. */
Owned *owners_evicted(Owners *os, int io);
