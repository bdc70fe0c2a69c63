/* live_missed.h - what a stream has missed since its last id, page after page.
 *
 * A page is bounded in rows and in bytes, so coming back after a long time costs no
 * more memory than after a short one.
 * Needs: live_watch, bus, store (outbox).  Used by: live_http.c. */
#pragma once
#include "bus/bus.h"
#include "gateway/live_watch.h"

enum { MISSED_ROWS = 128, MISSED_BYTES = 64 << 10 };

typedef struct Missed {
    i64      seam;                                /* rows up to it, frames after it */
    Message *rows;
    isize    count;
    bool     more;                                /* another page follows     */
    bool     gap;                                 /* some can't be told any more */
    i64      oldest;                              /* then: the oldest that could */
} Missed;

enum { NO_LAST_ID = -1 };

/* What cx->who has missed after `last`; of NO_LAST_ID: nothing, only the seam.
 *   fails   BUSY (the bus has not begun); those of the store */
CHECKED bool missed_find(Ctx *cx, const Watches *w, i64 last, Missed *out);
