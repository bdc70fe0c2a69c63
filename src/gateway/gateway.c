/* gateway.c - the thread sleeps until a commit with tidings wakes it; the quarter of a
 * second is for what wakes nobody: numbers to be told, rows that another process wrote,
 * and sessions that ended, whose streams are closed also where nothing is told. Where
 * another node relays, a commit here nudges that node instead.
 *
 * The wake comes from a lane between two batches, also while we close; so it is never
 * taken back. */
#include "gateway/gateway.h"
#include "base/log.h"
#include "base/worker.h"
#include "gateway/availability.h"
#include "gateway/live.h"
#include "gateway/relay.h"
#include "identity/revoked.h"
#include "store/store.h"
#include <stdatomic.h>

#define FLUSH_WITHIN seconds(5)

static struct {
    GatewayConfig  config;
    Subscription   live, availability;
    Mono           told_at;                       /* the numbers, last        */
    Mono           reviewed_at;                   /* the streams, last        */
    u64            reviewed;                      /* revoked_changes() then   */
    bool           failing;                       /* so that it is logged once */
} self;

static atomic_bool committed;                     /* rows, by this node       */

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

    if (good && mono_us(self.told_at, now) >= AVAILABILITY_MS * 1000) {
        good = availability_pass(&cx, tell_numbers, self.config.server, &told);
        if (told > 0)
            self.told_at = now;
    }
    note(&cx, good);
    return good && more;
}

/* Commits may wake us ten thousand times a second; streams are asked four times at
 * most. */
static void review(void)
{
    Mono now = mono_now();
    u64 changes = revoked_changes();

    if (changes == self.reviewed || mono_us(self.reviewed_at, now) < AVAILABILITY_MS * 1000)
        return;
    self.reviewed = changes;
    self.reviewed_at = now;
    stream_review(self.config.server);
}

static bool relay(Arena *mem)
{
    review();
    if (atomic_exchange(&committed, false) && !relay_is_ours())
        bus_nudge();
    return pass(mem);
}

static Worker worker = WORKER("relay", AVAILABILITY_MS, relay);

static void ring(void)
{
    committed = true;
    worker_ring(&worker);
}

static void nudge(void) { worker_ring(&worker); }

static void flush(Arena *mem)
{
    Mono until = mono_after(mono_now(), FLUSH_WITHIN);

    while (pass(mem) && mono_now().ns < until.ns)
        arena_reset(mem, 0);
}

/* ---- opening and closing -------------------------------------------------- */

static void leave_bus(void)
{
    bus_unsubscribe(self.live);
    bus_unsubscribe(self.availability);
}

bool gateway_open(Arena *mem, const GatewayConfig *config, Str *why)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);

    self.config = *config;
    self.told_at = self.reviewed_at = (Mono){ 0 };
    self.reviewed = 0;
    self.live = bus_subscribe(live_hear, config->server);
    self.availability = bus_subscribe(availability_hear, NULL);
    if (!relay_start(&cx, config->kept)) {
        *why = str_fmt(mem, "the outbox can't be read: %s", cx.fault.why);
        leave_bus();
        return false;
    }
    store_on_outbox(ring);
    bus_on_nudge(nudge);
    worker_start(&worker, 1);
    return true;
}

void gateway_close(void)
{
    Arena mem = { 0 };
    Ctx cx = ctx_new(&mem, TENANT_DEFAULT);

    bus_on_nudge(NULL);
    worker_stop(&worker);
    flush(&mem);
    relay_stop(&cx);
    leave_bus();
    arena_close(&mem);
}

const GatewayConfig *gateway_config(void) { return &self.config; }
