/* relay_test.c - from the outbox to the bus, and the numbers that follow. */
#include "events/event.h"
#include "gateway/availability.h"
#include "gateway/relay.h"
#include "store/outbox.h"
#include "unit/with_nats.h"
#include "unit/with_store.h"

static const UserId anna = { { { 2 } } };

static Ctx opened(void)
{
    Ctx cx = with_store();

    with_bus();
    cx.who = (Who){ .user = { { { 1 } } }, .role = VENUE_MANAGER };
    return cx;
}

/* What is written from now on is told. */
static void started(Ctx *cx)
{
    must(relay_start(cx, hours(24)));
    for (int i = 0; i < 20000 && bus_heard() < 0; i++)
        usleep(1000);
    must(bus_heard() >= 0);
}

static void closed(Ctx *cx)
{
    relay_stop(cx);
    bus_close();
    store_close();
}

typedef struct { i64 count; const char *type; UserId user; EventId event; bool refuse; } Telling;

static bool tell(Ctx *cx, void *arg)
{
    Telling *t = arg;

    for (i64 i = 0; i < t->count; i++)
        if (!outbox_tell(cx, t->user, t->event, t->type, str_fmt(cx->mem, "{\"n\": %jd}", (intmax_t)i)))
            return false;
    return !t->refuse || fail(cx, FORBIDDEN, "changed its mind");
}

static void told(Ctx *cx, i64 count)
{
    Telling t = { .count = count, .type = "order.paid", .user = anna };
    must(write_tx(cx, (Lane){ 0 }, tell, &t));
}

typedef struct Heard { i64 ids[2000]; isize n; } Heard;

static void hear(const Message *m, void *arg)
{
    Heard *h = arg;
    must(h->n < countof(h->ids));
    h->ids[h->n++] = m->id;
}

/* Passes until nothing waits and all of it is heard. */
static int passes(Ctx *cx)
{
    bool more = true;
    int n = 0;

    for (; more; n++)
        must(relay_pass(cx, &more));
    must(settles(relay_last()));
    return n;
}

TEST(every_row_is_told_once_and_in_order_over_many_slices)
{
    Ctx cx = opened();
    static Heard h;

    h.n = 0;
    started(&cx);
    bus_subscribe(hear, &h);
    told(&cx, 1200);
    must(passes(&cx) == 3 && h.n == 1200);
    for (isize i = 1; i < h.n; i++)
        must(h.ids[i] > h.ids[i - 1]);
    must(relay_last() == h.ids[h.n - 1]);
    must(passes(&cx) == 1 && h.n == 1200);
    closed(&cx);
}

TEST(a_relay_begins_after_what_the_bus_has_or_this_process_found)
{
    Ctx cx = opened();
    static Heard h;

    h.n = 0;
    told(&cx, 5);
    bus_subscribe(hear, &h);
    must(relay_start(&cx, hours(24)) && settles(bus_keeps() ? 0 : 5));
    passes(&cx);
    must(h.n == (bus_keeps() ? 5 : 0));
    told(&cx, 1);
    passes(&cx);
    must(h.n == (bus_keeps() ? 6 : 1) && h.ids[h.n - 1] == 6);
    closed(&cx);
}

/* The server ends and starts again on the same store and bus. */
static void restarted(Ctx *cx)
{
    relay_stop(cx);
    bus_close();
    BusConfig config = { str_of(nats_url()), hours(24), 64 << 20, { 10 } };
    Str why;
    must(bus_open(mem, &config, &why));
}

TEST(what_was_written_while_no_relay_ran_is_told_once_one_runs)
{
    Ctx cx = opened();
    static Heard h;

    h.n = 0;
    if (bus_keeps()) {
        started(&cx);
        told(&cx, 5);
        passes(&cx);
        restarted(&cx);
        told(&cx, 700);
        bus_subscribe(hear, &h);
        must(relay_start(&cx, hours(24)) && settles(5));
        passes(&cx);
        must(h.n == 700 && h.ids[0] == 6 && h.ids[699] == 705);
    }
    closed(&cx);
}

TEST(a_bus_that_is_ahead_of_the_outbox_is_not_published_to)
{
    Ctx cx = opened();
    bool more;

    if (bus_keeps()) {
        started(&cx);
        told(&cx, 5);
        passes(&cx);
        relay_stop(&cx);
        bus_close();
        store_close();
        cx = with_store();                        /* as after a restore       */
        BusConfig config = { str_of(nats_url()), hours(24), 64 << 20, { 10 } };
        Str why;
        must(bus_open(mem, &config, &why));
        started(&cx);
        told(&cx, 4);
        must(!relay_pass(&cx, &more) && cx.fault.code == BUSY);
        must(str_has(str_of(cx.fault.why), S("restored")));
        fault_clear(&cx);
    }
    closed(&cx);
}

TEST(a_row_that_has_left_the_stream_by_age_is_not_told_again)
{
    Ctx cx = opened();
    static Heard h;

    h.n = 0;
    if (bus_keeps()) {
        started(&cx);
        told(&cx, 5);
        passes(&cx);
        restarted(&cx);
        nats_wipe();
        Arena own = { 0 };
        time_shift(hours(25));
        Ctx later_ = ctx_new(&own, TENANT_DEFAULT);
        bus_subscribe(hear, &h);
        must(relay_start(&later_, hours(24)) && settles(5));
        told(&later_, 2);
        passes(&later_);
        must(h.n == 2 && h.ids[0] == 6 && h.ids[1] == 7);
        time_shift((Span){ 0 });
        arena_close(&own);
    }
    closed(&cx);
}

TEST(while_the_bus_is_away_the_outbox_keeps_and_the_relay_says_busy)
{
    Ctx cx = with_store();
    static Heard h;
    bool more;
    Str why;

    h.n = 0;
    if (nats_there()) {
        OwnNats own = nats_own();
        must(bus_open(mem, &(BusConfig){ str_of(own.url), hours(24), 1 << 20, { 10 } }, &why));
        bus_subscribe(hear, &h);
        must(relay_start(&cx, hours(24)) && settles(0));
        told(&cx, 10);
        passes(&cx);
        nats_kill(&own);
        told(&cx, 600);
        usleep(50000);
        must(!relay_pass(&cx, &more) && cx.fault.code == BUSY && !relay_is_ours());
        fault_clear(&cx);
        nats_again(&own);
        for (int i = 0; i < 6000 && bus_state() == BUS_AWAY; i++)
            usleep(10000);
        must(relay_pass(&cx, &more));
        passes(&cx);
        must(settles(610) && h.n == 610 && h.ids[609] == 610);
        relay_stop(&cx);
        bus_close();
        nats_kill(&own);
    }
    store_close();
}

TEST(what_was_undone_is_never_told)
{
    Ctx cx = opened();
    static Heard h;
    Telling t = { .count = 3, .type = "order.paid", .user = anna, .refuse = true };

    h.n = 0;
    started(&cx);
    bus_subscribe(hear, &h);
    must(!write_tx(&cx, (Lane){ 0 }, tell, &t));
    fault_clear(&cx);
    told(&cx, 1);
    passes(&cx);
    must(h.n == 1);
    closed(&cx);
}

static void read_whole(const Message *m, void *arg)
{
    bool *whole = arg;
    *whole = uuid_is(m->tenant.v, TENANT_DEFAULT.v) && uuid_is(m->user.v, anna.v) &&
             uuid_zero(m->event.v) && str_is(m->type, S("order.paid")) &&
             str_is(m->data, S("{\"n\": 0}")) && is_set(m->at);
}

TEST(a_message_says_what_its_row_says)
{
    Ctx cx = opened();
    bool whole = false;

    started(&cx);
    bus_subscribe(read_whole, &whole);
    told(&cx, 1);
    passes(&cx);
    must(whole);
    closed(&cx);
}

/* ---- availability --------------------------------------------------------- */

SQL(test_type,
    "INSERT INTO ticket_type (tenant, id, event, name, price_cents, currency, quantity, available,"
    " held, sold, most, created_at, updated_at)"
    " VALUES ($1, $2, $3, 'Stalls', 100, 'EUR', 10, 7, 2, 1, 10, $4, $4)");

typedef struct { VenueId venue; EventId event; Uuid type; } Sale;

static bool make_sale(Ctx *cx, void *arg)
{
    Sale *s = arg;
    VenueIn hall = { S("Town Hall"), S("UTC"), 500, { 0 }, { 0 } };
    EventIn in = { .name = S("An Evening"), .venueId = s->venue,
                   .startsAt = later(cx->now, days(1)), .endsAt = later(cx->now, days(2)) };
    Venue v;
    Event e;

    return venue_add(cx, s->venue, &hall, &v) && event_add(cx, s->event, &in, &e)
        && sql_run(cx, &test_type, NULL, V(s->type), V(s->event.v), V(cx->now));
}

static Sale sale(Ctx *cx)
{
    Sale s = { { uuid_new(cx->now) }, { uuid_new(cx->now) }, uuid_new(cx->now) };

    must(write_tx(cx, (Lane){ 0 }, make_sale, &s));
    return s;
}

typedef struct Numbers { int n; EventId event; Str data; } Numbers;

static void take_numbers(TenantId tenant, EventId event, Str data, void *arg)
{
    Numbers *n = arg;

    must(uuid_is(tenant.v, TENANT_DEFAULT.v));
    *n = (Numbers){ n->n + 1, event, str_copy(mem, data) };
}

TEST(many_sales_are_one_message_with_the_numbers_of_now)
{
    Ctx cx = opened();
    Sale s = sale(&cx);
    Numbers got = { 0 };
    isize n;

    started(&cx);
    bus_subscribe(availability_hear, NULL);
    Telling t = { .count = 300, .type = "reservation.created", .user = anna, .event = s.event };
    must(write_tx(&cx, (Lane){ 0 }, tell, &t));
    passes(&cx);
    must(availability_pass(&cx, take_numbers, &got, &n));
    must(n == 1 && got.n == 1 && uuid_is(got.event.v, s.event.v));
    must(str_is(got.data, str_fmt(mem, "{\"eventId\":\"%s\",\"types\":[{\"id\":\"%s\","
        "\"available\":7,\"held\":2,\"sold\":1}]}", str_z(mem, uuid_str(mem, s.event.v)),
        str_z(mem, uuid_str(mem, s.type)))));
    must(availability_pass(&cx, take_numbers, &got, &n) && n == 0 && got.n == 1);
    closed(&cx);
}

TEST(only_what_changes_stock_asks_for_numbers)
{
    static const struct { const char *type; isize n; } rows[] = {
        { "reservation.expired", 1 }, { "order.failed", 1 }, { "ticket.refunded", 1 },
        { "ticket.used", 0 }, { "event.published", 0 } };
    Ctx cx = opened();
    Sale s = sale(&cx);
    Numbers got = { 0 };

    started(&cx);
    bus_subscribe(availability_hear, NULL);
    for (isize i = 0; i < countof(rows); i++) {
        Telling t = { .count = 1, .type = rows[i].type, .user = anna, .event = s.event };
        isize n;
        must(write_tx(&cx, (Lane){ 0 }, tell, &t));
        passes(&cx);
        must(availability_pass(&cx, take_numbers, &got, &n) && n == rows[i].n);
    }
    closed(&cx);
}
