/* relay.c - the lease only spares work. A node that was frozen and wakes may believe in
 * a lease it has lost: then the bus refuses what it publishes (bus_publish), and it asks
 * the bus anew where to go on. A node that can't reach the bus gives its lease up, so
 * that one which can may relay.
 *
 * "Old" rows: the stream loses messages by age, later than the outbox would. When it is
 * empty after a quiet day the outbox still has its newest row, which was told; what is
 * younger than `kept` can't have left the stream by age, so it was not.
 *
 * A dead letter's id is kept in mind, because after the next failure reading begins again
 * after what the bus holds, before it. Who forgets it tries it again, no more. */
#include "gateway/relay.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/rand.h"
#include "gateway/deadletter.h"
#include "store/lease.h"
#include <stdatomic.h>

#define LEASE        "relay"
#define LEASE_LASTS  seconds(5)
#define RENEW_EVERY  seconds(2)
#define ASK_EVERY    seconds(1)                   /* while another node has it */

enum { DEAD_KNOWN = 64, FIRST_PAUSE_MS = 200, PAUSE_MOST_MS = 5000 };

static struct {
    _Atomic i64 last;                             /* -1: to be found          */
    Span        kept;
    _Atomic bool ours;                            /* asked by requests, too   */
    bool        skip_old;
    Mono        ask_at;                           /* for the lease            */
    i64         attempts_most;
    i64         suspect, attempts;                /* id that is refused; how often */
    Mono        try_at;                           /* it again                 */
    i64         dead[DEAD_KNOWN];                 /* ids, the last ones       */
    isize       dead_next;
} self = { .last = -1, .attempts_most = 3 };

static void is_ours(bool ours)
{
    self.ours = ours;
    metric_set(METRIC_RELAY_OURS, ours);
}

void relay_attempts(i64 most) { self.attempts_most = most; }

/* ---- beginning and ending -------------------------------------------------- */

bool relay_newest(Ctx *cx, i64 *newest)
{
    OutboxPage page;

    if (!outbox_replay(cx, &(OutboxWish){ .after = INT64_MAX, .most = 1 }, &page))
        return false;
    *newest = page.newest;
    return true;
}

/* Whether the newest row is so old that it was told long ago. */
static bool is_old(Ctx *cx, i64 newest, bool *old)
{
    Tiding *rows;
    isize count;

    if (!outbox_after(cx, newest - 1, 1, &rows, &count))
        return false;
    *old = count == 1 && before(rows[0].at, earlier(cx->now, self.kept));
    return true;
}

bool relay_start(Ctx *cx, Span kept)
{
    i64 newest;
    bool old;

    self.kept = kept;
    self.suspect = self.attempts = self.dead_next = 0;
    self.try_at = (Mono){ 0 };
    for (isize i = 0; i < DEAD_KNOWN; i++)
        self.dead[i] = 0;
    if (!relay_newest(cx, &newest) || !is_old(cx, newest, &old))
        return false;
    is_ours(!bus_keeps());
    self.ask_at = (Mono){ 0 };
    self.last = bus_keeps() ? -1 : newest;
    bus_begin(bus_keeps() && !old ? 0 : newest);
    return true;
}

static void give_up(Ctx *cx)
{
    if (bus_keeps() && self.ours && !lease_give_up(cx, LEASE))
        log_warn("the relay's lease stays for a moment", L("why", cx->fault.why));
    is_ours(false);
    self.last = -1;
}

void relay_stop(Ctx *cx)
{
    give_up(cx);
}

bool relay_is_ours(void) { return self.ours; }
i64  relay_last(void)    { return self.last; }

/* ---- who relays, and from where --------------------------------------------- */

static bool find_turn(Ctx *cx)
{
    Mono now = mono_now();
    bool ours;

    if (!bus_keeps())
        return true;
    if (bus_state() == BUS_AWAY) {
        give_up(cx);
        self.ask_at = now;
        return fail(cx, BUSY, "the bus is away");
    }
    if (now.ns < self.ask_at.ns)
        return true;
    if (!lease_take(cx, LEASE, LEASE_LASTS, &ours))
        return false;
    if (ours != self.ours) {
        log_info(ours ? "this node relays now" : "another node relays now");
        self.last = -1;
    }
    is_ours(ours);
    self.ask_at = mono_after(now, ours ? RENEW_EVERY : ASK_EVERY);
    return true;
}

/* Ids that the outbox never gave would swallow the rows that get them next. */
static bool find_place(Ctx *cx)
{
    i64 last, newest;

    if (self.last >= 0)
        return true;
    if (!bus_last(cx, &last) || !relay_newest(cx, &newest))
        return false;
    if (last > newest)
        return fail(cx, BUSY,
                    "the bus holds id %jd but the outbox ends at %jd: another database's"
                    " bus, or this one was restored (docs/why/relay.md)", (intmax_t)last,
                    (intmax_t)newest);
    self.skip_old = last == 0;
    self.last = last;
    return true;
}

static isize count_old(const Ctx *cx, const Tiding *rows, isize count)
{
    Instant until = earlier(cx->now, self.kept);
    isize n = 0;

    while (self.skip_old && n < count && before(rows[n].at, until))
        n++;
    self.skip_old &= n == count;
    return n;
}

/* ---- telling ------------------------------------------------------------------- */

Message relay_message(const Tiding *t)
{
    return (Message){ .id = t->id, .tenant = t->tenant, .user = t->user,
                      .event = t->event, .type = t->type, .data = t->data, .at = t->at,
                      .trace = t->trace };
}

static bool is_dead(i64 id)
{
    for (isize i = 0; i < DEAD_KNOWN; i++)
        if (self.dead[i] == id)
            return true;
    return false;
}

/* The first that somebody is to hear and the bus has not taken; NULL: none. */
static const Tiding *find_refused(Ctx *cx, const Tiding *rows, isize count, i64 taken)
{
    for (isize i = 0; i < count; i++) {
        Message m = relay_message(&rows[i]);
        if (rows[i].id > taken && !is_dead(rows[i].id) &&
            subject_of(cx->mem, &m).at != NULL)
            return &rows[i];
    }
    return NULL;
}

/* Longer after each refusal, and never quite the same. */
static void wait_longer(void)
{
    i64 ms = FIRST_PAUSE_MS;

    for (i64 i = 1; i < self.attempts && ms < PAUSE_MOST_MS; i++)
        ms *= 2;
    ms = ms < PAUSE_MOST_MS ? ms : PAUSE_MOST_MS;
    self.try_at = mono_after(mono_now(), (Span){ ms + (i64)rand_below((u32)ms / 2) });
}

/* The bus refused one of the rows, and only that one. */
static bool bear_refusal(Ctx *cx, const Tiding *rows, isize count)
{
    Str why = str_copy(cx->mem, str_of(cx->fault.why));
    i64 taken;

    fault_clear(cx);
    metric_add(METRIC_RELAY_REFUSED, 1);
    if (!bus_last(cx, &taken))
        return false;
    const Tiding *t = find_refused(cx, rows, count, taken);
    if (t == NULL)
        return fail(cx, BUSY, "%.*s", STR_ARGS(why));
    self.attempts = t->id == self.suspect ? self.attempts + 1 : 1;
    self.suspect = t->id;
    if (self.attempts < self.attempts_most) {
        wait_longer();
        return true;
    }
    if (!deadletter_add(cx, t, self.attempts, why))
        return false;
    log_error("a message is a dead letter now",
              L("id", t->id), L("type", t->type), L("why", why));
    self.dead[self.dead_next++ % DEAD_KNOWN] = t->id;
    return true;
}

static bool tell(Ctx *cx, const Tiding *rows, isize count)
{
    Message *m = make(cx->mem, Message, count + 1);
    isize n = 0;

    for (isize i = count_old(cx, rows, count); i < count; i++)
        if (!is_dead(rows[i].id))
            m[n++] = relay_message(&rows[i]);
    if (bus_publish(cx, m, n)) {
        self.last = rows[count - 1].id;
        return true;
    }
    self.last = -1;                               /* some may have been taken */
    return cx->fault.code == BAD_REQUEST && bear_refusal(cx, rows, count);
}

/* While a refused message waits for its next try, so do those behind it. */
static bool must_wait(void)
{
    return mono_now().ns < self.try_at.ns;
}

bool relay_pass(Ctx *cx, bool *more)
{
    Tiding *rows;
    isize count;

    *more = false;
    if (!find_turn(cx))
        return false;
    if (!self.ours || must_wait())
        return true;
    if (!find_place(cx) || !outbox_after(cx, self.last, RELAY_SLICE, &rows, &count))
        return false;
    if (count == 0)
        return true;
    if (!tell(cx, rows, count))
        return false;
    *more = (outbox_cut(rows, count, RELAY_SLICE) || self.last < 0) && !must_wait();
    return true;
}
