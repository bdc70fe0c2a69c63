/* gateway.c - the thread sleeps until a commit with tidings wakes it; the quarter of
 * a second is for what wakes nobody: numbers to be told, and rows that another
 * process wrote. Where another node relays, a commit here nudges that node instead.
 *
 * The wake comes from a lane between two batches, also while we close; so its lock
 * and condition are static and it is never taken back. */
#include "gateway/gateway.h"
#include "base/lock.h"
#include "base/log.h"
#include "gateway/availability.h"
#include "gateway/live.h"
#include "gateway/relay.h"
#include "store/store.h"
#include <stdatomic.h>

enum { KEEP_BYTES = 256 << 10 };
#define FLUSH_WITHIN seconds(5)

static struct {
    GatewayConfig  config;
    pthread_t      thread;
    Subscription   live, availability;
    Mono           told_at;                       /* the numbers, last        */
    bool           failing;                       /* so that it is logged once */
} self;

static struct {
    Lock           lock;
    pthread_cond_t cond;
    bool           rung, nudged, stopping;        /* by a commit; by another node */
} bell = { .lock = LOCK_OF(RANK_BUS) };

static void make_cond(void) { cond_init(&bell.cond); }

static void pull(bool *rope)
{
    lock(&bell.lock);
    bool first = !*rope;
    *rope = true;
    unlock(&bell.lock);
    if (first)
        pthread_cond_signal(&bell.cond);
}

static void ring(void)  { pull(&bell.rung); }
static void nudge(void) { pull(&bell.nudged); }

/* Sleeps until the bell or a quarter of a second; false when it is time to stop.
 * *committed: this node has written rows. */
static bool doze(bool *committed)
{
    i64 until = mono_after(mono_now(), AVAILABILITY_EVERY).ns;

    lock(&bell.lock);
    while (!bell.rung && !bell.nudged && !bell.stopping)
        if (!lock_wait(&bell.lock, &bell.cond, until))
            break;
    *committed = bell.rung;
    bell.rung = bell.nudged = false;
    bool go_on = !bell.stopping;
    unlock(&bell.lock);
    return go_on;
}

static bool stopping(void)
{
    lock(&bell.lock);
    bool stop = bell.stopping;
    unlock(&bell.lock);
    return stop;
}

/* ---- the work ------------------------------------------------------------- */

static void tell_numbers(TenantId tenant, EventId event, Str data, void *arg)
{
    Arena own = { 0 };
    Topic topic = live_topic_event(&own, tenant, event);
    Buf b = buf_in(&own, 256);

    live_frame(&b, 0, S("availability"), data);
    stream_publish(arg, 0, &topic, 1, buf_str(&b));
    arena_close(&own);
}

static void note(const Ctx *cx, bool good)
{
    if (!good && !self.failing)
        log_error("the relay waits", L("fault", fault_facts(cx->fault.code)->code),
                  L("why", cx->fault.why));
    if (good && self.failing)
        log_info("the relay goes on", L("last", relay_last()));
    self.failing = !good;
}

/* One pass over the outbox and, when it is time, the numbers; true: more waits. */
static bool pass(Arena *mem)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    bool more = false, good = relay_pass(&cx, &more);
    Mono now = mono_now();
    isize told;

    if (good && mono_us(self.told_at, now) >= AVAILABILITY_EVERY.ms * 1000) {
        good = availability_pass(&cx, tell_numbers, self.config.server, &told);
        if (told > 0)
            self.told_at = now;
    }
    note(&cx, good);
    arena_reset(mem, KEEP_BYTES);
    return good && more;
}

static void *run(void *arg)
{
    Arena mem = { 0 };
    bool committed = false;

    (void)arg;
    pthread_setname_np(pthread_self(), "relay");
    do {
        if (committed && !relay_is_ours())
            bus_nudge();
        while (!stopping() && pass(&mem))
            ;
    } while (doze(&committed));

    Mono until = mono_after(mono_now(), FLUSH_WITHIN);
    while (pass(&mem) && mono_now().ns < until.ns)
        ;
    arena_close(&mem);
    return NULL;
}

/* ---- opening and closing -------------------------------------------------- */

static void leave_bus(void)
{
    bus_unsubscribe(self.live);
    bus_unsubscribe(self.availability);
}

bool gateway_open(Arena *mem, const GatewayConfig *config, Str *why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);

    pthread_once(&once, make_cond);
    self.config = *config;
    self.told_at = (Mono){ 0 };
    bell.stopping = bell.rung = bell.nudged = false;
    self.live = bus_subscribe(live_hear, config->server);
    self.availability = bus_subscribe(availability_hear, NULL);
    if (!relay_start(&cx, config->kept)) {
        *why = str_fmt(mem, "the outbox can't be read: %s", cx.fault.why);
        leave_bus();
        return false;
    }
    store_on_outbox(ring);
    bus_on_nudge(nudge);
    must(pthread_create(&self.thread, NULL, run, NULL) == 0);
    return true;
}

void gateway_close(void)
{
    Arena mem = { 0 };
    Ctx cx = ctx_new(&mem, TENANT_DEFAULT);

    bus_on_nudge(NULL);
    lock(&bell.lock);
    bell.stopping = true;
    unlock(&bell.lock);
    pthread_cond_signal(&bell.cond);
    pthread_join(self.thread, NULL);
    relay_stop(&cx);
    leave_bus();
    arena_close(&mem);
}

const GatewayConfig *gateway_config(void) { return &self.config; }
