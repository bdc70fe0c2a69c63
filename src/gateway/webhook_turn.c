/* webhook_turn.c - an endpoint is claimed by a time in its row, which lapses when the
 * node that claimed it dies. Each delivery is written down as soon as it has arrived,
 * guarded by the number before it: when a replay was asked for meanwhile, or another node
 * came first, nothing is written and we stop.
 *
 * 410 Gone is an endpoint's own wish to be left alone. */
#include "gateway/webhook_turn.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/rand.h"
#include "gateway/webhook_attempt.h"
#include "identity/letter.h"
#include "identity/note.h"
#include "identity/postman.h"

enum { AT_ONCE = 16, SLOW_MS = 1000, FIRST_PAUSE_S = 5, PAUSE_MOST_S = 3600 };
#define CLAIM_LASTS seconds(30)                 /* longer than a turn and its answer */
#define TURN_LASTS  seconds(10)

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
    EndpointId id;
    Span     give_up;                             /* after failing so long    */
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
    return sql_run(cx, &send_claim, &t->changed, V(t->id.v), V(cx->now), V(t->until));
}

static bool release(Ctx *cx, void *arg)
{
    Turn *t = arg;
    return sql_run(cx, &send_release, NULL, V(t->id.v), V(t->until),
                   V(earlier(t->until, CLAIM_LASTS)));
}

static bool load(Ctx *cx, void *arg)
{
    Turn *t = arg;

    if (!sql_find(cx, &send_one, &sending_row, &t->s, &t->found, V(t->id.v)) ||
        !t->found)
        return cx->fault.code == OK;
    t->s.id = t->id;
    return endpoint_secrets(cx, t->id, &t->secrets) &&
           sql_rows(cx, &send_next, &delivery_row, &t->rows, &t->count, V(t->id.v),
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
               !before(cx->now, later(s->failing_since, t->give_up)));
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

bool turn_take(Ctx *cx, EndpointId id, Span give_up, bool *claimed)
{
    Turn t = { .id = id, .give_up = give_up, .until = later(cx->now, CLAIM_LASTS) };

    if (!write_tx(cx, lane_of(id.v), claim, &t))
        return false;
    *claimed = t.changed > 0;
    if (!*claimed)
        return true;
    bool good = read_tx(cx, load, &t) && (!t.found || send_rows(cx, &t));
    if (good)
        return write_tx(cx, lane_of(id.v), release, &t);
    Ctx after = ctx_new(cx->mem, cx->tenant);
    if (!write_tx(&after, lane_of(id.v), release, &t))
        log_warn("a webhook endpoint stays claimed for a moment",
                 L("why", (const char *)after.fault.why));
    return false;
}
