/* due.h - deadlines of connections, absolute and O(1).
 *
 * Every kind but one lasts one constant span, so a list in the order of setting is a
 * list in the order of falling due: setting appends, the oldest stands first. An answer
 * that is held back names its own moment (due_at); such moments come nearly in order.
 * Needs: base.  Used by: conn.c, io.c. */
#pragma once
#include "base/time.h"

typedef enum DueKind {
    DUE_NONE,
    DUE_HEAD,        /* the handshake and the whole of a head                */
    DUE_BODY,        /* the whole of a body                                  */
    DUE_IDLE,        /* between requests                                     */
    DUE_WRITE,       /* the rest of an answer                                */
    DUE_BEAT,        /* silence on a stream                                  */
    DUE_LINGER,      /* a closed connection's last bytes                     */
    DUE_HELD,        /* an answer that is ready too early                    */
    DUE_CONNECT,     /* of exchanges with upstreams (line.h): a line to it   */
    DUE_FIRST,       /* the first byte of its answer                         */
    DUE_FLOW,        /* the next bytes, either way                           */
    DUE_POOLED,      /* an idle line                                         */
    DUE_KINDS
} DueKind;

/* Stands first in what has a deadline. */
typedef struct Due { struct Due *older, *newer; i64 at_ns; DueKind kind; } Due;

typedef struct Dues {
    struct { Due *oldest, *newest; i64 lasts_ns; } lists[DUE_KINDS];
} Dues;

void dues_init(Dues *d, DueKind kind, Span lasts);

/* Takes away the deadline that was there and sets this one (or DUE_NONE). */
void due_set(Dues *d, Due *due, DueKind kind, Mono now);

/* The same for a moment of its own; it goes where it belongs among the newest. */
void due_at(Dues *d, Due *due, DueKind kind, Mono at);

/* One whose time has come, still in its list; NULL when there is none. */
Due *due_next(const Dues *d, Mono now);

/* Milliseconds until the next, at most `most`. */
int due_wait(const Dues *d, Mono now, int most);
