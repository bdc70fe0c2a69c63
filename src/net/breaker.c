/* breaker.c - what a request tells that went out before the breaker opened is not heard:
 * only a probe says whether the upstream is well again. A probe whose asker went away
 * has seen nothing; the next request is the probe then. One that says nothing for as long
 * as the breaker stays open (a large body on a slow line) doesn't keep others out: the
 * next request is a probe beside it.
 *
 * While it is closed, as it nearly always is, who asks and what goes well takes no lock,
 * for all io threads would meet there twice a request. So what is told in the moment in
 * which a window begins may count in the one or the other. */
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
    b->good = 0;
    b->bad = 0;
    b->until_ns = mono_after(now, b->rules.window).ns;
}

static void trip(Breaker *b, Mono now)
{
    b->state = BREAKER_OPEN;
    b->probing = false;
    b->opened++;
    b->until_ns = mono_after(now, b->rules.open).ns;
}

static i64 ms_until(const Breaker *b, Mono now)
{
    i64 left = b->until_ns - now.ns;

    return b->state == BREAKER_OPEN && left > 0 ? (left + 999999) / 1000000 : 0;
}

static Leave judge(Breaker *b, Mono now)
{
    if (b->state == BREAKER_CLOSED)
        return LEAVE_USUAL;
    if (b->state == BREAKER_OPEN && b->until_ns <= now.ns)
        b->state = BREAKER_HALF_OPEN;
    if (b->state == BREAKER_OPEN || (b->probing && b->until_ns > now.ns))
        return LEAVE_NONE;
    b->probing = true;
    b->until_ns = mono_after(now, b->rules.open).ns;
    return LEAVE_PROBE;
}

Leave breaker_ask(Breaker *b, Mono now, int *wait_s)
{
    *wait_s = 1;
    if (b->state == BREAKER_CLOSED)
        return LEAVE_USUAL;
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
    if (b->until_ns <= now.ns)
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

/* One good answer more, where that can change nothing else. */
static bool count_good(Breaker *b, Leave leave, Outcome how, Mono now)
{
    if (leave != LEAVE_USUAL || how != WENT_WELL || b->state != BREAKER_CLOSED ||
        b->until_ns <= now.ns)
        return false;
    b->good++;
    return true;
}

void breaker_tell(Breaker *b, Leave leave, Outcome how, Mono now)
{
    if (count_good(b, leave, how, now))
        return;
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
