/* breaker.h - whether an upstream is asked at all.
 *
 *   CLOSED --(enough of the window's requests went wrong)--> OPEN
 *   OPEN --(its span has passed; one request goes through)--> HALF_OPEN
 *   HALF_OPEN --(it went well)--> CLOSED,  --(it didn't)--> OPEN
 *
 * An upstream that is down is left in peace and its callers are told at once, in place
 * of each waiting for a time-out of its own.
 * Needs: lock, time.  Used by: upstream, forward, gateway. */
#pragma once
#include "base/lock.h"
#include "base/time.h"

/* Opens when `failures` or more went wrong within `window`, and at least as many as
 * went well. */
typedef struct BreakerRules { i64 failures; Span window, open; } BreakerRules;

typedef enum BreakerState {
    BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN
} BreakerState;

typedef struct Breaker {
    Lock         lock;                            /* for all that is written but good */
    BreakerRules rules;
    _Atomic BreakerState state;
    bool         probing;                         /* HALF_OPEN: somebody is out */
    _Atomic i64  until_ns;                        /* end of the window, of OPEN, of waiting
                                                     for the probe */
    _Atomic i64  good;                            /* within the window        */
    i64          bad, opened;                     /* within it; ever          */
} Breaker;

void breaker_init(Breaker *b, BreakerRules rules);
void breaker_close(Breaker *b);

/* Whether a request may go; who got a leave must tell how it went, once.
 *   gives   *wait_s, when LEAVE_NONE: seconds until it is worth to ask again */
typedef enum Leave { LEAVE_NONE, LEAVE_USUAL, LEAVE_PROBE } Leave;
Leave breaker_ask(Breaker *b, Mono now, int *wait_s);

typedef enum Outcome { WENT_WELL, WENT_WRONG, WENT_UNSEEN } Outcome;
void breaker_tell(Breaker *b, Leave leave, Outcome how, Mono now);

/* Closes it by hand. */
void breaker_reset(Breaker *b);

typedef struct BreakerView {
    BreakerState state;
    i64 good, bad, opened, wait_ms;
} BreakerView;
BreakerView breaker_view(Breaker *b, Mono now);
