/* frame.h - one event, written once and shared by all io threads.
 * Needs: stream.h.  Used by: hub.c, stream.c. */
#pragma once
#include <stdatomic.h>
#include "net/stream.h"

typedef struct Frame {
    _Atomic int refs;
    int         topic_count;
    bool        last;                             /* who gets it is closed after it */
    i64         id;                               /* 0: none to resume from   */
    isize       len;
    Topic       topics[TOPICS_MOST];
    char        text[];
} Frame;

Frame *frame_new(i64 id, const Topic *topics, int count, Str wire, int refs);
void   frame_drop(Frame *f);
