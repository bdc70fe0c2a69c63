/* bus_test.c - what every bus must do, asked of each in the list. */
#include "bus/bus.h"
#include "unit/test.h"
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static const char *const urls[] = { "embedded:" };
#define EACH_BUS(i) for (isize i = 0; i < countof(urls); i++)

static Ctx opened(isize i)
{
    Str why = { 0 };

    must(bus_open(mem, &(BusConfig){ str_of(urls[i]) }, &why));
    return ctx_new(mem, TENANT_DEFAULT);
}

static Message message(i64 id)
{
    return (Message){ .id = id, .tenant = TENANT_DEFAULT, .user = { { { 5 } } },
                      .event = { { { 6 } } }, .type = S("order.paid"),
                      .data = S("{\"orderId\":1}"), .at = { 1000 + id } };
}

typedef struct Heard { i64 ids[1000]; isize n; bool whole; } Heard;

static void hear(const Message *m, void *arg)
{
    Heard *h = arg;
    Message like = message(m->id);

    h->whole = uuid_is(m->tenant.v, like.tenant.v) && uuid_is(m->user.v, like.user.v) &&
               uuid_is(m->event.v, like.event.v) && str_is(m->type, like.type) &&
               str_is(m->data, like.data) && m->at.ms == like.at.ms;
    h->ids[h->n++] = m->id;
}

TEST(every_subscriber_hears_every_message_whole_and_in_order)
{
    EACH_BUS(i) {
        Ctx cx = opened(i);
        Heard a = { 0 }, b = { 0 };
        bus_subscribe(hear, &a);
        bus_subscribe(hear, &b);
        for (i64 id = 1; id <= 1000; id++) {
            Message m = message(id);
            must(bus_publish(&cx, &m));
        }
        must(a.n == 1000 && b.n == 1000 && a.whole && b.whole);
        for (isize k = 0; k < 1000; k++)
            must(a.ids[k] == k + 1 && b.ids[k] == k + 1);
        bus_close();
    }
}

TEST(who_comes_late_hears_only_what_follows)
{
    EACH_BUS(i) {
        Ctx cx = opened(i);
        Heard a = { 0 };
        Message one = message(1), two = message(2);
        must(bus_publish(&cx, &one));
        bus_subscribe(hear, &a);
        must(bus_publish(&cx, &two));
        must(a.n == 1 && a.ids[0] == 2);
        bus_close();
    }
}

TEST(who_left_hears_nothing_and_the_others_still_do)
{
    EACH_BUS(i) {
        Ctx cx = opened(i);
        Heard a = { 0 }, b = { 0 };
        Message m = message(1);
        Subscription s = bus_subscribe(hear, &a);
        bus_subscribe(hear, &b);
        bus_unsubscribe(s);
        must(bus_publish(&cx, &m));
        must(a.n == 0 && b.n == 1);
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
    Ctx cx = ctx_new(&own, TENANT_DEFAULT);

    for (i64 id = 1; !f->stop; id++) {
        Message m = message(id);
        must(bus_publish(&cx, &m));
    }
    arena_close(&own);
    return NULL;
}

TEST(when_unsubscribe_returns_the_subscriber_is_not_running)
{
    EACH_BUS(i) {
        Flight f = { 0 };
        pthread_t thread;
        opened(i);
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

TEST(an_unknown_bus_stops_the_start)
{
    Str why = { 0 };

    must(!bus_open(mem, &(BusConfig){ S("pigeon:coop") }, &why) && why.len > 0);
    must(!bus_open(mem, &(BusConfig){ S("embedded:x") }, &why));
}
