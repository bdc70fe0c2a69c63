/* webhook_feed.c - endpoints are looked at in pages, and a slice is read once for a page,
 * from the cursor that is furthest behind. An endpoint that nothing concerned is moved on
 * only when it lags a good deal, so that a busy outbox does not write a row for each
 * quiet endpoint; what is read again for it costs nothing. The body is written here,
 * once: a delivery says the same bytes however often it is tried.
 *
 * Each endpoint is fed on memory of its own: however much one tenant wants, the next
 * begins with none of it taken. */
#include "gateway/webhook_feed.h"
#include "gateway/webhook_rules.h"
#include "store/lease.h"
#include "store/outbox.h"
#include <string.h>

enum { SLICE = 512, LAG = 256, PAGE = 500, MAKE_WIDTH = 6 };
#define LEASE        "webhooks"
#define LEASE_LASTS  seconds(6)
#define RENEW_EVERY  seconds(2)

typedef struct Fed { TenantId tenant; EndpointId id; i64 cursor, told; Str types; } Fed;
static const Shape fed_row = SHAPE(Fed,
    ID(Fed, tenant, 0, ""),
    ID(Fed, id, 0, ""),
    NUMBER(Fed, cursor, 0, INT64_MAX, 0, 0, ""),
    NUMBER(Fed, told, 0, INT64_MAX, 0, 0, ""),
    RAW(Fed, types, 0, ""));

SQL_ALL(feed_endpoints,
    "SELECT tenant, id, cursor, told, types FROM webhook_endpoint"
    " WHERE id > $1 AND status <> 'DELETED' ORDER BY id LIMIT $2");
SQL(feed_advance,
    "UPDATE webhook_endpoint SET cursor = $3, told = $4"
    " WHERE tenant = $1 AND id = $2 AND cursor = $5 AND told = $6");
SQL_EACH(feed_make,
    "INSERT INTO webhook_delivery (tenant, endpoint, sequence, id, type, body, at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)");
SQL_EACH_ALL(feed_skip,
    "UPDATE webhook_endpoint SET cursor = $3 WHERE tenant = $1 AND id = $2"
    " AND cursor < $3");
SQL_ALL(feed_forget,
    "DELETE FROM webhook_delivery WHERE (tenant, endpoint, sequence) IN"
    " (SELECT tenant, endpoint, sequence FROM webhook_delivery WHERE at < $1"
    " LIMIT 1000)");
SQL_ALL(feed_forget_endpoint,
    "DELETE FROM webhook_endpoint WHERE (tenant, id) IN (SELECT tenant, id"
    " FROM webhook_endpoint e"
    " WHERE status = 'DELETED' AND updated_at < $1 AND NOT EXISTS"
    " (SELECT 1 FROM webhook_delivery d WHERE d.tenant = e.tenant AND d.endpoint = e.id)"
    " LIMIT 1000)");

static struct { bool ours; Mono ask_at; } turn;

static bool take_turn(Ctx *cx)
{
    Mono now = mono_now();

    if (now.ns < turn.ask_at.ns)
        return true;
    turn.ask_at = mono_after(now, RENEW_EVERY);
    return lease_take(cx, LEASE, LEASE_LASTS, &turn.ours);
}

void feed_stop(Ctx *cx)
{
    if (turn.ours && !lease_give_up(cx, LEASE))
        fault_clear(cx);
    turn.ours = false;
    turn.ask_at = (Mono){ 0 };
}

/* ---- endpoints --------------------------------------------------------------------- */

typedef struct FedPage { Uuid after; Fed *rows; isize count; } FedPage;

static bool read_page(Ctx *cx, void *arg)
{
    FedPage *p = arg;
    Val after = val_blob((Str){ (const char *)p->after.b, sizeof p->after.b });

    return sql_rows(cx, &feed_endpoints, &fed_row, &p->rows, &p->count, V(after),
                    V((i64)PAGE));
}

/* ---- one endpoint ------------------------------------------------------------------ */

/* Members in the order of their names, as signed JSON is written here. */
static Str body_of(Ctx *cx, const Tiding *t, Uuid id, i64 sequence)
{
    Buf b = buf_in(cx->mem, t->data.len + 300);

    buf_lit(&b, "{\"data\":");
    buf_add(&b, t->data);
    if (!uuid_zero(t->event.v))
        buf_fmt(&b, ",\"eventId\":\"%.*s\"", STR_ARGS(uuid_str(cx->mem, t->event.v)));
    buf_fmt(&b, ",\"id\":\"%.*s\",\"sequence\":%jd,\"tenantId\":\"%.*s\""
            ",\"timestamp\":\"",
            STR_ARGS(uuid_str(cx->mem, id)), (intmax_t)sequence,
            STR_ARGS(uuid_str(cx->mem, t->tenant.v)));
    time_write(&b, t->at);
    buf_lit(&b, "\",\"type\":");
    json_put_str(&b, t->type);
    if (!uuid_zero(t->user.v))
        buf_fmt(&b, ",\"userId\":\"%.*s\"", STR_ARGS(uuid_str(cx->mem, t->user.v)));
    buf_byte(&b, '}');
    return buf_str(&b);
}

typedef struct Feeding {
    const Fed *e;
    const Tiding **wanted;
    isize count;
    i64 upto, changed;
} Feeding;

static bool feed(Ctx *cx, void *arg)
{
    Feeding *f = arg;
    const Fed *e = f->e;
    Val *rows = make(cx->mem, Val, f->count * MAKE_WIDTH), *row = rows;

    if (!sql_run(cx, &feed_advance, &f->changed, V(e->id.v), V(f->upto),
                 V(e->told + f->count), V(e->cursor), V(e->told)))
        return false;
    if (f->changed == 0)                          /* another node was here    */
        return true;
    for (isize i = 0; i < f->count; i++, row += MAKE_WIDTH) {
        i64 sequence = e->told + i + 1;
        Uuid id = uuid_new(cx->now);
        const Val one[MAKE_WIDTH] = { V(e->id.v), V(sequence), V(id),
                                      V(f->wanted[i]->type),
                                      V(body_of(cx, f->wanted[i], id, sequence)),
                                      V(cx->now) };
        memcpy(row, one, sizeof one);
    }
    return sql_each(cx, &feed_make, rows, MAKE_WIDTH, f->count, NULL);
}

static bool feed_one(Ctx *cx, const Fed *e, const Tiding *rows, isize count, bool *idle)
{
    Feeding f = { .e = e, .wanted = make(cx->mem, const Tiding *, count),
                  .upto = rows[count - 1].id };
    const Json *types = endpoint_types(cx->mem, e->types);

    for (isize i = 0; types != NULL && i < count; i++)
        if (rows[i].id > e->cursor && !rows[i].again &&
            uuid_is(rows[i].tenant.v, e->tenant.v) && endpoint_wants(types, rows[i].type))
            f.wanted[f.count++] = &rows[i];
    *idle = f.count == 0;
    return *idle || write_tx(cx, lane_of(e->id.v), feed, &f);
}

static bool feed_alone(Ctx *cx, const Fed *e, const Tiding *rows, isize count, bool *idle)
{
    Arena mem = { 0 };
    Ctx own = ctx_new(&mem, e->tenant);

    own.now = cx->now;
    bool good = feed_one(&own, e, rows, count, idle);
    if (!good)
        fail(cx, own.fault.code, "endpoint %.*s: %.150s",
             STR_ARGS(uuid_str(cx->mem, e->id.v)), own.fault.why);
    arena_close(&mem);
    return good;
}

/* ---- all of them ------------------------------------------------------------------- */

typedef struct Skipping { Val *rows; isize count; } Skipping;

static bool skip(Ctx *cx, void *arg)
{
    const Skipping *s = arg;
    return sql_each(cx, &feed_skip, s->rows, 3, s->count, NULL);
}

/* Where more follows, who stayed would have the same slice read again, and nobody got
 * on. */
static bool feed_all(Ctx *cx, const FedPage *p, const Tiding *rows, isize count)
{
    Skipping s = { make(cx->mem, Val, p->count * 3), 0 };
    i64 upto = rows[count - 1].id, lag = outbox_cut(rows, count, SLICE) ? 1 : LAG;

    for (isize i = 0; i < p->count; i++) {
        const Fed *e = &p->rows[i];
        bool idle;
        if (!feed_alone(cx, e, rows, count, &idle))
            return false;
        if (!idle || upto - e->cursor < lag)
            continue;
        Val *v = s.rows + 3 * s.count++;
        v[0] = V(e->tenant.v);
        v[1] = V(e->id.v);
        v[2] = V(upto);
    }
    return s.count == 0 || write_tx(cx, (Lane){ 0 }, skip, &s);
}

static i64 furthest_behind(const FedPage *p)
{
    i64 least = INT64_MAX;

    for (isize i = 0; i < p->count; i++)
        if (p->rows[i].cursor < least)
            least = p->rows[i].cursor;
    return least;
}

static bool feed_page(Ctx *cx, FedPage *p, bool *more)
{
    Tiding *rows;
    isize count;

    if (!read_tx(cx, read_page, p))
        return false;
    if (p->count == 0)
        return true;
    p->after = p->rows[p->count - 1].id.v;
    if (!outbox_after(cx, furthest_behind(p), SLICE, &rows, &count))
        return false;
    *more |= outbox_cut(rows, count, SLICE);
    return count == 0 || feed_all(cx, p, rows, count);
}

bool feed_pass(Ctx *cx, bool *more)
{
    FedPage p = { .count = PAGE };
    bool good = take_turn(cx);

    *more = false;
    while (good && turn.ours && p.count == PAGE) {
        Arena mem = { 0 };
        Ctx page = ctx_new(&mem, TENANT_DEFAULT);
        page.now = cx->now;
        good = feed_page(&page, &p, more);
        if (!good)
            fail(cx, page.fault.code, "%s", page.fault.why);
        arena_close(&mem);
    }
    return good;
}

typedef struct { Instant until; i64 *gone; } Sweep;

static bool forget(Ctx *cx, void *arg)
{
    Sweep *s = arg;

    return sql_run(cx, &feed_forget, s->gone, V(s->until)) &&
           (*s->gone > 0 || sql_run(cx, &feed_forget_endpoint, s->gone, V(s->until)));
}

bool feed_sweep(Ctx *cx, Instant until, i64 *gone)
{
    return write_tx(cx, (Lane){ 0 }, forget, &(Sweep){ until, gone });
}
