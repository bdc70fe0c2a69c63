/* deadletter_test.c - what the bus refuses stands aside, and is decided once. */
#include "base/metric.h"
#include "gateway/deadletter.h"
#include "gateway/relay.h"
#include "unit/with_nats.h"
#include "unit/with_store.h"

static const UserId anna = { { { 2 } } };

typedef struct Telling { UserId user; i64 bytes; } Telling;

static bool tell(Ctx *cx, void *arg)
{
    const Telling *t = arg;
    char *x = make(cx->mem, char, t->bytes + 1);

    memset(x, 'x', (size_t)t->bytes);
    return outbox_tell(cx, t->user, (EventId){ { { 0 } } }, "order.paid",
                       str_fmt(cx->mem, "{\"x\":\"%s\"}", x));
}

static void told(Ctx *cx, i64 bytes)
{
    must(write_tx(cx, (Lane){ 0 }, tell, &(Telling){ anna, bytes }));
}

static Tiding tiding(i64 id)
{
    return (Tiding){ .id = id, .tenant = TENANT_DEFAULT, .user = anna, .type = S("order.paid"),
                     .data = S("{\"a\":1}"), .at = { 1000 } };
}

static isize waiting(Ctx *cx, DeadLetter **rows)
{
    isize n;

    must(deadletter_list(cx, &(DeadWish){ .most = 100 }, rows, &n));
    return n;
}

/* ---- deciding ---------------------------------------------------------------------- */

TEST(of_one_row_one_letter_is_kept_with_all_that_the_row_said)
{
    Ctx cx = with_store();
    Tiding t = tiding(7);
    DeadLetter *rows, d;

    must(deadletter_add(&cx, &t, 3, S("too large")) && deadletter_add(&cx, &t, 9, S("again")));
    must(waiting(&cx, &rows) == 1);
    must(deadletter_get(&cx, 7, &d));
    must(str_is(d.id, S("7")) && str_is(d.payload, t.data) && d.attempts == 3);
    must(str_is(d.lastError, S("too large")) && d.createdAt.ms == 1000 && uuid_is(d.userId.v, anna.v));
    must(str_starts(d.subject, S("events.00000000-0000-0000-0000-000000000001.")));
    must(!deadletter_get(&cx, 8, &d));
    must_fault(&cx, NOT_FOUND);
    store_close();
}

TEST(another_tenant_sees_and_settles_nothing)
{
    Ctx cx = with_store();
    Tiding t = tiding(7);
    DeadLetter *rows, d;

    must(deadletter_add(&cx, &t, 3, S("too large")));
    cx.tenant = (TenantId){ { { 9 } } };
    must(waiting(&cx, &rows) == 0 && !deadletter_retry(&cx, 7, &d));
    must_fault(&cx, NOT_FOUND);
    store_close();
}

TEST(a_letter_is_settled_once_and_a_retry_is_a_new_tiding)
{
    Ctx cx = with_store();
    Tiding t = tiding(7), *rows;
    DeadLetter d;
    isize n;
    i64 gone;

    must(deadletter_add(&cx, &t, 3, S("too large")));
    must(deadletter_retry(&cx, 7, &d) && d.state == DEAD_RETRIED && is_set(d.settledAt));
    must(outbox_after(&cx, 0, 10, &rows, &n) && n == 1 && str_is(rows[0].data, t.data));
    must(rows[0].again);
    must(!deadletter_retry(&cx, 7, &d) && cx.fault.code == INVALID_STATE);
    fault_clear(&cx);
    must(!deadletter_discard(&cx, 7, &d) && cx.fault.code == INVALID_STATE);
    fault_clear(&cx);
    must(outbox_after(&cx, 0, 10, &rows, &n) && n == 1);
    must(deadletter_count(&cx) && metric_get(METRIC_DEAD_WAITING) == 0);
    must(deadletter_sweep(&cx, &gone) && gone == 0);
    cx.now = later(cx.now, days(31));
    must(deadletter_sweep(&cx, &gone) && gone == 1);
    store_close();
}

TEST(who_waits_is_counted_and_goes_after_four_weeks)
{
    Ctx cx = with_store();
    Tiding t = tiding(7);
    i64 gone;

    must(deadletter_add(&cx, &t, 3, S("too large")));
    cx.now = later(cx.now, days(20));
    must(deadletter_sweep(&cx, &gone) && gone == 0);
    must(deadletter_count(&cx) && metric_get(METRIC_DEAD_WAITING) == 1);
    must(metric_get(METRIC_DEAD_OLDEST) / 86400000 == 20);
    cx.now = later(cx.now, days(9));
    must(deadletter_sweep(&cx, &gone) && gone == 1);
    store_close();
}

/* ---- the relay ---------------------------------------------------------------------- */

typedef struct Heard { i64 ids[100]; isize n; } Heard;

static void hear(const Message *m, void *arg)
{
    Heard *h = arg;
    must(h->n < countof(h->ids));
    h->ids[h->n++] = m->id;
}

/* Passes until the bus has told up to `id`, however long the relay waits between. */
static void passes_until(Ctx *cx, i64 id)
{
    for (int i = 0; i < 6000 && bus_heard() < id; i++) {
        bool more = true;
        while (more)
            must(relay_pass(cx, &more));
        usleep(10000);
    }
    must(bus_heard() == id);
}

/* A server that takes little, as an operator might have set it. */
static OwnNats small_nats(void)
{
    OwnNats o = nats_planned();
    const char *conf = str_z(mem, str_fmt(mem, "%s.conf", o.folder));

    must(file_write_private(mem, str_of(conf), S("max_payload: 4096\n")));
    o.more[0] = "-c";
    o.more[1] = conf;
    nats_again(&o);
    return o;
}

static void start_relay(Ctx *cx, const OwnNats *own, Heard *h)
{
    Str why;

    must(bus_open(mem, &(BusConfig){ str_of(own->url), hours(24), 1 << 20, { 10 } }, &why));
    bus_subscribe(hear, h);
    must(relay_start(cx, hours(24)));
}

static Ctx on_small_nats(OwnNats *own, Heard *h)
{
    Ctx cx = with_store();

    *own = small_nats();
    h->n = 0;
    relay_attempts(2);
    start_relay(&cx, own, h);
    must(settles(0));
    return cx;
}

/* What the stream takes from now on: the size of a message, and how many. -1: any. */
static void limit_stream(const OwnNats *own, i32 size, i64 count)
{
    RawNats raw = nats_raw(own->url);
    jsStreamInfo *info = NULL;

    must(js_GetStreamInfo(&info, raw.js, "EVENTS", NULL, NULL) == NATS_OK);
    info->Config->MaxMsgSize = size;
    info->Config->MaxMsgs = count;
    info->Config->Discard = js_DiscardNew;
    must(js_UpdateStream(NULL, raw.js, info->Config, NULL, NULL) == NATS_OK);
    jsStreamInfo_Destroy(info);
    nats_raw_close(&raw);
}

static void small_nats_done(Ctx *cx, OwnNats *own)
{
    relay_stop(cx);
    bus_close();
    nats_kill(own);
    store_close();
}

TEST(what_is_too_large_for_the_bus_stands_aside_and_the_rest_goes_on_in_order)
{
    if (!nats_there())
        return;
    static Heard h;
    OwnNats own;
    Ctx cx = on_small_nats(&own, &h);
    DeadLetter *rows;

    told(&cx, 10);
    told(&cx, 9000);
    told(&cx, 10);
    told(&cx, 9000);
    told(&cx, 9000);
    told(&cx, 10);
    passes_until(&cx, 6);
    must(h.n == 3 && h.ids[0] == 1 && h.ids[1] == 3 && h.ids[2] == 6);
    must(waiting(&cx, &rows) == 3 && str_is(rows[2].id, S("2")) && rows[2].attempts == 2);
    must(rows[0].payload.len > 9000 && str_has(rows[0].lastError, S("max_payload")));
    small_nats_done(&cx, &own);
}

TEST(what_the_stream_refuses_stands_aside_too)
{
    if (!nats_there())
        return;
    static Heard h;
    OwnNats own;
    Ctx cx = on_small_nats(&own, &h);
    DeadLetter *rows;

    limit_stream(&own, 1500, -1);
    for (int i = 0; i < 5; i++)
        told(&cx, i == 2 ? 2000 : 10);
    passes_until(&cx, 5);
    must(h.n == 4 && h.ids[1] == 2 && h.ids[2] == 4);
    must(waiting(&cx, &rows) == 1 && str_is(rows[0].id, S("3")));
    small_nats_done(&cx, &own);
}

TEST(a_relay_that_takes_over_passes_a_dead_letter_and_keeps_one)
{
    if (!nats_there())
        return;
    static Heard h;
    OwnNats own;
    Ctx cx = on_small_nats(&own, &h);
    DeadLetter *rows;

    told(&cx, 10);
    told(&cx, 9000);
    for (int i = 0; i < 6000 && waiting(&cx, &rows) == 0; i++) {
        bool more;
        must(relay_pass(&cx, &more));
        usleep(10000);
    }
    relay_stop(&cx);
    bus_close();
    start_relay(&cx, &own, &h);
    told(&cx, 10);
    passes_until(&cx, 3);
    must(h.n == 2 && waiting(&cx, &rows) == 1);
    small_nats_done(&cx, &own);
}

TEST(a_stream_that_is_full_is_no_reason_to_give_a_message_up)
{
    if (!nats_there())
        return;
    static Heard h;
    OwnNats own;
    Ctx cx = on_small_nats(&own, &h);
    DeadLetter *rows;
    bool more;

    limit_stream(&own, -1, 1);
    told(&cx, 10);
    told(&cx, 10);
    for (int i = 0; i < 5; i++) {
        if (!relay_pass(&cx, &more))
            must_fault(&cx, BUSY);
        fault_clear(&cx);
    }
    must(waiting(&cx, &rows) == 0);
    limit_stream(&own, -1, 100);
    passes_until(&cx, 2);
    must(h.n == 2);
    small_nats_done(&cx, &own);
}
