/* bus_test.c - what every bus must do, asked of each in the list: the embedded one says
 * what is meant, NATS must agree. */
#include "base/metric.h"
#include "unit/with_nats.h"
#include <pthread.h>
#include <stdatomic.h>

enum { MANY = 5000 };

static const char *const urls[] = { "embedded:", "nats" };

/* Opens the i-th; false: it is not to be had here. */
static bool opened(isize i, Ctx *cx)
{
    BusConfig config = { str_of(urls[i]), hours(24), 64 << 20, { 10 } };
    Str why = { 0 };

    if (i > 0) {
        if (!nats_there())
            return false;
        nats_wipe();
        config.url = str_of(nats_url());
    }
    if (!bus_open(mem, &config, &why))
        must_failed(str_z(mem, why), __FILE__, __LINE__);
    *cx = ctx_new(mem, TENANT_DEFAULT);
    return true;
}
#define EACH_BUS(cx) for (isize i_ = 0; i_ < countof(urls); i_++) if (opened(i_, (cx)))

static void begun(void)
{
    bus_begin(0);
    must(settles(0));
}

static Message message(i64 id)
{
    return (Message){ .id = id, .tenant = TENANT_DEFAULT, .user = { { { 5 } } },
                      .event = { { { 6 } } }, .type = S("order.paid"),
                      .data = S("{\"orderId\":1}"), .at = { 1000 + id } };
}

static bool publish(Ctx *cx, i64 from, i64 to)
{
    Message *m = make(cx->mem, Message, to - from + 1);

    for (i64 id = from; id <= to; id++)
        m[id - from] = message(id);
    return bus_publish(cx, m, to - from + 1);
}

typedef struct Heard { i64 ids[2 * MANY]; isize n; bool odd; } Heard;

static void hear(const Message *m, void *arg)
{
    Heard *h = arg;
    Message like = message(m->id);

    h->odd |= !uuid_is(m->tenant.v, like.tenant.v) || !uuid_is(m->user.v, like.user.v) ||
              !uuid_is(m->event.v, like.event.v) || !str_is(m->type, like.type) ||
              !str_is(m->data, like.data) || m->at.ms != like.at.ms;
    must(h->n < countof(h->ids));
    h->ids[h->n++] = m->id;
}

static bool is_sequence(const Heard *h, i64 from, i64 to)
{
    for (isize i = 0; i < h->n; i++)
        if (h->ids[i] != from + i)
            return false;
    return h->n == to - from + 1 && !h->odd;
}

TEST(every_subscriber_hears_every_message_whole_and_in_order)
{
    Ctx cx;
    EACH_BUS(&cx) {
        static Heard a, b;
        i64 published = metric_get(METRIC_BUS_PUBLISHED), told = metric_get(METRIC_BUS_HEARD);
        a.n = b.n = 0;
        bus_subscribe(hear, &a);
        bus_subscribe(hear, &b);
        begun();
        for (i64 id = 1; id <= MANY; id += 500)
            must(publish(&cx, id, id + 499));
        must(settles(MANY));
        must(is_sequence(&a, 1, MANY) && is_sequence(&b, 1, MANY));
        must(metric_get(METRIC_BUS_PUBLISHED) == published + MANY);
        must(metric_get(METRIC_BUS_HEARD) == told + MANY);
        for (int i = 0; i < 20000 && bus_state() == BUS_AWAY; i++)
            usleep(5000);
        must(bus_state() == BUS_UP && metric_get(METRIC_BUS_UP) == 1);
        must(bus_answers(&cx));
        bus_close();
    }
}

TEST(who_comes_late_hears_only_what_follows)
{
    Ctx cx;
    EACH_BUS(&cx) {
        Heard a = { 0 };
        begun();
        must(publish(&cx, 1, 1) && settles(1));
        bus_subscribe(hear, &a);
        must(publish(&cx, 2, 2) && settles(2));
        must(is_sequence(&a, 2, 2));
        bus_close();
    }
}

TEST(who_left_hears_nothing_and_the_others_still_do)
{
    Ctx cx;
    EACH_BUS(&cx) {
        Heard a = { 0 }, b = { 0 };
        Subscription s = bus_subscribe(hear, &a);
        bus_subscribe(hear, &b);
        bus_unsubscribe(s);
        begun();
        must(publish(&cx, 1, 1) && settles(1));
        must(a.n == 0 && b.n == 1);
        bus_close();
    }
}

TEST(the_same_id_twice_is_one_message)
{
    Ctx cx;
    EACH_BUS(&cx) {
        Heard a = { 0 };
        bus_subscribe(hear, &a);
        begun();
        must(publish(&cx, 1, 3) && publish(&cx, 2, 3) && publish(&cx, 4, 4));
        must(settles(4) && is_sequence(&a, 1, 4));
        bus_close();
    }
}

TEST(before_it_has_begun_nobody_knows_where_a_stream_would_begin)
{
    Ctx cx;
    EACH_BUS(&cx) {
        must(bus_heard() == -1);
        begun();
        must(bus_heard() == 0);
        bus_close();
    }
}

/* ---- leaving while messages fly ---- */

typedef struct Flight { _Atomic bool stop, gone; _Atomic i64 calls, late; } Flight;

static void slow(const Message *m, void *arg)
{
    Flight *f = arg;

    (void)m;
    f->calls++;
    usleep(200);
    f->late += f->gone;
}

static void *publisher(void *arg)
{
    Flight *f = arg;
    Arena own = { 0 };

    for (i64 id = 1; !f->stop; id++) {
        Ctx cx = ctx_new(&own, TENANT_DEFAULT);
        must(publish(&cx, id, id));
        arena_reset(&own, 4096);
    }
    arena_close(&own);
    return NULL;
}

TEST(when_unsubscribe_returns_the_subscriber_is_not_running)
{
    Ctx cx;
    EACH_BUS(&cx) {
        Flight f = { 0 };
        pthread_t thread;
        begun();
        must(pthread_create(&thread, NULL, publisher, &f) == 0);
        for (int round = 0; round < 50; round++) {
            i64 before_ = f.calls;
            f.gone = false;
            Subscription s = bus_subscribe(slow, &f);
            while (f.calls == before_)
                usleep(50);
            bus_unsubscribe(s);
            f.gone = true;
            must(f.late == 0);
        }
        f.stop = true;
        pthread_join(thread, NULL);
        must(f.late == 0);
        bus_close();
    }
}

/* ---- names ---- */

TEST(a_persons_message_is_told_to_him_alone_and_others_to_who_watches_the_event)
{
    Message m = message(1);

    must(str_is(subject_of(mem, &m), S("events.00000000-0000-0000-0000-000000000001."
                                       "05000000-0000-0000-0000-000000000000")));
    m.user = (UserId){ { { 0 } } };
    must(str_is(subject_of(mem, &m), S("events.00000000-0000-0000-0000-000000000001.event."
                                       "06000000-0000-0000-0000-000000000000")));
    m.event = (EventId){ { { 0 } } };
    must(subject_of(mem, &m).at == NULL);
}

static bool refused(const char *url, const char *because)
{
    BusConfig config = { str_of(url), hours(24), 1 << 20, { 1 } };
    Str why = { 0 };

    return !bus_open(mem, &config, &why) && str_has(why, str_of(because));
}

TEST(an_unknown_bus_stops_the_start)
{
    must(refused("pigeon:coop", "no bus speaks pigeon:"));
    must(refused("embedded:x", "takes no address"));
    must(refused("nats:", "write nats://HOST:PORT"));
    must(refused("nats://h:1?ca=x", "tls://HOST:PORT?ca=FILE"));
    must(refused("tls://127.0.0.1:1?ca=/nowhere", "can't be used"));
}

TEST(a_start_without_nats_says_where_it_looked_and_shows_no_password)
{
    const char *url = str_z(mem, str_fmt(mem, "nats://door:hunter2@127.0.0.1:%d", free_port()));

    must(refused(url, "127.0.0.1:"));
    must(!refused(url, "hunter2"));
}

/* ---- NATS: what was missed ---- */

static const UserId anna = { { { 2 } } }, ben = { { { 3 } } };
static const TenantId elsewhere = { { { 9 } } };
static const EventId concert = { { { 7 } } };

/* Ids 10, 13, 16 ...: every third is Anna's, every third about the concert, every third
 * Ben's; Anna's namesake at another organiser hears the fourth kind. */
static Message mixed(i64 n)
{
    Message m = message(10 + 3 * n);

    m.event = concert;
    m.user = n % 4 == 0 ? anna : n % 4 == 1 ? (UserId){ { { 0 } } } : n % 4 == 2 ? ben : anna;
    if (n % 4 == 3)
        m.tenant = elsewhere;
    return m;
}

static void publish_mixed(Ctx *cx, i64 from, i64 to)
{
    for (i64 n = from; n <= to; n++) {
        Message m = mixed(n);
        must(bus_publish(cx, &m, 1));
    }
}

static BusWish wish_of(i64 after, i64 upto, bool watches)
{
    BusWish w = { .after = after, .upto = upto, .most = 1000 };

    w.subjects[w.count++] = subject_user(mem, TENANT_DEFAULT, anna);
    if (watches)
        w.subjects[w.count++] = subject_event(mem, TENANT_DEFAULT, concert);
    return w;
}

/* What Anna has missed after n of 200, up to m. */
static void must_replay(Ctx *cx, i64 after, i64 upto, bool watches)
{
    BusWish w = wish_of(after, upto, watches);
    Message *rows;
    isize count, k = 0;

    must(bus_replay(cx, &w, &rows, &count));
    for (i64 n = 0; n < 200; n++) {
        Message m = mixed(n);
        if (m.id <= after || m.id > upto || !(n % 4 == 0 || (watches && n % 4 == 1)))
            continue;
        must(k < count && rows[k].id == m.id && uuid_is(rows[k].user.v, m.user.v));
        must(uuid_is(rows[k].tenant.v, m.tenant.v) && str_is(rows[k].data, m.data));
        k++;
    }
    must(k == count);
}

TEST(what_was_missed_is_told_again_exactly_and_nothing_of_others)
{
    static const i64 afters[] = { 10, 11, 12, 13, 300, 301, 302, 604, 606, 607 };
    Ctx cx;
    EACH_BUS(&cx) {
        Message *rows;
        isize count;
        begun();
        publish_mixed(&cx, 0, 199);
        must(settles(607));
        BusWish all = wish_of(12, 607, true);
        if (!bus_keeps()) {
            must(!bus_replay(&cx, &all, &rows, &count) && cx.fault.code == OK);
        } else {
            for (isize i = 0; i < countof(afters); i++) {
                must_replay(&cx, afters[i], 607, true);
                must_replay(&cx, afters[i], 607, false);
                must_replay(&cx, afters[i], 400, true);
            }
            all.most = 5;
            must(bus_replay(&cx, &all, &rows, &count) && count == 5 && rows[4].id == 37);
        }
        bus_close();
    }
}

TEST(a_bus_that_lacks_the_beginning_says_that_it_cant_say)
{
    Ctx cx;

    if (!opened(1, &cx))
        return;
    BusWish w = wish_of(9, 607, false);
    Message *rows;
    isize count;
    begun();
    must(!bus_replay(&cx, &w, &rows, &count));    /* nothing was heard yet    */
    publish_mixed(&cx, 0, 199);
    must(settles(607));
    must(!bus_replay(&cx, &w, &rows, &count));    /* 9 is older than all it has */
    w.after = 301;
    must(bus_replay(&cx, &w, &rows, &count));

    RawNats raw = nats_raw(nats_url());
    jsOptions o;
    jsOptions_Init(&o);
    o.Stream.Purge.Keep = 20;
    must(js_PurgeStream(raw.js, "EVENTS", &o, NULL) == NATS_OK);
    must(!bus_replay(&cx, &w, &rows, &count));
    w.after = 604;
    must(bus_replay(&cx, &w, &rows, &count));
    nats_raw_close(&raw);
    bus_close();
}

/* ---- NATS: the fence ---- */

/* What another relay does that holds the lease now. */
static void publish_raw(RawNats *raw, i64 id, const char *expected)
{
    Message like = message(id);
    natsMsg *msg = NULL;

    must(natsMsg_Create(&msg, str_z(mem, subject_of(mem, &like)), NULL, like.data.at,
                        (int)like.data.len) == NATS_OK);
    must(natsMsgHeader_Set(msg, "Nats-Msg-Id", str_z(mem, str_fmt(mem, "%jd", (intmax_t)id))) ==
         NATS_OK);
    if (expected != NULL)
        must(natsMsgHeader_Set(msg, "Nats-Expected-Last-Sequence", expected) == NATS_OK);
    must(natsMsgHeader_Set(msg, "Type", "order.paid") == NATS_OK);
    must(natsMsgHeader_Set(msg, "Event", "06000000-0000-0000-0000-000000000000") == NATS_OK);
    Buf at = buf_in(mem, 32);
    time_write(&at, like.at);
    must(natsMsgHeader_Set(msg, "At", str_z(mem, buf_str(&at))) == NATS_OK);
    must(js_PublishMsg(NULL, raw->js, msg, NULL, NULL) == NATS_OK);
    natsMsg_Destroy(msg);
}

/* A stream that forgets ids after a tenth of a second, so that only the fence guards. */
static void make_forgetful(RawNats *raw)
{
    const char *subjects[] = { "events.>" };
    jsStreamConfig c;

    jsStreamConfig_Init(&c);
    c.Name = "EVENTS";
    c.Subjects = subjects;
    c.SubjectsLen = 1;
    c.Duplicates = 100000000;
    must(js_AddStream(NULL, raw->js, &c, NULL, NULL) == NATS_OK);
}

static i64 stream_length(RawNats *raw)
{
    jsStreamInfo *si = NULL;

    must(js_GetStreamInfo(&si, raw->js, "EVENTS", NULL, NULL) == NATS_OK);
    i64 n = (i64)si->State.Msgs;
    jsStreamInfo_Destroy(si);
    return n;
}

TEST(a_publisher_that_stood_still_while_another_relayed_gets_nothing_in)
{
    static Heard h;
    Ctx cx;
    i64 last;

    if (!nats_there())
        return;
    nats_wipe();
    RawNats raw = nats_raw(nats_url());
    make_forgetful(&raw);
    Str why;
    must(bus_open(mem, &(BusConfig){ str_of(nats_url()), hours(24), 1 << 20, { 10 } }, &why));
    cx = ctx_new(mem, TENANT_DEFAULT);
    h.n = 0;
    bus_subscribe(hear, &h);
    begun();
    i64 refusals = metric_get(METRIC_BUS_REFUSED), repeats = metric_get(METRIC_BUS_REPEATED);
    must(publish(&cx, 1, 10));
    for (i64 id = 11; id <= 20; id++)
        publish_raw(&raw, id, NULL);
    must(settles(20));
    usleep(300000);                               /* the window is over       */
    must(!publish(&cx, 11, 15) && cx.fault.code == BUSY);
    must(stream_length(&raw) == 20 && metric_get(METRIC_BUS_REFUSED) == refusals + 1);
    fault_clear(&cx);
    must(bus_last(&cx, &last) && last == 20);
    must(publish(&cx, 21, 22) && settles(22) && is_sequence(&h, 1, 22));

    publish_raw(&raw, 11, NULL);                  /* the control: without a fence it gets in */
    must(stream_length(&raw) == 23);
    usleep(100000);
    must(is_sequence(&h, 1, 22) && metric_get(METRIC_BUS_REPEATED) == repeats + 1);
    bus_close();
    nats_raw_close(&raw);
}

TEST(a_publisher_that_is_behind_within_the_window_catches_up_without_repeating)
{
    static Heard h;
    Ctx cx;

    if (!opened(1, &cx))
        return;
    RawNats raw = nats_raw(nats_url());
    h.n = 0;
    bus_subscribe(hear, &h);
    begun();
    must(publish(&cx, 1, 10));
    for (i64 id = 11; id <= 20; id++)
        publish_raw(&raw, id, NULL);
    must(publish(&cx, 11, 30) && settles(30));
    must(stream_length(&raw) == 30 && is_sequence(&h, 1, 30));
    bus_close();
    nats_raw_close(&raw);
}

/* As the relay does it: what is not taken is asked for and told again. */
static void relay_until(Ctx *cx, i64 most)
{
    for (i64 last = -1; last < most;) {
        Arena own = { 0 };
        Ctx one = ctx_new(&own, cx->tenant);
        if (last < 0 && !bus_last(&one, &last))
            usleep(20000);
        else if (last >= 0) {
            i64 to = last + 100 < most ? last + 100 : most;
            last = publish(&one, last + 1, to) ? to : -1;
        }
        arena_close(&own);
    }
}

/* Server 2.9 forgets the last message's id here; the fence must not. */
TEST(after_a_quiet_time_and_a_restart_publishing_goes_on)
{
    Ctx cx;
    Str why;

    if (!nats_there())
        return;
    OwnNats own = nats_own();
    RawNats raw = nats_raw(own.url);
    make_forgetful(&raw);
    nats_raw_close(&raw);
    must(bus_open(mem, &(BusConfig){ str_of(own.url), hours(24), 1 << 20, { 10 } }, &why));
    cx = ctx_new(mem, TENANT_DEFAULT);
    must(publish(&cx, 1, 10));
    usleep(300000);
    nats_kill(&own);
    nats_again(&own);
    relay_until(&cx, 12);
    bus_close();
    nats_kill(&own);
}

/* ---- NATS dies ---- */

static void *relay_many(void *arg)
{
    relay_until(arg, 2 * MANY);
    return NULL;
}

TEST(a_server_that_is_killed_loses_and_repeats_nothing)
{
    static Heard h;
    pthread_t thread;
    Str why;

    if (!nats_there())
        return;
    OwnNats own = nats_own();
    must(bus_open(mem, &(BusConfig){ str_of(own.url), hours(24), 64 << 20, { 10 } }, &why));
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    h.n = 0;
    bus_subscribe(hear, &h);
    begun();
    i64 outages = metric_get(METRIC_BUS_OUTAGES), attached = metric_get(METRIC_BUS_ATTACHED);
    must(pthread_create(&thread, NULL, relay_many, &cx) == 0);
    for (int round = 0; round < 3; round++) {
        for (i64 heard = bus_heard(); bus_heard() < heard + 500 && bus_heard() < 2 * MANY;)
            usleep(1000);
        nats_kill(&own);
        must(bus_heard() <= 2 * MANY);
        usleep(100000);
        must(bus_state() == BUS_AWAY);
        nats_again(&own);
    }
    pthread_join(thread, NULL);
    must(settles(2 * MANY) && is_sequence(&h, 1, 2 * MANY));
    must(metric_get(METRIC_BUS_OUTAGES) == outages + 3);
    for (int i = 0; i < 20000 && metric_get(METRIC_BUS_ATTACHED) < attached + 3; i++)
        usleep(10000);
    must(metric_get(METRIC_BUS_ATTACHED) >= attached + 3);
    bus_close();
    nats_kill(&own);
}

TEST(a_server_that_comes_back_empty_is_filled_again_and_nobody_hears_twice)
{
    static Heard h;
    Str why;

    if (!nats_there())
        return;
    OwnNats own = nats_own();
    must(bus_open(mem, &(BusConfig){ str_of(own.url), hours(24), 1 << 20, { 10 } }, &why));
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    h.n = 0;
    bus_subscribe(hear, &h);
    begun();
    relay_until(&cx, 300);
    must(settles(300));
    nats_kill(&own);
    must(system(str_z(mem, str_fmt(mem, "rm -rf '%s'", own.folder))) == 0);
    nats_again(&own);
    relay_until(&cx, 400);
    must(settles(400) && is_sequence(&h, 1, 400));
    BusWish w = wish_of(1, 400, false);
    w.subjects[0] = subject_user(mem, TENANT_DEFAULT, message(1).user);
    Message *rows;
    isize count;
    must(bus_replay(&cx, &w, &rows, &count) && count == 399);
    bus_close();
    nats_kill(&own);
}

TEST(while_nats_is_away_publishing_says_busy_at_once)
{
    Str why;

    if (!nats_there())
        return;
    OwnNats own = nats_own();
    must(bus_open(mem, &(BusConfig){ str_of(own.url), hours(24), 1 << 20, { 10 } }, &why));
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    begun();
    must(publish(&cx, 1, 5) && settles(5));
    nats_kill(&own);
    usleep(100000);
    Mono at = mono_now();
    BusWish w = wish_of(1, 5, false);
    Message *rows;
    isize count;
    must(!publish(&cx, 6, 6) && cx.fault.code == BUSY);
    must(!bus_replay(&cx, &w, &rows, &count));
    must(mono_us(at, mono_now()) < 5000000);      /* and not as long as work may last */
    bus_close();
}

/* ---- who may come in ---- */

static void with_password(OwnNats *o, const char *password)
{
    o->more[0] = "--user";
    o->more[1] = "door";
    o->more[2] = "--pass";
    o->more[3] = password;
}

/* The library gives up for good when it is refused twice. */
TEST(a_server_that_refuses_us_for_a_while_is_found_again)
{
    static Heard h;
    Str why;

    if (!nats_there())
        return;
    OwnNats own = nats_planned();
    with_password(&own, "right");
    nats_again(&own);
    Str url = str_fmt(mem, "nats://door:right@127.0.0.1:%d", own.port);
    must(bus_open(mem, &(BusConfig){ url, hours(24), 1 << 20, { 10 } }, &why));
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    h.n = 0;
    bus_subscribe(hear, &h);
    begun();
    must(publish(&cx, 1, 5) && settles(5));
    nats_kill(&own);
    with_password(&own, "wrong");
    nats_again(&own);
    usleep(1500000);
    must(bus_state() == BUS_AWAY);
    nats_kill(&own);
    with_password(&own, "right");
    nats_again(&own);
    relay_until(&cx, 50);
    must(settles(50) && is_sequence(&h, 1, 50) && bus_state() == BUS_UP);
    bus_close();
    nats_kill(&own);
}

TEST(a_wrong_password_is_not_tried_again)
{
    if (!nats_there())
        return;
    OwnNats own = nats_planned();
    with_password(&own, "right");
    nats_again(&own);
    BusConfig config = { str_fmt(mem, "nats://door:hunter2@127.0.0.1:%d", own.port), hours(24),
                         1 << 20, seconds(60) };
    Str why = { 0 };
    must(!bus_open(mem, &config, &why) && str_has(why, S("Authorization Violation")));
    must(!str_has(why, S("hunter2")));
    nats_kill(&own);
}

/* A certificate for localhost, signed by itself. */
static void make_certificate(const char *cert, const char *key)
{
    must(system(str_z(mem, str_fmt(mem, "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -batch"
                                   " -subj /CN=localhost -addext subjectAltName=DNS:localhost"
                                   " -out '%s' -keyout '%s' 2> /dev/null", cert, key))) == 0);
}

TEST(under_tls_only_a_verified_server_of_the_right_name_is_spoken_to)
{
    Str why;

    if (!nats_there())
        return;
    const char *cert = temp_path("nats.pem"), *key = temp_path("nats.key");
    make_certificate(cert, key);
    OwnNats own = nats_planned(), plain = nats_own();
    own.more[0] = "--tls";
    own.more[1] = "--tlscert";
    own.more[2] = cert;
    own.more[3] = "--tlskey";
    own.more[4] = key;
    nats_again(&own);
    BusConfig good = { str_fmt(mem, "tls://localhost:%d?ca=%s", own.port, cert), hours(24),
                       1 << 20, { 1 } };
    must(bus_open(mem, &good, &why));
    bus_close();
    must(refused(str_z(mem, str_fmt(mem, "tls://localhost:%d", own.port)), "certificate"));
    must(refused(str_z(mem, str_fmt(mem, "tls://127.0.0.1:%d?ca=%s", own.port, cert)), "mismatch"));
    must(refused(str_z(mem, str_fmt(mem, "tls://127.0.0.1:%d?ca=%s", plain.port, cert)), "ecure"));
    nats_kill(&own);
    nats_kill(&plain);
}
