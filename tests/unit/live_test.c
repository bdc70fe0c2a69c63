/* live_test.c - the stream from outside: a real server, a socket, and what comes. */
#include "gateway/gateway.h"
#include "gateway/live_http.h"
#include "gateway/live_missed.h"
#include "kv/kv.h"
#include "net/server.h"
#include "net/stream.h"
#include "store/outbox.h"
#include "unit/with_nats.h"
#include "unit/with_store.h"
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const UserId anna = { { { 2 } } }, ben = { { { 3 } } };

/* ---- the server: "x-user: anna" is all the guard there is ---- */

static const Route table[] = {
    { .method = M_GET, .path = "/events/stream", .status = 200, .run = live_stream, .is = STREAM },
    { .method = M_POST, .path = "/events/token", .status = 200, .run = live_token,
      .out = &stream_token_shape },
};

static void refuse(Ctx *cx, Req *rq)
{
    const FaultFacts *f = fault_facts(cx->fault.code);
    reply_json(rq, f->status, str_fmt(cx->mem, "{\"code\":\"%s\"}", f->code));
}

static void serve(Ctx *cx, Req *rq)
{
    Str user = req_header(rq, S("x-user"));

    cx->tenant = TENANT_DEFAULT;
    if (user.len > 0)
        cx->who = (Who){ .user = str_is(user, S("anna")) ? anna : ben, .role = CUSTOMER };
    if (!rq->route->run(cx, rq))
        refuse(cx, rq);
}

static void done(Ctx *cx, const Req *rq, i64 us) { (void)cx, (void)rq, (void)us; }

typedef struct House { Ctx cx; Server *server; Router *router; i64 per_user; } House;

static void gateway_on(House *h)
{
    Str why = { 0 };
    must(gateway_open(mem, &(GatewayConfig){ h->server, h->per_user, hours(24), S(""), 100, 5 }, &why));
}

static House opened_without_gateway(const char *nats)
{
    static ServerHooks hooks;
    House h = { .cx = with_store(), .router = router_open(table, countof(table)), .per_user = 5 };
    ServerConfig config = server_defaults();
    Str why = { 0 };

    hooks = (ServerHooks){ h.router, serve, refuse, done };
    config.host = S("127.0.0.1");
    config.port = 0;
    config.io_threads = 2;
    config.workers = 4;
    if (nats == NULL)
        with_bus();
    else
        must(bus_open(mem, &(BusConfig){ str_of(nats), hours(24), 1 << 20, { 10 } }, &why));
    must(kv_open(mem, &(KvConfig){ .url = S("embedded:") }, &why));
    h.server = server_open(&config, &hooks, mem, &why);
    must(h.server != NULL);
    return h;
}

static House opened_on(const char *nats)
{
    House h = opened_without_gateway(nats);

    gateway_on(&h);
    for (int i = 0; i < 20000 && bus_heard() < 0; i++)
        usleep(1000);
    return h;
}

static House opened(void) { return opened_on(NULL); }

static void closed(House *h)
{
    server_drain(h->server, seconds(2));
    gateway_close();
    server_close(h->server);
    router_close(h->router);
    bus_close();
    kv_close();
    store_close();
}

/* ---- a client ---- */

typedef struct Client { int fd; char text[1 << 18]; isize len; } Client;

static Client *ask(const House *h, const char *method, const char *target, const char *headers)
{
    Client *c = make(mem, Client, 1);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons((u16)server_port(h->server)) };
    Str head = str_fmt(mem, "%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: 0\r\n\r\n", method,
                       target, headers);

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    must(connect(c->fd, (struct sockaddr *)&to, sizeof to) == 0);
    must(send(c->fd, head.at, (size_t)head.len, 0) == head.len);
    return c;
}

/* Reads until `what` has come, or a minute has passed. */
static bool comes(Client *c, const char *what)
{
    Mono until = mono_after(mono_now(), seconds(60));

    while (strstr(c->text, what) == NULL && mono_now().ns < until.ns) {
        struct pollfd p = { c->fd, POLLIN, 0 };
        if (poll(&p, 1, 50) <= 0)
            continue;
        isize n = recv(c->fd, c->text + c->len, sizeof c->text - 1 - (size_t)c->len, 0);
        if (n <= 0)
            break;
        c->len += n;
    }
    return strstr(c->text, what) != NULL;
}

/* Whether the server ends it within half a minute; what comes before that is read. */
static bool ends(Client *c)
{
    Mono until = mono_after(mono_now(), seconds(30));

    while (mono_now().ns < until.ns) {
        struct pollfd p = { c->fd, POLLIN, 0 };
        if (poll(&p, 1, 50) <= 0)
            continue;
        isize n = recv(c->fd, c->text + c->len, sizeof c->text - 1 - (size_t)c->len, 0);
        if (n <= 0)
            return true;
        c->len += n;
    }
    return false;
}

static isize times(const Client *c, const char *what)
{
    isize n = 0;

    for (const char *at = c->text; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

static i64 last_id(const Client *c)
{
    i64 id = 0;

    for (const char *at = c->text; (at = strstr(at, "id: ")) != NULL; at += 4) {
        Str digits = { at + 4, (isize)strspn(at + 4, "0123456789") };
        must(str_int(digits, &id));
    }
    return id;
}

static const char *resume(i64 id)
{
    return str_z(mem, str_fmt(mem, "x-user: anna\r\nLast-Event-ID: %jd\r\n", (intmax_t)id));
}

static void leave(Client *c) { close(c->fd); }

/* ---- what happens ---- */

typedef struct { UserId user; EventId event; const char *type; int count, from; } Telling;

static bool tell(Ctx *cx, void *arg)
{
    Telling *t = arg;

    for (int i = 0; i < t->count; i++)
        if (!outbox_tell(cx, t->user, t->event, t->type,
                         str_fmt(cx->mem, "{\"n\": %d}", t->from + i)))
            return false;
    return true;
}

static void told(House *h, UserId user, int from, int count)
{
    Telling t = { user, { { { 0 } } }, "order.paid", count, from };

    h->cx.deadline = mono_after(mono_now(), seconds(30));    /* each is work of its own */
    must(write_tx(&h->cx, (Lane){ 0 }, tell, &t));
}

TEST(before_the_relay_has_begun_a_stream_is_told_to_come_again)
{
    House h = opened_without_gateway(NULL);
    Client *early = ask(&h, "GET", "/events/stream", resume(0));

    must(comes(early, "BUSY"));
    gateway_on(&h);
    must(settles(0));
    Client *c = ask(&h, "GET", "/events/stream", resume(0));
    must(comes(c, "event: connected"));
    leave(early);
    leave(c);
    closed(&h);
}

TEST(a_stream_begins_with_connected_and_goes_on_with_what_happens_to_its_person)
{
    House h = opened();
    Client *c = ask(&h, "GET", "/events/stream", "x-user: anna\r\n");

    must(comes(c, "event: connected") && comes(c, "\n\n") && comes(c, "\"timestamp\""));
    must(strstr(c->text, "retry: 30000") != NULL && strstr(c->text, "clientId") != NULL);
    told(&h, ben, 100, 1);
    told(&h, anna, 1, 3);
    must(comes(c, "{\"n\": 3}"));
    must(times(c, "event: order.paid") == 3 && times(c, "{\"n\": 100}") == 0);
    leave(c);
    closed(&h);
}

TEST(a_stream_that_comes_back_misses_nothing_and_sees_nothing_twice)
{
    House h = opened();
    Client *c = ask(&h, "GET", "/events/stream", "x-user: anna\r\n");

    must(comes(c, "event: connected") && comes(c, "clientId"));
    told(&h, anna, 1, 1);
    must(comes(c, "{\"n\": 1}"));
    i64 id = last_id(c);
    leave(c);
    told(&h, anna, 2, 20);
    usleep(100000);
    c = ask(&h, "GET", "/events/stream", resume(id));
    must(comes(c, "{\"n\": 21}"));
    told(&h, anna, 22, 1);
    must(comes(c, "{\"n\": 22}"));
    must(times(c, "event: order.paid") == 21 && times(c, "{\"n\": 1}") == 0);
    must(times(c, "event: gap") == 0);
    leave(c);
    closed(&h);
}

/* The relay is held up at its first row while the outbox grows and a stream comes
 * back: what it gets from the outbox must not come again from the relay. */
static _Atomic bool held;

static void hold(const Message *m, void *arg)
{
    (void)m, (void)arg;
    while (held)
        usleep(1000);
}

TEST(a_relay_that_is_behind_makes_nothing_come_twice)
{
    House h = opened();

    bus_subscribe(hold, NULL);
    held = true;
    told(&h, anna, 1, 6);
    usleep(50000);
    Client *c = ask(&h, "GET", "/events/stream", resume(0));
    must(comes(c, "event: connected") && comes(c, "clientId"));
    held = false;
    told(&h, anna, 7, 1);
    must(comes(c, "{\"n\": 7}"));
    must(times(c, "event: order.paid") == 7 && times(c, "event: gap") == 0);
    leave(c);
    closed(&h);
}

/* ---- a crowd of returns while news pours in ---- */

static _Atomic bool pouring;
static _Atomic int followed;                      /* so that nobody falls behind MISSED_ROWS */

static void *pour(void *arg)
{
    Arena own = { 0 };
    Ctx cx = ctx_new(&own, TENANT_DEFAULT);

    (void)arg;
    for (int i = 1; pouring; i++) {
        while (pouring && i - followed > MISSED_ROWS / 2)
            usleep(1000);
        Telling t = { anna, { { { 0 } } }, "order.paid", 1, i };
        cx.deadline = mono_after(mono_now(), seconds(30));
        must(write_tx(&cx, (Lane){ 0 }, tell, &t));
        arena_reset(&own, 4096);
    }
    arena_close(&own);
    return NULL;
}

/* Reads whole frames of one visit: each tiding's number is one more than the last. */
static int follow(const Client *c, int n)
{
    const char *end = c->text, *next;

    while ((next = strstr(end, "\n\n")) != NULL)
        end = next + 2;
    for (const char *at = c->text; (at = strstr(at, "{\"n\": ")) != NULL && at < end; at++) {
        int came = (int)strtol(at + 5, NULL, 10);
        must(came == n + 1);
        n = came;
    }
    return n;
}

static i64 last_whole_id(Client *c)
{
    char *end = c->text, *next;

    while ((next = strstr(end, "\n\n")) != NULL)
        end = next + 2;
    *end = '\0';
    return last_id(c);
}

TEST(however_often_it_comes_back_a_stream_is_one_sequence)
{
    House h = opened();
    pthread_t thread;
    i64 id = 0;
    int n = 0;

    followed = 0;
    pouring = true;
    must(pthread_create(&thread, NULL, pour, NULL) == 0);
    for (int visit = 0; visit < 100; visit++) {
        Client *c = ask(&h, "GET", "/events/stream", resume(id));
        must(comes(c, "event: connected") && comes(c, "event: order.paid"));
        n = followed = follow(c, n);
        id = last_whole_id(c);
        leave(c);
    }
    pouring = false;
    pthread_join(thread, NULL);
    must(n > 10);                                 /* there was something to follow */
    closed(&h);
}

/* ---- the bus dies under the streams ---- */

TEST(streams_outlive_their_bus_and_resume_without_it)
{
    if (!nats_there())
        return;
    OwnNats own = nats_own();
    House h = opened_on(own.url);
    Client *c = ask(&h, "GET", "/events/stream", "x-user: anna\r\n");

    must(comes(c, "event: connected") && comes(c, "clientId"));
    told(&h, anna, 1, 5);
    must(comes(c, "{\"n\": 5}"));
    i64 id = last_id(c);
    nats_kill(&own);
    told(&h, anna, 6, 1002);
    Client *early = ask(&h, "GET", "/events/stream", resume(id - 2));
    must(comes(early, "{\"n\": 5}") && times(early, "event: order.paid") == 2);
    nats_again(&own);
    must(comes(c, "{\"n\": 1007}") && comes(early, "{\"n\": 1007}"));
    must(follow(c, 0) == 1007 && follow(early, 3) == 1007);
    Client *late = ask(&h, "GET", "/events/stream", resume(id + 1000));
    must(comes(late, "{\"n\": 1007}") && times(late, "event: order.paid") == 2);
    must(times(c, "event: gap") + times(early, "event: gap") + times(late, "event: gap") == 0);
    leave(c), leave(early), leave(late);
    closed(&h);
    nats_kill(&own);
}

/* Reads whole frames of any size until number `upto` has come; each is one more than the
 * one before. Gives the bytes. */
static i64 swallow(const Client *c, int from, int upto)
{
    enum { WINDOW = 4 << 20 };
    char *at = make(mem, char, WINDOW + 1), *end;
    isize len = 0, all = 0;

    while (from <= upto) {
        isize n = recv(c->fd, at + len, (size_t)(WINDOW - len), 0);
        must(n > 0);
        len += n;
        all += n;
        at[len] = '\0';
        for (char *frame = at; (end = strstr(frame, "\n\n")) != NULL; frame = at) {
            char *number = strstr(frame, "{\"n\": ");
            if (number != NULL && number < end)
                must((int)strtol(number + 6, NULL, 10) == from++);
            must(strstr(frame, "event: gap") == NULL || strstr(frame, "event: gap") > end);
            memmove(at, end + 2, (size_t)(at + len - end - 2) + 1);
            len -= end + 2 - at;
        }
    }
    return all;
}

TEST(however_much_was_missed_comes_page_after_page_and_news_after_it)
{
    House h = opened();
    enum { ALL = 3 * MISSED_ROWS + 7 };

    told(&h, anna, 1, ALL);
    must(settles(ALL));
    Client *c = ask(&h, "GET", "/events/stream?lastEventId=0", "x-user: anna\r\n");
    told(&h, anna, ALL + 1, 50);
    swallow(c, 1, ALL + 50);
    told(&h, anna, ALL + 51, 1);
    swallow(c, ALL + 51, ALL + 51);
    leave(c);
    closed(&h);
}

/* More than the memory of one request (ARENA_SOFT). */
static bool tell_much(Ctx *cx, void *arg)
{
    const Telling *t = arg;
    char *pad = make(cx->mem, char, 700000);

    memset(pad, 'x', 700000);
    return outbox_tell(cx, t->user, t->event, t->type,
                       str_fmt(cx->mem, "{\"n\": %d, \"pad\": \"%.700000s\"}", t->from, pad));
}

TEST(seventeen_megabytes_that_were_missed_come_whole_and_in_order)
{
    House h = opened();

    for (int i = 1; i <= 25; i++) {
        Arena own = { 0 };
        Ctx cx = ctx_new(&own, TENANT_DEFAULT);
        Telling t = { anna, { { { 0 } } }, "order.paid", 1, i };
        must(write_tx(&cx, (Lane){ 0 }, tell_much, &t));
        arena_close(&own);
    }
    must(settles(25) || settles(25));             /* under a sanitizer that is much */
    Client *c = ask(&h, "GET", "/events/stream?lastEventId=0", "x-user: anna\r\n");
    must(swallow(c, 1, 25) > 25 * 700000);
    told(&h, anna, 26, 1);
    swallow(c, 26, 26);
    leave(c);
    closed(&h);
}

TEST(a_gap_is_told_plainly_and_the_stream_goes_on)
{
    House h = opened();
    i64 gone = 1;

    told(&h, anna, 1, 9);
    must(settles(9));
    while (gone > 0)
        must(outbox_sweep(&h.cx, later(h.cx.now, hours(1)), &gone));
    Client *c = ask(&h, "GET", "/events/stream?lastEventId=3", "x-user: anna\r\n");
    if (bus_keeps()) {                            /* it still has what is swept */
        must(comes(c, "{\"n\": 9}") && times(c, "event: order.paid") == 6);
        must(times(c, "event: gap") == 0);
    } else {
        must(comes(c, "event: gap") && comes(c, "\"lastEventId\":3,\"oldestId\":9}"));
        must(times(c, "event: order.paid") == 0);
    }
    told(&h, anna, 5000, 1);
    must(comes(c, "{\"n\": 5000}"));
    leave(c);
    c = ask(&h, "GET", "/events/stream", resume(999999));
    must(comes(c, "event: gap") && comes(c, "\"lastEventId\":999999"));
    told(&h, anna, 6000, 1);
    must(comes(c, "{\"n\": 6000}"));
    leave(c);
    c = ask(&h, "GET", "/events/stream",
            "x-user: anna\r\nLast-Event-ID: 3f2b8c1e-9d4a-4b5e-8f60-7a1c2d3e4f50\r\n");
    must(comes(c, "event: gap") && comes(c, "{\"lastEventId\":null,"));
    told(&h, anna, 7000, 1);
    must(comes(c, "{\"n\": 7000}"));
    leave(c);
    c = ask(&h, "GET", "/events/stream?lastEventId=another", "x-user: anna\r\n");
    must(comes(c, "400") && comes(c, "VALIDATION_ERROR"));
    leave(c);
    closed(&h);
}

/* Others' rows go by him who hears nothing, and are swept: he has missed none. */
TEST(who_heard_nothing_for_long_is_told_of_no_gap)
{
    House h = opened();
    i64 gone = 1;
    Client *c = ask(&h, "GET", "/events/stream", "x-user: anna\r\n");

    must(comes(c, "clientId") && last_id(c) == 0);
    leave(c);
    told(&h, ben, 1, 9);
    must(settles(9));
    c = ask(&h, "GET", "/events/stream", resume(0));
    must(comes(c, "clientId") && last_id(c) == 9);
    leave(c);
    while (gone > 0)
        must(outbox_sweep(&h.cx, later(h.cx.now, hours(1)), &gone));
    told(&h, ben, 10, 1);
    told(&h, anna, 11, 1);
    must(settles(11));
    c = ask(&h, "GET", "/events/stream", resume(9));
    must(comes(c, "{\"n\": 11}") && times(c, "event: gap") == 0);
    leave(c);
    closed(&h);
}

/* Where a stream is opened with a token of anna's. */
static const char *with_token(House *h)
{
    Client *t = ask(h, "POST", "/events/token", "x-user: anna\r\n");
    char token[64];

    must(comes(t, "\"expiresIn\":300"));
    must(sscanf(strstr(t->text, "\"token\":\""), "\"token\":\"%43[^\"]", token) == 1);
    leave(t);
    return str_z(mem, str_fmt(mem, "/events/stream?token=%s", token));
}

TEST(a_stream_token_opens_one_stream_once_and_for_its_person)
{
    House h = opened();
    const char *target = with_token(&h);
    Client *c = ask(&h, "GET", target, "");

    must(comes(c, "event: connected") && comes(c, "clientId"));
    told(&h, anna, 1, 1);
    must(comes(c, "{\"n\": 1}"));
    Client *again = ask(&h, "GET", target, "");
    must(comes(again, "401") && comes(again, "UNAUTHORIZED"));
    Client *none = ask(&h, "GET", "/events/stream", "");
    must(comes(none, "401"));
    leave(c), leave(again), leave(none);
    closed(&h);
}

TEST(a_head_spends_no_token)
{
    House h = opened();
    const char *target = with_token(&h);

    for (int i = 0; i < 2; i++) {
        Client *head = ask(&h, "HEAD", target, "");
        must(comes(head, "200 OK") && comes(head, "text/event-stream"));
        leave(head);
    }
    Client *c = ask(&h, "GET", target, "");
    must(comes(c, "event: connected"));
    leave(c);
    closed(&h);
}

TEST(a_page_of_another_origin_opens_none)
{
    House h = opened();
    Client *a = ask(&h, "GET", "/events/stream", "x-user: anna\r\nOrigin: https://evil.example\r\n");
    Client *b = ask(&h, "GET", "/events/stream", "x-user: anna\r\nOrigin: null\r\n");
    Client *c = ask(&h, "GET", "/events/stream", "x-user: anna\r\nOrigin: https://x.evil.example\r\n");
    Client *d = ask(&h, "GET", "/events/stream", "x-user: anna\r\nOrigin: https://evil.x\r\n");
    Client *own = ask(&h, "GET", "/events/stream", "x-user: anna\r\nOrigin: http://x\r\n");

    must(comes(a, "403") && comes(b, "403") && comes(c, "403") && comes(d, "403"));
    must(comes(own, "event: connected"));
    leave(a), leave(b), leave(c), leave(d), leave(own);
    closed(&h);
}

TEST(who_loses_a_role_at_a_venue_is_closed_with_the_news_of_it)
{
    House h = opened();
    Client *c = ask(&h, "GET", "/events/stream", "x-user: anna\r\n");
    Telling news = { anna, { { { 0 } } }, "staff.changed", 1, 1 };

    must(comes(c, "clientId"));
    must(write_tx(&h.cx, (Lane){ 0 }, tell, &news));
    must(ends(c));
    must(strstr(c->text, "retry: 1000\nid: 1\nevent: staff.changed") != NULL);
    leave(c);
    closed(&h);
}

TEST(a_stream_token_lapses)
{
    House h = opened();
    const char *target = with_token(&h);

    time_shift(seconds(301));
    Client *c = ask(&h, "GET", target, "");
    must(comes(c, "401"));
    time_shift((Span){ 0 });
    leave(c);
    closed(&h);
}

/* ---- watching an event ---- */

SQL(test_venue,
    "INSERT INTO venue (tenant, id, name, timezone, capacity, status, created_by, created_at,"
    " updated_at) VALUES ($1, $2, 'Hall', 'UTC', 10, 'ACTIVE', $2, $3, $3)");
SQL(test_event,
    "INSERT INTO event (tenant, id, venue, name, timezone, starts_at, ends_at, status,"
    " published_at, created_by, created_at, updated_at)"
    " VALUES ($1, $2, $3, 'Evening', 'UTC', $5, $6, 'ON_SALE', $4, $3, $5, $5)");
SQL(test_type,
    "INSERT INTO ticket_type (tenant, id, event, name, price_cents, currency, quantity, available,"
    " held, sold, most, created_at, updated_at)"
    " VALUES ($1, $2, $2, 'Stalls', 100, 'EUR', 10, 7, 2, 1, 10, $3, $3)");

static const EventId seen = { { { 7 } } }, unseen = { { { 8 } } };

static bool make_events(Ctx *cx, void *arg)
{
    Uuid venue = { { 6 } };

    (void)arg;
    return sql_run(cx, &test_venue, NULL, V(venue), V(cx->now))
        && sql_run(cx, &test_event, NULL, V(seen.v), V(venue), V((Instant){ 1 }), V(cx->now),
                   V(later(cx->now, hours(2))))
        && sql_run(cx, &test_event, NULL, V(unseen.v), V(venue), V((Instant){ 0 }), V(cx->now),
                   V(later(cx->now, hours(2))))
        && sql_run(cx, &test_type, NULL, V(seen.v), V(cx->now));
}

static Client *watch(House *h, EventId event, const char *headers)
{
    return ask(h, "GET", str_z(mem, str_fmt(mem, "/events/stream?topics=event:%s",
                                            str_z(mem, uuid_str(mem, event.v)))), headers);
}

TEST(a_watcher_hears_numbers_and_news_of_the_event_and_nothing_of_its_buyers)
{
    House h = opened();
    must(write_tx(&h.cx, (Lane){ 0 }, make_events, NULL));
    Client *c = watch(&h, seen, "x-user: anna\r\n");
    Telling sale = { ben, seen, "order.paid", 50, 1 };
    Telling news = { { { { 0 } } }, seen, "event.paused", 1, 1 };

    must(comes(c, "event: connected") && comes(c, "clientId"));
    must(write_tx(&h.cx, (Lane){ 0 }, tell, &sale));
    must(comes(c, "event: availability") && comes(c, "\"available\":7,\"held\":2,\"sold\":1"));
    must(write_tx(&h.cx, (Lane){ 0 }, tell, &news));
    must(comes(c, "event: event.paused"));
    must(times(c, "event: order.paid") == 0 && times(c, "event: availability") <= 2);
    leave(c);
    closed(&h);
}

TEST(what_one_may_not_see_one_may_not_watch)
{
    House h = opened();
    must(write_tx(&h.cx, (Lane){ 0 }, make_events, NULL));
    Client *a = watch(&h, unseen, "x-user: anna\r\n");
    Client *b = watch(&h, (EventId){ { { 99 } } }, "x-user: anna\r\n");
    Client *c = ask(&h, "GET", "/events/stream?topics=person:1", "x-user: anna\r\n");

    must(comes(a, "404") && comes(b, "404") && comes(c, "400"));
    leave(a), leave(b), leave(c);
    closed(&h);
}

TEST(the_oldest_stream_over_the_limit_is_closed)
{
    House h = opened();
    Client *c[6];

    for (int i = 0; i < 6; i++) {
        c[i] = ask(&h, "GET", "/events/stream", "x-user: anna\r\n");
        must(comes(c[i], "clientId"));
    }
    must(ends(c[0]));
    must(strstr(c[0]->text, "event: closed\ndata: {\"reason\":\"TOO_MANY_STREAMS\"}") != NULL);
    for (int i = 0; i < 3000 && stream_counts(h.server).open != 5; i++)
        usleep(20000);
    must(stream_counts(h.server).open == 5);
    for (int i = 0; i < 6; i++)
        leave(c[i]);
    closed(&h);
}
