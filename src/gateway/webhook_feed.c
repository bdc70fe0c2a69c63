/* webhook_feed.c - a slice is read once for all endpoints, from the cursor that is furthest
 * behind. An endpoint that nothing concerned is moved on only when it lags a good deal, so
 * that a busy outbox does not write a row for each quiet endpoint; what is read again for
 * it costs nothing. The body is written here, once: a delivery says the same bytes however
 * often it is tried. */
#include "gateway/webhook_feed.h"
#include "base/json.h"
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
    "UPDATE webhook_endpoint SET cursor = $3 WHERE tenant = $1 AND id = $2 AND cursor < $3");
SQL_ALL(feed_forget,
    "DELETE FROM webhook_delivery WHERE (tenant, endpoint, sequence) IN"
    " (SELECT tenant, endpoint, sequence FROM webhook_delivery WHERE at < $1 LIMIT 1000)");
SQL_ALL(feed_forget_endpoint,
    "DELETE FROM webhook_endpoint WHERE (tenant, id) IN (SELECT tenant, id FROM webhook_endpoint e"
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

/* ---- endpoints ------------------------------------------------------------------------ */

typedef struct All { Fed *rows; isize count; } All;

static bool read_all(Ctx *cx, void *arg)
{
    All *all = arg;
    Uuid last = { { 0 } };
    Fed *page;
    isize n;

    *all = (All){ 0 };
    do {
        Val after = val_blob((Str){ (const char *)last.b, sizeof last.b });
        if (!sql_rows(cx, &feed_endpoints, &fed_row, &page, &n, V(after), V((i64)PAGE)))
            return false;
        Fed *longer = make(cx->mem, Fed, all->count + n + 1);
        if (all->count > 0)
            memcpy(longer, all->rows, (size_t)all->count * sizeof *longer);
        if (n > 0) {
            memcpy(longer + all->count, page, (size_t)n * sizeof *longer);
            last = page[n - 1].id.v;
        }
        *all = (All){ longer, all->count + n };
    } while (n == PAGE);
    return true;
}

/* ---- one endpoint ------------------------------------------------------------------------ */

/* Members in the order of their names, as signed JSON is written here. */
static Str body_of(Ctx *cx, const Tiding *t, Uuid id, i64 sequence)
{
    Buf b = buf_in(cx->mem, t->data.len + 300);

    buf_lit(&b, "{\"data\":");
    buf_add(&b, t->data);
    if (!uuid_zero(t->event.v))
        buf_fmt(&b, ",\"eventId\":\"%.*s\"", STR_ARGS(uuid_str(cx->mem, t->event.v)));
    buf_fmt(&b, ",\"id\":\"%.*s\",\"sequence\":%jd,\"tenantId\":\"%.*s\",\"timestamp\":\"",
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

    if (!sql_run(cx, &feed_advance, &f->changed, V(e->id.v), V(f->upto), V(e->told + f->count),
                 V(e->cursor), V(e->told)))
        return false;
    if (f->changed == 0)                          /* another node was here    */
        return true;
    for (isize i = 0; i < f->count; i++, row += MAKE_WIDTH) {
        i64 sequence = e->told + i + 1;
        Uuid id = uuid_new(cx->now);
        const Val one[MAKE_WIDTH] = { V(e->id.v), V(sequence), V(id), V(f->wanted[i]->type),
                                      V(body_of(cx, f->wanted[i], id, sequence)), V(cx->now) };
        memcpy(row, one, sizeof one);
    }
    return sql_each(cx, &feed_make, rows, MAKE_WIDTH, f->count, NULL);
}

static bool feed_one(Ctx *cx, const Fed *e, const Tiding *rows, isize count, bool *idle)
{
    Feeding f = { .e = e, .wanted = make(cx->mem, const Tiding *, count),
                  .upto = rows[count - 1].id };

    for (isize i = 0; i < count; i++)
        if (rows[i].id > e->cursor && uuid_is(rows[i].tenant.v, e->tenant.v) &&
            endpoint_wants(cx->mem, e->types, rows[i].type))
            f.wanted[f.count++] = &rows[i];
    *idle = f.count == 0;
    if (*idle)
        return true;
    cx->tenant = e->tenant;
    return write_tx(cx, lane_of(e->id.v), feed, &f);
}

/* ---- all of them ------------------------------------------------------------------------- */

typedef struct Skipping { Val *rows; isize count; } Skipping;

static bool skip(Ctx *cx, void *arg)
{
    const Skipping *s = arg;
    return sql_each(cx, &feed_skip, s->rows, 3, s->count, NULL);
}

static bool feed_all(Ctx *cx, const All *all, const Tiding *rows, isize count)
{
    Skipping s = { make(cx->mem, Val, all->count * 3), 0 };
    i64 upto = rows[count - 1].id;

    for (isize i = 0; i < all->count; i++) {
        const Fed *e = &all->rows[i];
        bool idle;
        if (!feed_one(cx, e, rows, count, &idle))
            return false;
        if (!idle || upto - e->cursor < LAG)
            continue;
        Val *v = s.rows + 3 * s.count++;
        v[0] = V(e->tenant.v);
        v[1] = V(e->id.v);
        v[2] = V(upto);
    }
    return s.count == 0 || write_tx(cx, (Lane){ 0 }, skip, &s);
}

static i64 furthest_behind(const All *all)
{
    i64 least = INT64_MAX;

    for (isize i = 0; i < all->count; i++)
        if (all->rows[i].cursor < least)
            least = all->rows[i].cursor;
    return least;
}

bool feed_pass(Ctx *cx, bool *more)
{
    All all;
    Tiding *rows;
    isize count;

    *more = false;
    if (!take_turn(cx) || !turn.ours || !read_tx(cx, read_all, &all))
        return cx->fault.code == OK;
    if (all.count == 0)
        return true;
    if (!outbox_after(cx, furthest_behind(&all), SLICE, &rows, &count))
        return false;
    if (count == 0)
        return true;
    *more = count == SLICE;
    return feed_all(cx, &all, rows, count);
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
