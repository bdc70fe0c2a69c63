/* plan.c - the table of jobs. Holds come first, because their stock is what people
 * wait for. Each job finds its own work by time, so a pass too many does nothing. */
#include "cli/plan.h"
#include "access/access.h"
#include "access/refusal.h"
#include "events/event_clock.h"
#include "gateway/deadletter.h"
#include "gateway/gateway.h"
#include "gateway/publish.h"
#include "gateway/relay.h"
#include "gateway/webhook_feed.h"
#include "gateway/webhook_send.h"
#include "identity/identity.h"
#include "identity/postman.h"
#include "identity/privacy.h"
#include "store/once.h"
#include "store/outbox.h"
#include "tickets/hold.h"
#include "tickets/tickets_http.h"
#include "web/jobs.h"

static Span outbox_kept, deliveries_kept;

/* Sweeps go in slices, so that buyers get in between. */
static bool sweep_once(Ctx *cx)
{
    i64 gone = 1;

    while (gone > 0)
        if (!once_sweep(cx, &gone))
            return false;
    return true;
}

static bool sweep_published(Ctx *cx)
{
    i64 gone = 1;

    while (gone > 0)
        if (!publish_sweep(cx, &gone))
            return false;
    return true;
}

static bool sweep_dead(Ctx *cx)
{
    i64 gone = 1;

    while (gone > 0)
        if (!deadletter_sweep(cx, &gone))
            return false;
    return true;
}

static bool sweep_deliveries(Ctx *cx)
{
    i64 gone = 1;

    while (gone > 0)
        if (!feed_sweep(cx, earlier(cx->now, deliveries_kept), &gone))
            return false;
    return true;
}

static bool tidy(Ctx *cx)
{
    (void)cx;
    store_tidy();
    return true;
}

static bool sweep_outbox(Ctx *cx)
{
    i64 gone = 1;

    while (gone > 0)
        if (!outbox_sweep(cx, earlier(cx->now, outbox_kept), &gone))
            return false;
    return true;
}

enum { JOB_HOLDS };                               /* whose beat is a setting  */

static Job jobs[] = {
    [JOB_HOLDS] = { "holds and orders that lapse", { 1000 }, hold_clock, OF_ALL },
    { "events whose time has come", { 1000 }, event_clock, OF_ALL },
    { "keys and sessions of other nodes", { 500 }, identity_watch, OF_THIS_NODE },
    { "services and keys taken back elsewhere", { 500 }, access_watch, OF_THIS_NODE },
    { "refusals for the record", { 1000 }, refusal_flush, OF_THIS_NODE },
    { "tokens of services that ran out", { 60000 }, access_sweep, OF_ALL },
    { "sessions that ran out", { 60000 }, identity_sweep, OF_ALL },
    { "people who are to be forgotten", { 60000 }, privacy_sweep, OF_ALL },
    { "webhook nonces", { 60000 }, payment_clock, OF_ALL },
    { "answers to retried requests", { 60000 }, sweep_once, OF_ALL },
    { "ids of published messages", { 60000 }, sweep_published, OF_ALL },
    { "dead letters", { 10000 }, deadletter_count, OF_THIS_NODE },
    { "old dead letters", { 60000 }, sweep_dead, OF_ALL },
    { "old deliveries of webhooks", { 60000 }, sweep_deliveries, OF_ALL },
    { "told tidings", { 60000 }, sweep_outbox, OF_ALL },
    { "idle connections", { 10000 }, tidy, OF_THIS_NODE },
};

static void start_webhooks(const Config *c)
{
    SenderConfig s = { (int)c->webhook_senders, c->webhook_within, c->webhook_give_up };

    deliveries_kept = c->webhook_kept;
    sender_open(&s);
}

bool plan_start(Arena *mem, const Config *c, Server *server, Str *why)
{
    GatewayConfig g = { server, c->sse_per_user, c->outbox_kept, c->cors_origins,
                        c->limit_streams, c->stream_lock };

    relay_attempts(c->publish_attempts);
    if (!gateway_open(mem, &g, why))
        return false;
    start_webhooks(c);
    outbox_kept = c->outbox_kept;
    jobs[JOB_HOLDS].every = seconds(c->sweep_every);
    jobs_start(jobs, countof(jobs));
    postman_start();
    return true;
}
