/* learn_test.c - requests whose asker nobody knows yet: what happens to them, to their bodies
 * and to their clients while a worker finds out. */
#include "unit/behind.h"

static _Atomic bool known, forgets, refuses;
static _Atomic int learned;

/* Stands at the gate, so that the test says how long it takes. */
static bool learn(Ctx *cx, const Req *rq)
{
    wait_at_gate();
    learned++;
    must(req_header(rq, S("Host")).at != NULL && rq->peer.len > 0);
    must(str_starts(rq->path, S("/api/")));
    if (refuses)
        return fail(cx, INVALID_API_KEY, "unknown");
    known = !forgets;
    return true;
}

static bool is_known(Ctx *cx, Req *rq)
{
    (void)cx;
    if (!known)
        rq->reply.learn = learn;
    return known;
}

static void open_asking(UpstreamConfig u)
{
    known = forgets = refuses = false;
    learned = 0;
    own.first = is_known;
    open_all(u);
}

static int asks_unknown(const char *text)
{
    int c = asks(text);

    must(eventually(waiting_is, 1, 3000) && nobody_came(&own.behind, 30));
    return c;
}

static bool hears_nothing(int fd) { return peer_some(fd, &(Buf){ .mem = mem }, 50) == -1; }

TEST(a_request_is_admitted_again_with_the_body_that_came_behind_its_head)
{
    open_asking(usual());
    int c = asks_unknown("POST /api/1 HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello"
                         "GET /api/2 HTTP/1.1\r\n" H "\r\n");
    must(hears_nothing(c));
    house_release(1);
    int b = heard(&own.behind, "\r\n\r\nhello");
    peer_send(b, S(OK_2 "ok"));
    must(peer_await(b, S("GET /api/2 "), 3000).at != NULL);
    peer_send(b, S(OK_2 "ok"));
    must(count_of(peer_read(c, 2, 3000), S("200 OK")) == 2 && learned == 1);
    close(c), close(b);
    close_all();
}

TEST(what_comes_of_a_body_while_it_waits_is_there_afterwards)
{
    open_asking(usual());
    int c = asks_unknown("POST /api/1 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhel");
    peer_send(c, S("lo\r\n6\r\n there\r\n0\r\n\r\n"));
    usleep(30000);
    house_release(1);
    int b = heard(&own.behind, "0\r\n\r\n");
    peer_send(b, S(OK_2 "ok"));
    must(str_ends(peer_read(c, 1, 3000), S("ok")));
    peer_send(c, S("POST /api/2 HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"));
    must(peer_await(b, S("\r\n\r\nabc"), 3000).at != NULL && learned == 1);
    close(c), close(b);
    close_all();
}

TEST(who_waits_to_be_told_to_go_on_is_told_by_the_service_behind)
{
    open_asking(usual());
    int c = asks_unknown("PUT /api/1 HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    must(hears_nothing(c));
    house_release(1);
    int b = heard(&own.behind, "Expect: 100-continue\r\n");
    peer_send(b, S("HTTP/1.1 100 Continue\r\n\r\n"));
    must(peer_await(c, S("100 Continue"), 3000).at != NULL);
    peer_send(c, S("abc"));
    must(peer_await(b, S("abc"), 3000).at != NULL);
    peer_send(b, S(OK_2 "ok"));
    must(str_ends(peer_read(c, 1, 3000), S("ok")));
    close(c), close(b);
    close_all();
}

TEST(who_is_refused_by_the_worker_hears_why_and_no_body_becomes_a_request)
{
    open_asking(usual());
    refuses = true;
    int c = asks_unknown("POST /api/1 HTTP/1.1\r\n" H "Content-Length: 37\r\n\r\n"
                         "GET /api/smuggled HTTP/1.1\r\n" H);
    peer_send(c, S("GET /health HTTP/1.1\r\n" H "\r\n"));
    house_release(1);
    Str got = peer_read(c, 2, 3000);
    must(status_of(got) == 401 && str_has(got, S("INVALID_API_KEY")));
    must(str_has(got, S("HTTP/1.1 200 ")));
    close(c);
    c = asks_unknown("POST /api/1 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhel");
    house_release(1);
    got = peer_read(c, 1, 3000);
    must(status_of(got) == 401 && str_has(got, S("Connection: close")) && peer_closed(c, 3000));
    must(nobody_came(&own.behind, 30) && learned == 2);
    close(c);
    close_all();
}

TEST(what_is_forgotten_at_once_is_asked_for_once)
{
    open_asking(usual());
    forgets = true;
    int c = asks_unknown("POST /api/1 HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"
                         "GET /health HTTP/1.1\r\n" H "\r\n");
    house_release(1);
    Str got = peer_read(c, 2, 3000);
    must(status_of(got) == 503 && str_has(got, S("HTTP/1.1 200 ")) && learned == 1);
    close(c);
    close_all();
}

TEST(without_a_place_in_line_it_is_refused_as_it_stands)
{
    int c[5];

    own.line = 1;
    open_asking(usual());
    refuses = true;
    for (int i = 0; i < 5; i++) {
        c[i] = asks("POST /api/1 HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello");
        must(eventually(waiting_is, i < 4 ? i + 1 : 4, 3000));
    }
    usleep(50000);
    int last = asks("POST /api/1 HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello"
                    "GET /health HTTP/1.1\r\n" H "\r\n");
    Str got = peer_read(last, 2, 3000);
    must(status_of(got) == 503 && str_has(got, S("HTTP/1.1 200 ")));
    house_release(5);
    for (int i = 0; i < 5; i++) {
        must(status_of(peer_read(c[i], 1, 3000)) == 401);
        close(c[i]);
    }
    close(last);
    close_all();
    own.line = 0;
}

TEST(who_leaves_meanwhile_is_forgotten)
{
    open_asking(usual());
    int c = asks_unknown("POST /api/1 HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello");
    struct linger hard = { 1, 0 };
    must(setsockopt(c, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
    close(c);
    must(eventually(connections_are, 0, 3000));
    house_release(1);
    must(nobody_came(&own.behind, 100) && lines_are(0));
    close_all();
}

static void *drains(void *arg)
{
    *(bool *)arg = server_drain(own.server, seconds(5));
    return NULL;
}

TEST(a_drain_waits_for_it)
{
    pthread_t thread;
    bool drained = false;

    open_asking(usual());
    int c = asks_unknown("POST /api/1 HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello");
    H2Peer *p = h2_connect(server_port(own.server));
    i32 id = h2_post(p, "/api/2", S("too"));
    h2_turn(p, 50);
    must(eventually(waiting_is, 2, 3000));
    must(pthread_create(&thread, NULL, drains, &drained) == 0);
    usleep(50000);
    house_release(2);
    int b[2];
    for (int i = 0; i < 2; i++)
        b[i] = heard(&own.behind, "\r\n\r\n");
    for (int i = 0; i < 2; i++)
        peer_send(b[i], S(OK_2 "ok"));
    must(str_has(peer_read(c, 1, 3000), S("Connection: close")) && h2_status(p, id) == 200);
    close(c), close(b[0]), close(b[1]);
    h2_leave(p);
    pthread_join(thread, NULL);
    must(drained);
    close_all();
}

TEST(a_stop_meanwhile_leaves_nothing_behind)
{
    for (int round = 0; round < 10; round++) {
        open_asking(usual());
        refuses = round % 3 == 2;
        int c = asks_unknown("POST /api/1 HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello");
        H2Peer *p = h2_connect(server_port(own.server));
        h2_post(p, "/api/2", S("too"));
        h2_ask_with(p, "POST", "/api/3", S(""), S("half"), true);
        h2_turn(p, 20);
        must(eventually(waiting_is, 3, 3000));
        house_release(3);
        usleep((unsigned)round * 200);
        close_all();
        must(peer_closed(c, 1000));
        close(c);
        h2_leave(p);
    }
}

/* ---- HTTP/2 --------------------------------------------------------------------------- */

static i32 posts_unknown(H2Peer *p, Str body, bool holds)
{
    i32 id = h2_ask_with(p, "POST", "/api/1", S(""), body, holds);

    h2_turn(p, 50);
    must(eventually(waiting_is, 1, 3000) && nobody_came(&own.behind, 30));
    return id;
}

TEST(a_stream_keeps_what_came_of_its_body_and_its_end)
{
    open_asking(usual());
    H2Peer *p = h2_connect(server_port(own.server));
    i32 id = posts_unknown(p, S("hello"), false);
    house_release(1);
    int b = heard(&own.behind, "5\r\nhello\r\n0\r\n\r\n");
    peer_send(b, S(OK_2 "ok"));
    must(h2_status(p, id) == 200 && learned == 1);
    known = false;
    id = h2_get(p, "/api/2");
    h2_turn(p, 50);
    must(eventually(waiting_is, 1, 3000));
    house_release(1);
    must(peer_await(b, S("GET /api/2 "), 3000).at != NULL);
    peer_send(b, S(OK_2 "ok"));
    must(h2_status(p, id) == 200);
    close(b);
    h2_leave(p);
    close_all();
}

TEST(a_stream_waits_within_its_window_and_then_goes_on)
{
    enum { SIZE = 1 << 20 };
    Str body = { memset(make(mem, char, SIZE), 'x', SIZE), SIZE };

    open_asking(usual());
    H2Peer *p = h2_connect(server_port(own.server));
    i32 id = posts_unknown(p, body, false);
    for (int i = 0; i < 10; i++)
        h2_turn(p, 10);
    must(h2_answer(p, id)->sends.len > SIZE / 2);
    house_release(1);
    int b = heard(&own.behind, "\r\n\r\n");
    Buf all = buf_in(mem, 2 * SIZE);
    Mono until = mono_after(mono_now(), seconds(60));
    while (!str_ends(buf_str(&all), S("\r\n0\r\n\r\n")) && ms_left(until) > 0) {
        peer_some(b, &all, 5);
        h2_turn(p, 1);
    }
    must(h2_answer(p, id)->sends.len == 0);
    peer_send(b, S(OK_2 "ok"));
    must(h2_status(p, id) == 200);
    close(b);
    h2_leave(p);
    close_all();
}

TEST(a_stream_that_is_reset_or_refused_meanwhile_sends_nothing_on)
{
    open_asking(usual());
    H2Peer *p = h2_connect(server_port(own.server));
    i32 id = posts_unknown(p, S("half"), true);
    nghttp2_submit_rst_stream(p->session, 0, id, NGHTTP2_CANCEL);
    h2_turn(p, 50);
    house_release(1);
    must(nobody_came(&own.behind, 100));
    known = false;
    refuses = true;
    id = posts_unknown(p, S("hello"), false);
    house_release(1);
    must(h2_status(p, id) == 401);
    refuses = false;
    forgets = true;
    id = posts_unknown(p, S("hello"), true);
    house_release(1);
    must(h2_status(p, id) == 503 && nobody_came(&own.behind, 30));
    h2_leave(p);
    must(eventually(connections_are, 0, 3000));
    close_all();
}

TEST(bodies_that_wait_have_the_bound_that_all_of_a_connection_have)
{
    enum { STREAMS = 60, SIZE = 250 << 10 };
    Str body = { memset(make(mem, char, SIZE), 'x', SIZE), SIZE };
    i32 ids[STREAMS];
    int refused = 0;

    open_asking(usual());
    H2Peer *p = h2_connect(server_port(own.server));
    for (int i = 0; i < STREAMS; i++)
        ids[i] = h2_post(p, "/api/1", body);
    for (int i = 0; i < 200 && h2_answer(p, ids[STREAMS - 1])->sends.len > 0; i++)
        h2_turn(p, 10);
    house_release(STREAMS);
    Mono until = mono_after(mono_now(), seconds(60));
    while (refused == 0 && ms_left(until) > 0) {
        h2_turn(p, 10);
        for (int i = 0; i < STREAMS; i++)
            refused += h2_answer(p, ids[i])->status == 503;
    }
    must(refused > 0 && refused < STREAMS);
    h2_leave(p);
    close_all();
}
