/* webhook_send.c - who is next: a claim that was given back still says when it was taken,
 * so who was served last is last in line, and before him whose tenant is served less at
 * this moment. */
#include "gateway/webhook_send.h"
#include "base/log.h"
#include "base/rand.h"
#include "base/worker.h"
#include "bus/bus.h"
#include "gateway/webhook_attempt.h"
#include "gateway/webhook_feed.h"
#include "gateway/webhook_turn.h"

enum { DUE_MOST = 16, IN_SIGHT = 256 };

static struct {
    SenderConfig   config;
    Subscription   ear;
} own = { .config = { .give_up = { 3 * 86400000 } } };

/* ---- who is next ------------------------------------------------------------------- */

typedef struct Due { TenantId tenant; EndpointId id; i64 busy; } Due;
static const Shape due_row = SHAPE(Due,
    ID(Due, tenant, 0, ""),
    ID(Due, id, 0, ""),
    NUMBER(Due, busy, 0, INT64_MAX, 0, 0, ""));   /* its tenant's, being served */

SQL_ALL(send_due,
    "SELECT tenant, id, (SELECT count(*) FROM webhook_endpoint o"
    "   WHERE o.tenant = few_due.tenant AND o.claimed_until > $1) AS busy FROM"
    " (SELECT tenant, id, claimed_until FROM webhook_endpoint"
    "  WHERE status = 'ACTIVE' AND sent < told"
    "  AND try_at <= $1 AND claimed_until <= $1 AND (NOT slow OR $2 = 1)"
    "  AND NOT EXISTS (SELECT 1 FROM tenant t WHERE t.id = webhook_endpoint.tenant"
    "    AND t.status <> 'ACTIVE')"
    "  ORDER BY claimed_until LIMIT $4) AS few_due"
    " ORDER BY busy, claimed_until LIMIT $3");

typedef struct Looking { bool slow_too; Due *rows; isize count; } Looking;

static bool look(Ctx *cx, void *arg)
{
    Looking *l = arg;
    return sql_rows(cx, &send_due, &due_row, &l->rows, &l->count, V(cx->now),
                    V(l->slow_too), V((i64)DUE_MOST), V((i64)IN_SIGHT));
}

/* Those in front who have the same right to be next; threads that look at the same moment
 * begin at different ones. */
static isize count_front(const Looking *l)
{
    isize n = 0;

    while (n < l->count && l->rows[n].busy == l->rows[0].busy)
        n++;
    return n;
}

static bool send_to(Ctx *cx, const Due *due, bool *found)
{
    cx->tenant = due->tenant;
    return turn_take(cx, due->id, own.config.give_up, found);
}

bool sender_pass(Ctx *cx, bool slow_too, bool *found)
{
    Looking l = { .slow_too = slow_too };

    *found = false;
    if (!read_tx(cx, look, &l))
        return false;
    isize front = count_front(&l), first = front > 0 ? (isize)rand_below((u32)front) : 0;
    for (isize i = 0; i < l.count && !*found; i++)
        if (!send_to(cx, &l.rows[(first + i) % l.count], found))
            return false;
    return true;
}

/* ---- threads ----------------------------------------------------------------------- */

static bool send_on(Arena *mem, bool slow_too, Worker *next)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    bool found;

    if (!sender_pass(&cx, slow_too, &found)) {
        log_warn("webhooks wait", L("why", (const char *)cx.fault.why));
        return false;
    }
    if (found)
        worker_ring(next);                        /* there may be more for another */
    return found;
}

static bool send_quick(Arena *mem);
static bool send_any(Arena *mem);
static bool feed_on(Arena *mem);
static Worker quick = WORKER("webhook-quick", 1000, send_quick);
static Worker any = WORKER("webhook-any", 1000, send_any);
static Worker feeder = WORKER("webhook-feed", 1000, feed_on);

static bool send_quick(Arena *mem) { return send_on(mem, false, &quick); }
static bool send_any(Arena *mem)   { return send_on(mem, true, &any); }

static bool feed_on(Arena *mem)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    bool more;

    if (!feed_pass(&cx, &more)) {
        log_warn("webhooks are not fed", L("why", (const char *)cx.fault.why));
        more = false;
    }
    worker_ring(&quick);
    worker_ring(&any);
    return more;
}

static void hear(const Message *m, void *arg)
{
    (void)m, (void)arg;
    sender_wake();
}

void sender_wake(void) { worker_ring(&feeder); }

void sender_open(const SenderConfig *config)
{
    own.config = *config;
    attempt_open(config->within);
    if (config->threads == 0)
        return;
    own.ear = bus_subscribe(hear, NULL);
    worker_start(&feeder, 1);
    worker_start(&quick, config->threads / 2);
    worker_start(&any, config->threads - config->threads / 2);
}

void sender_close(void)
{
    Arena mem = { 0 };
    Ctx cx = ctx_new(&mem, TENANT_DEFAULT);

    if (own.config.threads == 0)
        return;
    bus_unsubscribe(own.ear);
    worker_halt(&quick);
    worker_halt(&any);
    worker_stop(&feeder);
    worker_stop(&quick);
    worker_stop(&any);
    feed_stop(&cx);
    arena_close(&mem);
    own.config.threads = 0;
}
