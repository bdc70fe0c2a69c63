/* breaker.c - what a request tells that went out before the breaker opened is not heard:
 * only a probe says whether the upstream is well again. A probe whose asker went away
 * has seen nothing; the next request is the probe then. One that says nothing for as long
 * as the breaker stays open (a large body on a slow line) doesn't keep others out: the
 * next request is a probe beside it. */
#include "net/breaker.h"

void breaker_init(Breaker *b, BreakerRules rules)
{
    *b = (Breaker){ .rules = rules };
    lock_init(&b->lock, RANK_SERVER);
}

void breaker_close(Breaker *b)
{
    lock_close(&b->lock);
}

static void begin_window(Breaker *b, Mono now)
{
    b->state = BREAKER_CLOSED;
    b->probing = false;
    b->good = b->bad = 0;
    b->until = mono_after(now, b->rules.window);
}

static void trip(Breaker *b, Mono now)
{
    b->state = BREAKER_OPEN;
    b->probing = false;
    b->opened++;
    b->until = mono_after(now, b->rules.open);
}

static i64 ms_until(const Breaker *b, Mono now)
{
    return b->state == BREAKER_OPEN && b->until.ns > now.ns
               ? (b->until.ns - now.ns + 999999) / 1000000 : 0;
}

static Leave judge(Breaker *b, Mono now)
{
    if (b->state == BREAKER_CLOSED)
        return LEAVE_USUAL;
    if (b->state == BREAKER_OPEN && b->until.ns <= now.ns)
        b->state = BREAKER_HALF_OPEN;
    if (b->state == BREAKER_OPEN || (b->probing && b->until.ns > now.ns))
        return LEAVE_NONE;
    b->probing = true;
    b->until = mono_after(now, b->rules.open);
    return LEAVE_PROBE;
}

Leave breaker_ask(Breaker *b, Mono now, int *wait_s)
{
    lock(&b->lock);
    Leave leave = judge(b, now);
    *wait_s = (int)((ms_until(b, now) + 999) / 1000);
    unlock(&b->lock);
    if (*wait_s < 1)
        *wait_s = 1;
    return leave;
}

static void count(Breaker *b, Outcome how, Mono now)
{
    if (b->until.ns <= now.ns)
        begin_window(b, now);
    if (how == WENT_WELL)
        b->good++;
    else if (++b->bad >= b->rules.failures && b->bad >= b->good)
        trip(b, now);
}

static void end_probe(Breaker *b, Outcome how, Mono now)
{
    b->probing = false;
    if (how == WENT_WELL)
        begin_window(b, now);
    else if (how == WENT_WRONG)
        trip(b, now);
}

void breaker_tell(Breaker *b, Leave leave, Outcome how, Mono now)
{
    lock(&b->lock);
    if (leave == LEAVE_PROBE && b->state == BREAKER_HALF_OPEN)
        end_probe(b, how, now);
    else if (leave == LEAVE_USUAL && b->state == BREAKER_CLOSED && how != WENT_UNSEEN)
        count(b, how, now);
    unlock(&b->lock);
}

void breaker_reset(Breaker *b)
{
    lock(&b->lock);
    begin_window(b, mono_now());
    unlock(&b->lock);
}

BreakerView breaker_view(Breaker *b, Mono now)
{
    lock(&b->lock);
    BreakerView v = { b->state, b->good, b->bad, b->opened, ms_until(b, now) };
    unlock(&b->lock);
    return v;
}
