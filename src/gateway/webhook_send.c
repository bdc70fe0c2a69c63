/* webhook_send.c - an endpoint is claimed by a time in its row, which lapses when the
 * node that claimed it dies. Each delivery is written down as soon as it has arrived,
 * guarded by the number before it: when a replay was asked for meanwhile, or another node
 * came first, nothing is written and we stop.
 *
 * 410 Gone is an endpoint's own wish to be left alone. */
#include "gateway/webhook_send.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/rand.h"
#include "base/worker.h"
#include "bus/bus.h"
#include "gateway/webhook_attempt.h"
#include "gateway/webhook_feed.h"
#include "identity/letter.h"
#include "identity/note.h"
#include "identity/postman.h"

enum { DUE_MOST = 16, IN_SIGHT = 256, AT_ONCE = 16, SLOW_MS = 1000, FIRST_PAUSE_S = 5,
       PAUSE_MOST_S = 3600 };
#define CLAIM_LASTS seconds(30)                   /* longer than a turn and its last answer */
#define TURN_LASTS  seconds(10)

static struct {
    SenderConfig   config;
    Subscription   ear;
} own = { .config = { .give_up = { 3 * 86400000 } } };

/* ---- one endpoint ------------------------------------------------------------------ */

typedef struct Due { TenantId tenant; EndpointId id; i64 busy; } Due;
static const Shape due_row = SHAPE(Due,
    ID(Due, tenant, 0, ""),
    ID(Due, id, 0, ""),
    NUMBER(Due, busy, 0, INT64_MAX, 0, 0, ""));   /* its tenant's, being served */

typedef struct Sending {
    EndpointId id;
    Str     url;
    i64     sent, told, tries;
    Instant failing_since;
    UserId  maker;
    bool    slow;
} Sending;
static const Shape sending_row = SHAPE(Sending,
    TEXT(Sending, url, 1, 2000, 0, ""),
    NUMBER(Sending, sent, 0, INT64_MAX, 0, 0, ""),
    NUMBER(Sending, told, 0, INT64_MAX, 0, 0, ""),
    NUMBER(Sending, tries, 0, INT64_MAX, 0, 0, ""),
    TIME(Sending, failing_since, OPTIONAL, ""),
    ID(Sending, maker, OPTIONAL, ""),
    BOOL(Sending, slow, 0, ""));

typedef struct Delivery { i64 sequence; Uuid id; Str body; } Delivery;
static const Shape delivery_row = SHAPE(Delivery,
    NUMBER(Delivery, sequence, 1, INT64_MAX, 0, 0, ""),
    ID(Delivery, id, 0, ""),
    TEXT(Delivery, body, 0, 1 << 21, 0, ""));

/* A claim that was given back still says when it was taken: who was served last is last
 * in line, and before him whose tenant is served less at this moment. */
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
SQL(send_claim,
    "UPDATE webhook_endpoint SET claimed_until = $4 WHERE tenant = $1 AND id = $2"
    " AND status = 'ACTIVE' AND sent < told AND try_at <= $3 AND claimed_until <= $3");
SQL(send_release,
    "UPDATE webhook_endpoint SET claimed_until = $4"
    " WHERE tenant = $1 AND id = $2 AND claimed_until = $3");
SQL(send_one,
    "SELECT url, sent, told, tries, failing_since, created_by, slow FROM webhook_endpoint"
    " WHERE tenant = $1 AND id = $2 AND status = 'ACTIVE'");
SQL(send_next,
    "SELECT sequence, id, body FROM webhook_delivery"
    " WHERE tenant = $1 AND endpoint = $2 AND sequence > $3 ORDER BY sequence LIMIT $4");
SQL(send_arrived,
    "UPDATE webhook_endpoint SET sent = $4, tries = 0, try_at = created_at,"
    " failing_since = NULL, last_error = NULL, slow = $5"
    " WHERE tenant = $1 AND id = $2 AND sent = $3");
SQL(send_noted,
    "UPDATE webhook_delivery SET status = 'FAILING', attempts = attempts + 1,"
    " http_status = $4, ms = $5, error = $6, tried_at = $7"
    " WHERE tenant = $1 AND endpoint = $2 AND sequence = $3");
SQL(send_delivered,
    "UPDATE webhook_delivery SET status = 'DELIVERED', attempts = attempts + 1,"
    " http_status = $4, ms = $5, error = $6, tried_at = $7, delivered_at = $7"
    " WHERE tenant = $1 AND endpoint = $2 AND sequence = $3");
SQL(send_failed,
    "UPDATE webhook_endpoint SET tries = tries + 1, slow = TRUE, try_at = $4,"
    " last_error = $5, failing_since = CASE WHEN failing_since IS NULL"
    " THEN $6 ELSE failing_since END"
    " WHERE tenant = $1 AND id = $2 AND sent = $3");
SQL(send_given_up,
    "UPDATE webhook_endpoint SET status = 'FAILED' WHERE tenant = $1 AND id = $2"
    " AND status = 'ACTIVE'");
SQL(send_maker,
    "SELECT email FROM person WHERE tenant = $1 AND id = $2 AND status = 'ACTIVE'");

typedef struct Turn {
    Due      due;
    Sending  s;
    EndpointSecrets secrets;
    Delivery *rows;
    isize    count;
    Instant  until;                               /* our claim                */
    i64      changed;
    bool     found;
} Turn;

static bool claim(Ctx *cx, void *arg)
{
    Turn *t = arg;
    return sql_run(cx, &send_claim, &t->changed, V(t->due.id.v), V(cx->now), V(t->until));
}

static bool release(Ctx *cx, void *arg)
{
    Turn *t = arg;
    return sql_run(cx, &send_release, NULL, V(t->due.id.v), V(t->until),
                   V(earlier(t->until, CLAIM_LASTS)));
}

static bool load(Ctx *cx, void *arg)
{
    Turn *t = arg;

    if (!sql_find(cx, &send_one, &sending_row, &t->s, &t->found, V(t->due.id.v)) ||
        !t->found)
        return cx->fault.code == OK;
    t->s.id = t->due.id;
    return endpoint_secrets(cx, t->due.id, &t->secrets) &&
           sql_rows(cx, &send_next, &delivery_row, &t->rows, &t->count, V(t->due.id.v),
                    V(t->s.sent), V((i64)AT_ONCE));
}

/* ---- writing down ------------------------------------------------------------------ */

typedef struct Noting {
    const Sending *s;
    i64     sequence;
    Attempt a;
    Instant try_at;
    bool    gone, paused;
    i64     changed;
} Noting;

static bool note_delivery(Ctx *cx, const Noting *n, const Sql *q)
{
    Val code = n->a.status > 0 ? V((i64)n->a.status) : (Val){ .kind = VAL_NULL };

    return sql_run(cx, q, NULL, V(n->s->id.v), V(n->sequence), V(code), V(n->a.ms),
                   V(n->a.error), V(cx->now));
}

static bool note_arrived(Ctx *cx, void *arg)
{
    Noting *n = arg;
    bool slow = n->a.ms >= SLOW_MS;

    return sql_run(cx, &send_arrived, &n->changed, V(n->s->id.v), V(n->s->sent),
                   V(n->sequence), V(slow)) &&
           note_delivery(cx, n, &send_delivered);
}

typedef struct Maker { Str email; } Maker;
static const Shape maker_row = SHAPE(Maker, TEXT(Maker, email, 1, 320, 0, ""));

static bool tell_maker(Ctx *cx, const Noting *n)
{
    Maker m;
    bool found = false;

    return (uuid_zero(n->s->maker.v) ||
            sql_find(cx, &send_maker, &maker_row, &m, &found, V(n->s->maker.v))) &&
           (!found || letter_webhook(cx, n->s->maker, m.email, n->s->id.v)) &&
           note_write(cx, AUDIT_WEBHOOK_PAUSED, (UserId){ 0 },
                      uuid_str(cx->mem, n->s->id.v));
}

static bool note_failed(Ctx *cx, void *arg)
{
    Noting *n = arg;
    i64 paused = 0;

    if (!sql_run(cx, &send_failed, &n->changed, V(n->s->id.v), V(n->s->sent),
                 V(n->try_at), V(n->a.error),
                 V(cx->now)) || !note_delivery(cx, n, &send_noted))
        return false;
    if (!n->gone || n->changed == 0)
        return true;
    if (!sql_run(cx, &send_given_up, &paused, V(n->s->id.v)))
        return false;
    n->paused = paused > 0;
    return !n->paused || tell_maker(cx, n);
}

/* Longer after each failure, and never quite the same. */
static Instant next_try(const Ctx *cx, i64 tries)
{
    i64 s = FIRST_PAUSE_S;

    for (i64 i = 0; i < tries && s < PAUSE_MOST_S; i++)
        s *= 3;
    s = s < PAUSE_MOST_S ? s : PAUSE_MOST_S;
    return later(cx->now, (Span){ s * 1000 + (i64)rand_below((u32)s * 250) });
}

static bool fail_one(Ctx *cx, Turn *t, Noting *n)
{
    const Sending *s = &t->s;

    n->try_at = next_try(cx, s->tries);
    n->gone = n->a.status == 410 ||
              (is_set(s->failing_since) &&
               !before(cx->now, later(s->failing_since, own.config.give_up)));
    metric_add(METRIC_WEBHOOK_FAILED, 1);
    if (!write_tx(cx, lane_of(s->id.v), note_failed, n))
        return false;
    if (n->paused) {
        metric_add(METRIC_WEBHOOK_PAUSED, 1);
        postman_wake();
        log_warn("a webhook endpoint was paused",
                 L("endpoint", uuid_str(cx->mem, s->id.v)), L("why", n->a.error));
    }
    return true;
}

/* True when the next may follow. */
static bool send_row(Ctx *cx, Turn *t, const Delivery *d, bool *go_on)
{
    Str id = uuid_str(cx->mem, d->id);
    Noting n = { .s = &t->s, .sequence = d->sequence };

    *go_on = false;
    n.a = attempt_make(cx, t->s.url, &t->secrets, id, d->sequence, d->body);
    cx->now = time_now();
    if (n.a.error.at != NULL)
        return fail_one(cx, t, &n);
    metric_add(METRIC_WEBHOOK_ARRIVED, 1);
    if (!write_tx(cx, lane_of(t->s.id.v), note_arrived, &n))
        return false;
    t->s.sent = d->sequence;
    *go_on = n.changed > 0 && n.a.ms < SLOW_MS;
    return true;
}

/* What waits was deleted for its age: the number jumps, which the receiver sees. */
static bool jump(Ctx *cx, void *arg)
{
    Turn *t = arg;
    return sql_run(cx, &send_arrived, NULL, V(t->s.id.v), V(t->s.sent), V(t->s.told),
                   V(t->s.slow));
}

static bool send_rows(Ctx *cx, Turn *t)
{
    Mono until = mono_after(mono_now(), TURN_LASTS);
    bool go_on = true;

    if (t->count == 0)
        return write_tx(cx, lane_of(t->s.id.v), jump, t);
    for (isize i = 0; i < t->count && go_on && mono_now().ns < until.ns; i++)
        if (!send_row(cx, t, &t->rows[i], &go_on))
            return false;
    return true;
}

static bool send_to(Ctx *cx, const Due *due, bool *found)
{
    Turn t = { .due = *due, .until = later(cx->now, CLAIM_LASTS) };

    cx->tenant = due->tenant;
    if (!write_tx(cx, lane_of(due->id.v), claim, &t))
        return false;
    *found = t.changed > 0;
    if (!*found)
        return true;
    bool good = read_tx(cx, load, &t) && (!t.found || send_rows(cx, &t));
    if (good)
        return write_tx(cx, lane_of(due->id.v), release, &t);
    Ctx after = ctx_new(cx->mem, due->tenant);
    if (!write_tx(&after, lane_of(due->id.v), release, &t))
        log_warn("a webhook endpoint stays claimed for a moment",
                 L("why", (const char *)after.fault.why));
    return false;
}

/* ---- threads ----------------------------------------------------------------------- */

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
