/* h2_test.c - HTTP/2 as a client sees it that this house did not write (libnghttp2), and
 * as one sees it that sends what it should not. */
#include <malloc.h>
#include "net/io.h"
#include "unit/h2_peer.h"

static ServerConfig plain_config(void)
{
    ServerConfig c = house_config();

    c.http2 = HTTP2_ALWAYS;
    return c;
}

/* Frames as bytes: length, type, flags, stream. */
static Str frame(int length, int type, int flags, u32 stream, const char *payload)
{
    Buf b = buf_in(mem, 9 + length);

    buf_byte(&b, (char)(length >> 16)), buf_byte(&b, (char)(length >> 8)), buf_byte(&b, (char)length);
    buf_byte(&b, (char)type), buf_byte(&b, (char)flags);
    for (int i = 24; i >= 0; i -= 8)
        buf_byte(&b, (char)(stream >> i));
    buf_add(&b, (Str){ payload, length });
    return buf_str(&b);
}

static const char blank[65536];
#define PREFACE S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")

static Str body_of(const H2Answer *a) { return buf_str(&a->body); }
static Str head_of(const H2Answer *a) { return buf_str(&a->head); }

/* ---- requests and answers -------------------------------------------------- */

TEST(requests_are_answered_here_and_by_workers)
{
    Server *s = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s));
    i32 health = h2_get(p, "/health"), mirror = h2_get(p, "/mirror/7?q=1");
    i32 echo = h2_post(p, "/echo", S("hello")), here = h2_post(p, "/inline", S("inline"));

    must(h2_status(p, health) == 200 && str_is(body_of(h2_answer(p, health)), S("{\"status\":\"ok\"}")));
    must(h2_status(p, mirror) == 200 && str_has(body_of(h2_answer(p, mirror)),
         S("id=7 path=/mirror/7 query=q=1 mark= peer=127.0.0.1")));
    must(h2_status(p, echo) == 200 && str_is(body_of(h2_answer(p, echo)), S("hello")));
    must(h2_status(p, here) == 200 && str_is(body_of(h2_answer(p, here)), S("inline")));
    must(str_has(head_of(h2_answer(p, echo)), S("content-length: 5\n")));
    must(!str_has(head_of(h2_answer(p, echo)), S("connection")));
    must(!str_has(head_of(h2_answer(p, here)), S("connection")));
    h2_leave(p);
    house_close(s);
}

TEST(head_is_answered_without_a_body)
{
    Server *s = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s));
    i32 id = h2_ask_with(p, "HEAD", "/mirror/7", S(""), (Str){ 0 }, false);
    i32 options = h2_ask_with(p, "OPTIONS", "/health", S(""), (Str){ 0 }, false);

    must(h2_status(p, id) == 200 && body_of(h2_answer(p, id)).len == 0);
    must(str_has(head_of(h2_answer(p, id)), S("content-length: 4")));
    must(h2_status(p, options) == 204);
    h2_leave(p);
    house_close(s);
}

TEST(large_bodies_go_both_ways_within_the_windows)
{
    Server *s = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s));
    isize n = 1 << 20;
    char *at = make(mem, char, n);

    for (isize i = 0; i < n; i++)
        at[i] = (char)('a' + i % 23);
    i32 big = h2_get(p, "/big"), echo = h2_post(p, "/echo", (Str){ at, n });
    i32 small = h2_get(p, "/health");
    must(h2_status(p, small) == 200);
    must(h2_status(p, echo) == 200 && str_is(body_of(h2_answer(p, echo)), (Str){ at, n }));
    must(h2_status(p, big) == 200 && body_of(h2_answer(p, big)).len == BIG);
    h2_leave(p);
    house_close(s);
}

TEST(a_hundred_at_once_and_no_more)
{
    Server *s = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s));
    i32 ids[100], first = h2_get(p, "/health");

    must(h2_status(p, first) == 200);
    must(nghttp2_session_get_remote_settings(p->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS) == 100);
    for (int i = 0; i < 100; i++)
        ids[i] = h2_post(p, "/wait", str_fmt(mem, "body %d", i));
    h2_send(p);
    must(eventually(waiting_is, 4, 3000));
    house_release(100);
    for (int i = 0; i < 100; i++)
        must(h2_status(p, ids[i]) == 200 &&
             str_is(body_of(h2_answer(p, ids[i])), str_fmt(mem, "body %d", i)));
    h2_leave(p);
    house_close(s);
}

TEST(an_answer_that_is_held_back_holds_up_no_other)
{
    Server *s = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s));
    Mono begun = mono_now();
    i32 held = h2_get(p, "/held"), health = h2_get(p, "/health");

    must(h2_status(p, health) == 200);
    must(!h2_answer(p, held)->closed || mono_us(begun, mono_now()) >= 200000);
    must(h2_status(p, held) == 200 && mono_us(begun, mono_now()) >= 200000);
    h2_leave(p);
    house_close(s);
}

TEST(who_expects_to_be_told_to_go_on_is)
{
    Server *s = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s));
    i32 id = h2_ask_with(p, "POST", "/echo", S("expect: 100-continue\ncontent-length: 5"), S("hello"), false);

    must(h2_status(p, id) == 200 && h2_answer(p, id)->infos == 1);
    must(str_is(body_of(h2_answer(p, id)), S("hello")));
    h2_leave(p);
    house_close(s);
}

/* ---- refusals ---------------------------------------------------------------- */

static int asked(H2Peer *p, const char *method, const char *path, Str fields)
{
    return h2_status(p, h2_ask_with(p, method, path, fields, (Str){ 0 }, false));
}

TEST(what_http_1_refuses_is_refused)
{
    Server *s = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s));
    char *wide = make(mem, char, 20001), *path = make(mem, char, 9002);
    Buf many = buf_in(mem, 2048);

    memset(wide, 'w', 20000);
    memset(path, '/', 9001);
    for (int i = 0; i < 110; i++)
        buf_fmt(&many, "x-%d: v\n", i);
    must(asked(p, "GET", "/nowhere", S("")) == 404);
    must(asked(p, "DELETE", "/health", S("")) == 405);
    must(asked(p, "BREW", "/health", S("")) == 501);
    must(asked(p, "GET", "/../secret", S("")) == 400);
    must(asked(p, "GET", "/a%2fb", S("")) == 400);
    must(asked(p, "GET", "/health", S("host: b")) == 400);
    must(asked(p, "GET", "/health", S("host: a")) == 200);
    must(asked(p, "GET", "/health", S("host: a\nhost: a")) != 200);
    must(asked(p, "GET", path, S("")) == 414);
    must(asked(p, "GET", "/health", buf_str(&many)) == 431);
    must(asked(p, "GET", "/health", str_fmt(mem, "x: %s", wide)) == 431);
    must(asked(p, "GET", "/health", S("expect: magic")) == 417);
    must(asked(p, "GET", "/health", S("")) == 200 && !p->gone);
    h2_leave(p);
    house_close(s);
}

/* A malformed request is a stream error (RFC 9113 8.1.1): reset, and others go on. */
static void resets(H2Peer *p, const char *method, const char *path, Str fields)
{
    i32 id = h2_ask_with(p, method, path, fields, (Str){ 0 }, false);
    H2Answer *a = h2_await(p, id, 5000);

    must(a->closed && a->error == NGHTTP2_PROTOCOL_ERROR && a->status == 0);
}

/* RFC 9113 8.2.3: in crumbs for the compression, and one field all the same. */
TEST(cookies_and_the_host_are_what_they_would_be_in_http_1)
{
    Server *s = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s));
    i32 id = h2_ask_with(p, "GET", "/headers", S("cookie: a=1\nx-a: 1\ncookie: b=2\nhost: a\ncookie: c=3"),
                         (Str){ 0 }, false);

    must(h2_status(p, id) == 200);
    must(str_is(body_of(h2_answer(p, id)), S("Host: a\nx-a: 1\ncookie: a=1; b=2; c=3\n")));
    h2_leave(p);
    house_close(s);
}

TEST(malformed_requests_are_reset)
{
    ServerConfig config = plain_config();
    config.head_within = (Span){ 500 };
    Server *s = house_open(config);
    H2Peer *p = h2_connect(server_port(s));
    i64 before = house_served;

    resets(p, "GET", "/health", S("connection: close"));
    resets(p, "GET", "/health", S("transfer-encoding: chunked"));
    resets(p, "GET", "/health", S("upgrade: h2c"));
    resets(p, "GET", "/health", S("te: gzip"));
    resets(p, "GET", "/health", S("Upper: case"));
    resets(p, "GET", "/health", S("x y: z"));
    resets(p, "GET", "/health", S("x: a\rb"));
    resets(p, "GET", "/health", S("x: a\001b"));
    resets(p, "GET", "/health", S(":path: /health"));
    resets(p, "GET", "/health", S(":odd: 1"));
    resets(p, "GET", NULL, S(""));
    resets(p, NULL, "/health", S(""));
    resets(p, "GET", "", S(""));
    resets(p, "GET", "health", S(""));
    resets(p, "GET", "/a HTTP/1.1\r\nX: y", S(""));
    must(house_served == before);
    usleep(1000000);                              /* no head is waited for any more */
    must(asked(p, "GET", "/a b", S("")) != 200);
    must(asked(p, "GET", "/health", S("te: trailers")) == 200);
    h2_leave(p);
    house_close(s);
}

TEST(a_body_must_be_as_long_as_it_says_and_is_allowed)
{
    Server *s = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s));
    i64 before = house_served;
    i32 more = h2_ask_with(p, "POST", "/echo", S("content-length: 3"), S("hello"), false);
    i32 less = h2_ask_with(p, "POST", "/echo", S("content-length: 9"), S("hello"), false);
    i32 none = h2_ask_with(p, "POST", "/echo", S("content-length: 9"), (Str){ 0 }, false);
    i32 huge = h2_ask_with(p, "POST", "/echo", S("content-length: 99999999"), S("hello"), true);
    i32 over = h2_post(p, "/small", S("seventeen letters"));
    i32 fits = h2_post(p, "/small", S("sixteen letters."));

    must(h2_await(p, more, 5000)->error == NGHTTP2_PROTOCOL_ERROR);
    must(h2_await(p, less, 5000)->error == NGHTTP2_PROTOCOL_ERROR);
    must(h2_await(p, none, 5000)->error == NGHTTP2_PROTOCOL_ERROR);
    must(h2_status(p, huge) == 413 && h2_answer(p, huge)->error == NGHTTP2_NO_ERROR);
    must(h2_status(p, over) == 413 && h2_status(p, fits) == 200);
    must(house_served == before + 1);
    h2_leave(p);
    house_close(s);
}

TEST(half_bodies_of_one_connection_have_a_bound_together)
{
    Server *s = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s)), *other = h2_connect(server_port(s));
    isize n = 1 << 20;
    char *at = make(mem, char, n);
    i32 ids[10];

    for (int i = 0; i < 10; i++)
        ids[i] = h2_ask_with(p, "POST", "/echo", S(""), (Str){ at, n - 1 }, true);
    while (p->closed < 2)
        must(h2_turn(p, 5000));
    must(p->closed == 2);
    must(h2_status(other, h2_post(other, "/echo", (Str){ at, n })) == 200);
    int refused = 0;
    for (int i = 0; i < 10; i++)
        refused += h2_answer(p, ids[i])->closed && h2_answer(p, ids[i])->status == 503;
    must(refused == 2 && h2_status(p, h2_get(p, "/health")) == 200);
    h2_leave(p), h2_leave(other);
    house_close(s);
}

TEST(bodies_of_many_connections_share_what_all_may_keep)
{
    ServerConfig c = plain_config();
    H2Peer *all[6];
    char *at = make(mem, char, 60000);
    i32 ids[6];
    int refused = 0;

    c.io_threads = 1;
    c.body_most = 1 << 16;
    c.bodies_most = 3 * 60000;
    Server *s = house_open(c);
    for (int i = 0; i < 6; i++) {
        all[i] = h2_connect(server_port(s));
        ids[i] = h2_ask_with(all[i], "POST", "/echo", S(""), (Str){ at, 60000 }, true);
        while (h2_answer(all[i], ids[i])->sends.len > 0 && !h2_answer(all[i], ids[i])->closed)
            h2_turn(all[i], 5000);
        must(h2_status(all[i], h2_get(all[i], "/health")) == 200);     /* behind all of it */
        must(h2_status(all[i], h2_post(all[i], "/echo", S("small"))) == 200);
        refused += h2_answer(all[i], ids[i])->closed && h2_answer(all[i], ids[i])->status == 503;
    }
    must(refused == 3);
    h2_leave(all[0]);
    int status = 503;
    for (int ms = 0; ms < 5000 && status == 503; ms += 10, usleep(10000))
        status = h2_status(all[5], h2_post(all[5], "/echo", (Str){ at, 60000 }));
    must(status == 200);
    for (int i = 1; i < 6; i++)
        h2_leave(all[i]);
    house_close(s);
}

/* Not given back, more would be refused in the next round; given back twice, fewer. */
TEST(what_a_refused_body_had_is_free_again_and_once)
{
    Server *s = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s));
    isize n = (1 << 20) - 1;
    char *at = make(mem, char, n);
    i32 ids[10];

    for (int round = 1; round <= 4; round++) {
        int refused = 0;
        for (int i = 0; i < 10; i++)
            ids[i] = h2_ask_with(p, "POST", "/echo", S(""), (Str){ at, n }, true);
        while (p->closed < 10 * (round - 1) + 2)
            must(h2_turn(p, 5000));
        for (int i = 0; i < 10; i++)
            while (!h2_answer(p, ids[i])->closed && h2_answer(p, ids[i])->sends.len > 0)
                h2_turn(p, 5000);
        must(h2_status(p, h2_get(p, "/health")) == 200);   /* behind all of it */
        p->closed--;
        for (int i = 0; i < 10; i++) {
            refused += h2_answer(p, ids[i])->closed && h2_answer(p, ids[i])->status == 503;
            if (!h2_answer(p, ids[i])->closed)
                nghttp2_submit_rst_stream(p->session, 0, ids[i], NGHTTP2_CANCEL);
        }
        must(refused == 2);
        while (p->closed < 10 * round)
            h2_turn(p, 10);
    }
    h2_leave(p);
    house_close(s);
}

TEST(without_the_setting_a_plain_client_is_told_that_the_version_is_not_spoken)
{
    Server *s = house_open(house_config());
    Str answer = peer_ask(server_port(s), S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 1);

    must(status_of(answer) == 505);
    house_close(s);
}

TEST(http_1_is_still_spoken_on_the_same_port)
{
    Server *s = house_open(plain_config());

    must(status_of(peer_ask(server_port(s), S("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"), 1)) == 200);
    must(status_of(peer_ask(server_port(s), S("PRIx / HTTP/1.1\r\nHost: a\r\n\r\n"), 1)) == 501);
    house_close(s);
}

/* ---- event streams ------------------------------------------------------------ */

static Server *watched;
static bool open_is(i64 n) { return stream_counts(watched).open == n; }
static bool connections_are(i64 n) { return server_counts(watched).connections == n; }

TEST(many_event_streams_share_a_connection_and_each_gets_its_own)
{
    Server *s = watched = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s));
    i32 ids[20];

    for (int i = 0; i < 20; i++) {
        ids[i] = h2_get(p, str_fmt(mem, i % 2 ? "/stream?t=all,t%d" : "/stream/here?t=all,t%d", i).at);
        must(h2_hears(p, ids[i], S("connected"), 3000));
    }
    must(connections_are(1) && open_is(20));
    for (i64 e = 1; e <= 500; e++) {
        Topic t[] = { topic_of(e % 5 ? S("all") : str_fmt(mem, "t%jd", (intmax_t)(e % 20))) };
        stream_publish(s, e, t, 1, str_fmt(mem, "id: %jd\ndata: x\n\n", (intmax_t)e));
    }
    stream_publish(s, 501, (Topic[]){ topic_of(S("all")) }, 1, S("id: 501\ndata: end\n\n"));
    for (int i = 0; i < 20; i++) {
        must(h2_hears(p, ids[i], S("data: end\n\n"), 5000));
        isize own = i % 5 == 0 ? 25 : 0;
        must(count_of(body_of(h2_answer(p, ids[i])), S("id: ")) == 401 + own);
    }
    must(h2_status(p, h2_get(p, "/health")) == 200);
    h2_leave(p);
    must(eventually(open_is, 0, 2000) && eventually(connections_are, 0, 2000));
    house_close(s);
}

TEST(a_stream_that_is_reset_leaves_the_count_at_once)
{
    Server *s = watched = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s));
    i32 one = h2_get(p, "/stream?t=a"), two = h2_get(p, "/stream?t=a");

    must(h2_hears(p, one, S("connected"), 3000) && h2_hears(p, two, S("connected"), 3000));
    must(open_is(2));
    nghttp2_submit_rst_stream(p->session, 0, one, NGHTTP2_CANCEL);
    h2_send(p);
    must(eventually(open_is, 1, 2000));
    stream_publish(s, 1, (Topic[]){ topic_of(S("a")) }, 1, S("id: 1\ndata: still\n\n"));
    must(h2_hears(p, two, S("still"), 3000));
    h2_leave(p);
    house_close(s);
}

/* One stream's window stays shut, so it is cut when it lags by the whole log. */
TEST(a_slow_stream_is_cut_and_the_others_on_its_connection_go_on)
{
    Server *s = watched = house_open(plain_config());
    H2Peer *p = h2_connect_with(server_port(s), WINDOWS_BY_HAND, NULL, 0);
    i32 slow = h2_get(p, "/stream?t=a"), quick = h2_get(p, "/stream?t=a");
    Topic a = topic_of(S("a"));
    isize told = 0;

    must(h2_hears(p, slow, S("connected"), 3000) && h2_hears(p, quick, S("connected"), 3000));
    for (i64 e = 1; e <= 20000; e++) {
        stream_publish(s, e, &a, 1, str_fmt(mem, "id: %jd\ndata: some text to fill a window\n\n", (intmax_t)e));
        if (e % 500 != 0)
            continue;
        while (!str_has(str_sub(body_of(h2_answer(p, quick)), h2_answer(p, quick)->body.len - 300, 1 << 30),
                        str_fmt(mem, "id: %jd\n", (intmax_t)e))) {
            must(h2_turn(p, 20000) && !p->gone);
            isize all = h2_answer(p, quick)->body.len + h2_answer(p, slow)->body.len;
            nghttp2_session_consume_connection(p->session, (size_t)(all - told));
            nghttp2_submit_window_update(p->session, 0, quick, 1 << 20);
            told = all;
        }
    }
    must(h2_await(p, slow, 20000)->closed && h2_answer(p, slow)->error == NGHTTP2_CANCEL);
    must(h2_answer(p, slow)->body.len <= 65535);
    must(count_of(body_of(h2_answer(p, quick)), S("id: ")) == 20000);
    must(stream_counts(s).cut == 1 && open_is(1));
    h2_leave(p);
    house_close(s);
}

TEST(a_stream_that_ends_with_its_window_shut_ends_in_order_when_it_opens)
{
    Server *s = watched = house_open(plain_config());
    nghttp2_settings_entry narrow = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 60 };
    H2Peer *p = h2_connect_with(server_port(s), WINDOWS_BY_HAND, &narrow, 1);
    i32 old = h2_get(p, "/stream?t=a&owner=x&most=1");

    must(h2_hears(p, old, S("connected"), 3000));
    stream_publish(s, 1, (Topic[]){ topic_of(S("a")) }, 1, S("id: 1\ndata: more than there is room for\n\n"));
    must(h2_hears(p, old, S("id: 1"), 3000));
    i32 new = h2_get(p, "/stream?t=b&owner=x&most=1");
    must(h2_hears(p, new, S("connected"), 3000) && !h2_answer(p, old)->closed && open_is(1));
    nghttp2_submit_window_update(p->session, 0, old, 1000);
    must(h2_await(p, old, 3000)->closed && h2_answer(p, old)->error == NGHTTP2_NO_ERROR);
    h2_leave(p);
    must(eventually(connections_are, 0, 3000));
    house_close(s);
}

/* The window takes the answer to its last byte and no more, so that the request is let go
 * before the answer's end can be sent; its body has not ended. */
TEST(who_still_sends_is_told_to_stop_when_the_end_had_to_wait)
{
    static const char first[] = "retry: 30000\n\nevent: connected\ndata: {}\n\n";
    static const char last[] = "retry: 300000\nevent: closed\ndata: {\"reason\":\"TOO_MANY_STREAMS\"}\n\n";
    Server *s = watched = house_open(plain_config());
    nghttp2_settings_entry narrow = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, sizeof first - 1 };
    H2Peer *p = h2_connect_with(server_port(s), WINDOWS_BY_HAND, &narrow, 1);
    i32 old = h2_ask_with(p, "POST", "/stream/early?t=a&owner=x&most=1", S(""), S("half a body"), true);

    must(h2_hears(p, old, S("connected"), 3000));
    i32 new = h2_get(p, "/stream?t=b&owner=x&most=1");
    must(h2_hears(p, new, S("connected"), 3000) && eventually(open_is, 1, 3000));
    nghttp2_submit_window_update(p->session, 0, old, sizeof last - 1);
    must(h2_hears(p, old, S("TOO_MANY_STREAMS\"}\n\n"), 3000));
    must(!h2_turn(p, 100) && !h2_answer(p, old)->closed);
    nghttp2_submit_window_update(p->session, 0, old, 1);
    must(h2_await(p, old, 3000)->closed && h2_answer(p, old)->error == NGHTTP2_NO_ERROR);
    h2_leave(p);
    house_close(s);
}

/* ---- the end ------------------------------------------------------------------- */

typedef struct Draining { Server *server; _Atomic int result; } Draining;

static void *drain(void *arg)
{
    Draining *d = arg;
    d->result = server_drain(d->server, seconds(5)) ? 1 : 2;
    return NULL;
}

TEST(a_drain_says_goodbye_twice_and_finishes_what_is_in_flight)
{
    Server *s = watched = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s)), *idle = h2_connect(server_port(s));
    Draining d = { s, 0 };
    pthread_t thread;
    i32 stream = h2_get(p, "/stream?t=a"), wait = h2_post(p, "/wait", S("in flight"));

    must(h2_status(idle, h2_get(idle, "/health")) == 200);
    must(h2_hears(p, stream, S("connected"), 3000) && eventually(waiting_is, 1, 3000));
    must(pthread_create(&thread, NULL, drain, &d) == 0);
    while (p->goaways == 0)
        must(h2_turn(p, 3000));
    must(p->goaway_error == NGHTTP2_NO_ERROR);
    must(h2_gone(idle, 3000) && idle->goaways > 0 && idle->goaway_error == NGHTTP2_NO_ERROR);
    must(h2_await(p, stream, 3000)->closed && str_has(body_of(h2_answer(p, stream)), S("event: reconnect")));
    must(h2_answer(p, stream)->error == NGHTTP2_NO_ERROR && d.result == 0);
    house_release(1);
    must(h2_status(p, wait) == 200 && str_is(body_of(h2_answer(p, wait)), S("in flight")));
    must(h2_gone(p, 3000) && p->goaways == 2 && p->goaway_last == wait);
    pthread_join(thread, NULL);
    must(d.result == 1);
    h2_leave(p), h2_leave(idle);
    house_close(s);
}

TEST(a_drain_waits_only_so_long_for_who_does_not_hear_the_goodbye)
{
    Server *s = watched = house_open(plain_config());
    int deaf = peer_connect(server_port(s)), busy = peer_connect(server_port(s));
    Draining d = { s, 0 };
    pthread_t thread;
    Buf b = buf_in(mem, 4096);

    peer_send(deaf, PREFACE);
    peer_send(busy, PREFACE);
    peer_send(busy, frame(12, 1, 4, 1, "\x83\x86\x41\1a\x44\5/wait"));
    peer_send(busy, frame(2, 0, 1, 1, "hi"));
    must(eventually(waiting_is, 1, 3000) && eventually(connections_are, 2, 1000));
    must(pthread_create(&thread, NULL, drain, &d) == 0);
    must(peer_closed(deaf, 4000));                /* no PING was answered     */
    house_release(1);
    while (!str_has(buf_str(&b), S("hi")))
        must(peer_some(busy, &b, 3000) > 0);
    must(pthread_join(thread, NULL) == 0 && d.result == 1);
    close(deaf), close(busy);
    house_close(s);
}

TEST(an_end_in_the_middle_of_everything_leaves_nothing_behind)
{
    Server *s = watched = house_open(plain_config());
    H2Peer *all[20];

    for (int i = 0; i < 20; i++) {
        H2Peer *p = all[i] = h2_connect(server_port(s));
        h2_get(p, "/stream?t=a"), h2_get(p, "/big"), h2_get(p, "/held"), h2_post(p, "/echo", S("x"));
        h2_ask_with(p, "POST", "/echo", S(""), S("half"), true);
        h2_turn(p, i % 3);
        if (i % 2)
            h2_leave(p);
    }
    house_close(s);
    for (int i = 0; i < 20; i += 2)
        h2_leave(all[i]);
}

/* ---- abuse ---------------------------------------------------------------------- */

TEST(who_resets_too_often_is_told_to_calm_down)
{
    Server *s = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s));
    i64 before = house_served;
    int sent = 0;

    while (!p->gone && p->goaways == 0 && sent < 3000) {
        i32 id = h2_post(p, "/echo", S("x"));
        h2_send(p);
        nghttp2_submit_rst_stream(p->session, 0, id, NGHTTP2_CANCEL);
        sent++;
        h2_turn(p, 0);
    }
    must(h2_gone(p, 3000) && p->goaway_error == NGHTTP2_ENHANCE_YOUR_CALM);
    must(house_served - before < 2000);       /* however many it had sent by then  */
    must(status_of(peer_ask(server_port(s), S("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"), 1)) == 200);
    h2_leave(p);
    house_close(s);
}

/* A request that says it is shorter than it is: nghttp2 resets it, and so does the work of
 * the asker (CVE-2025-8671). */
TEST(who_has_his_requests_reset_by_us_is_told_to_calm_down_too)
{
    Server *s = house_open(plain_config());
    H2Peer *p = h2_connect(server_port(s));
    int sent = 0;

    for (; p->goaways == 0 && sent < 1500; sent++)
        h2_await(p, h2_ask_with(p, "POST", "/echo", S("content-length: 1"), S("two"), true), 5000);
    must(p->goaway_error == NGHTTP2_ENHANCE_YOUR_CALM && sent < 1500 && h2_gone(p, 3000));
    h2_leave(p);
    p = h2_connect(server_port(s));
    for (sent = 0; p->goaways == 0 && sent < 1500; sent++)
        h2_await(p, h2_ask_with(p, "GET", "/health", S("x: a\001b"), (Str){ 0 }, false), 5000);
    must(p->goaway_error == NGHTTP2_ENHANCE_YOUR_CALM && sent < 1500 && h2_gone(p, 3000));
    h2_leave(p);
    house_close(s);
}

/* Sends a frame again and again; true when the server has closed before `most` went. */
static bool closes_on(int port, Str first, Str again, int most)
{
    int fd = peer_connect(port), sent = 0;
    Buf b = buf_in(mem, 65536);
    isize n = -1;

    peer_send(fd, PREFACE);
    peer_send(fd, first);
    while (sent < most && n != 0) {
        peer_send(fd, again);
        sent++;
        b.len = 0;
        n = peer_some(fd, &b, 0);
    }
    while (n != 0 && (n = peer_some(fd, &b, 1000)) > 0)
        b.len = 0;
    close(fd);
    return n == 0;
}

TEST(floods_of_frames_that_ask_for_nothing_are_ended)
{
    Server *s = watched = house_open(plain_config());
    int port = server_port(s);

    must(closes_on(port, S(""), frame(8, 6, 0, 0, blank), 20000));                /* PING    */
    must(closes_on(port, S(""), frame(0, 4, 0, 0, blank), 20000));                /* SETTINGS */
    must(closes_on(port, S(""), frame(4, 8, 0, 0, "\0\0\0\1"), 20000));           /* window  */
    must(!closes_on(port, S(""), frame(5, 2, 0, 3, blank), 3000));                /* PRIORITY is passed over */
    must(!closes_on(port, S(""), frame(10, 77, 0, 0, blank), 3000));              /* so is what is unknown */
    must(!closes_on(port, S(""), frame(8, 6, 0, 0, blank), 50));                  /* a few pings are fine */
    must(closes_on(port, frame(12, 1, 4, 1, "\x83\x86\x41\1a\x44\5/echo"), frame(0, 0, 0, 1, blank), 20000));
    must(closes_on(port, frame(12, 1, 0, 1, "\x82\x86\x41\1a\x44\5/echo"), frame(60, 9, 0, 1, blank), 20000));
    must(eventually(connections_are, 0, 5000));
    must(status_of(peer_ask(port, S("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"), 1)) == 200);
    house_close(s);
}

static i64 cpu_ms(void)
{
    struct timespec t;

    must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A field of 4000 bytes, then bytes that each mean it once more (RFC 7541 6.1): as a head,
 * and as the trailers of one. 6 MB of these took ten seconds of an io thread. */
TEST(what_unpacks_to_many_times_its_size_costs_little_and_is_reset)
{
    ServerConfig config = plain_config();
    config.head_within = (Span){ 500 };
    Server *s = watched = house_open(config);
    char *one = make(mem, char, 4018), *more = make(mem, char, 16384);
    int fd = peer_connect(server_port(s));
    i64 before = cpu_ms();
    Buf b = buf_in(mem, 4096);

    memcpy(one, "\x83\x86\x01\1a\x04\5/echo\x40\1x\x7f\xa1\x1e", 18);
    memset(one + 18, 'x', 4000);
    memset(more, 0xbe, 16384);
    peer_send(fd, PREFACE);
    peer_send(fd, frame(4018, 1, 4, 1, one));
    for (u32 id = 3; id < 60; id += 2) {
        bool trailers = id % 4 == 1;
        memcpy(more, trailers ? more + 100 : "\x83\x86\x01\1a\x04\5/echo", 12);
        if (trailers)
            peer_send(fd, frame(12, 1, 4, id, "\x83\x86\x01\1a\x04\5/echo"));
        peer_send(fd, frame(16384, 1, 1, id, more));
        memset(more, 0xbe, 12);
        for (int i = 0; i < 7; i++)
            peer_send(fd, frame(16384, 9, i == 6 ? 4 : 0, id, more));
    }
    usleep(1000000);                              /* and no head is waited for any more */
    peer_send(fd, frame(8, 6, 0, 0, "answered"));
    while (!str_has(buf_str(&b), S("answered")))
        must(peer_some(fd, &b, 20000) > 0);
    must(count_of(buf_str(&b), S("\0\0\4\3\0\0\0\0")) == 29);                /* RST_STREAM */
    must(cpu_ms() - before < 3000);
    close(fd);
    house_close(s);
}

TEST(only_http_and_https_are_schemes)
{
    Server *s = house_open(plain_config());
    Buf b = buf_in(mem, 4096);
    int fd = peer_connect(server_port(s));

    peer_send(fd, PREFACE);
    peer_send(fd, frame(18, 1, 5, 1, "\x82\x06\3ftp\x01\1a\x04\7/health"));
    while (!str_has(buf_str(&b), S("BAD_REQUEST")))
        must(peer_some(fd, &b, 3000) > 0);
    close(fd);
    house_close(s);
}

TEST(frames_that_are_wrong_end_the_connection)
{
    Server *s = watched = house_open(plain_config());
    int port = server_port(s);

    must(closes_on(port, S(""), frame(65535, 0, 0, 1, blank), 1));                /* too large */
    must(closes_on(port, S(""), frame(5, 0, 0, 9, blank), 1));                    /* idle stream */
    must(closes_on(port, S(""), frame(4, 1, 5, 2, blank), 1));                    /* even id */
    must(closes_on(port, S(""), frame(4, 1, 5, 1, "\xff\xff\xff\xff"), 1));       /* HPACK   */
    must(closes_on(port, S(""), S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 1));
    must(eventually(connections_are, 0, 5000));
    house_close(s);
}

TEST(slow_senders_have_deadlines)
{
    ServerConfig config = plain_config();
    config.head_within = (Span){ 300 };
    config.body_within = (Span){ 300 };
    config.keep_alive = (Span){ 2000 };
    Server *s = watched = house_open(config);
    int silent = peer_connect(server_port(s)), half = peer_connect(server_port(s));
    H2Peer *p = h2_connect(server_port(s)), *idle = h2_connect(server_port(s));

    peer_send(silent, S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    peer_send(half, PREFACE);
    peer_send(half, frame(12, 1, 0, 1, "\x82\x86\x41\1a\x44\5/echo"));
    must(h2_status(idle, h2_get(idle, "/health")) == 200);
    i32 body = h2_ask_with(p, "POST", "/echo", S("content-length: 9"), S("half"), true);
    must(h2_status(p, body) == 408 && h2_status(p, h2_get(p, "/health")) == 200);
    must(peer_closed(silent, 1000) && peer_closed(half, 1000));
    must(h2_gone(idle, 4000) && idle->goaway_error == NGHTTP2_NO_ERROR);
    close(silent), close(half);
    h2_leave(p), h2_leave(idle);
    house_close(s);
}

TEST(who_asks_again_and_again_is_never_idle)
{
    ServerConfig config = plain_config();
    config.keep_alive = (Span){ 300 };
    Server *s = house_open(config);
    H2Peer *p = h2_connect(server_port(s));

    for (int i = 0; i < 9; i++) {
        must(h2_status(p, h2_get(p, "/health")) == 200);
        usleep(100000);
    }
    must(p->goaways == 0);
    must(h2_gone(p, 2000) && p->goaway_error == NGHTTP2_NO_ERROR);
    h2_leave(p);
    house_close(s);
}

static i64 in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return (i64)(m.uordblks + m.hblkhd);
}

/* The kernel keeps little for who connects from now on, as for a line to somewhere far. */
static Server *house_open_narrow(void)
{
    ServerConfig config = plain_config();
    int little = 8192;

    config.io_threads = 1;
    Server *s = house_open(config);
    must(setsockopt(s->io[0]->listener, SOL_SOCKET, SO_SNDBUF, &little, sizeof little) == 0);
    return s;
}

/* One whose windows are wide open, and who takes little at a time. */
static H2Peer *h2_connect_wide(int port)
{
    nghttp2_settings_entry wide = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 30 };
    H2Peer *p = h2_connect_with(port, WINDOWS_OPEN, &wide, 1);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((u16)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int little = 4096;

    close(p->fd);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little) == 0);
    must(connect(p->fd, (struct sockaddr *)&a, sizeof a) == 0);
    must(nghttp2_session_set_local_window_size(p->session, 0, 0, 1 << 30) == 0);
    h2_send(p);
    return p;
}

static void h2_turn_little(H2Peer *p)
{
    char piece[4096];
    struct pollfd f = { p->fd, POLLIN, 0 };

    must(poll(&f, 1, 5000) == 1);
    ssize_t n = recv(p->fd, piece, sizeof piece, 0);
    must(n > 0 && nghttp2_session_mem_recv(p->session, (const u8 *)piece, (size_t)n) == n);
    h2_send(p);
}

TEST(a_large_answer_lets_others_pass_however_wide_the_windows_are)
{
    Server *s = house_open_narrow();
    H2Peer *p = h2_connect_wide(server_port(s));
    i32 big = h2_get(p, "/big");

    while (h2_answer(p, big)->body.len < 100000)
        h2_send(p), h2_turn_little(p);
    i32 health = h2_get(p, "/health");
    h2_send(p);
    while (!h2_answer(p, health)->closed)
        h2_turn_little(p);
    must(h2_answer(p, health)->status == 200 && h2_answer(p, big)->body.len < BIG / 2);
    must(h2_status(p, big) == 200 && h2_answer(p, big)->body.len == BIG);
    h2_leave(p);
    house_close(s);
}

/* The connection keeps what waits, not all that ever went by: here the rest is never
 * nothing, because there is always one more frame. */
TEST(a_reader_who_is_always_a_little_behind_costs_no_more_the_more_he_reads)
{
    Server *s = house_open_narrow();
    H2Peer *p = h2_connect_wide(server_port(s));
    i32 id = h2_get(p, "/stream?t=a");
    Topic a = topic_of(S("a"));
    char *frame_of = make(mem, char, 4000);
    i64 told = 0, heard = 0, before = in_use(), most = 0;

    memset(frame_of, 'x', 4000);
    memcpy(frame_of + 3998, "\n\n", 2);
    must(h2_hears(p, id, S("connected"), 3000));
    while (told < 64 << 20) {
        for (; told - heard < 60000; told += 4000)
            stream_publish(s, told / 4000 + 1, &a, 1, (Str){ frame_of, 4000 });
        h2_answer(p, id)->body.len = 0;
        h2_turn_little(p);
        heard += h2_answer(p, id)->body.len;
        most = told % 256000 == 0 && in_use() > most ? in_use() : most;
    }
    must(most - before < RING_BYTES + (6 << 20));
    h2_leave(p);
    house_close(s);
}

TEST(who_does_not_take_the_answer_is_cut)
{
    ServerConfig config = plain_config();
    config.write_within = (Span){ 400 };
    Server *s = watched = house_open(config);
    nghttp2_settings_entry none = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0 };
    H2Peer *p = h2_connect_with(server_port(s), WINDOWS_BY_HAND, &none, 1);
    i32 big = h2_get(p, "/big"), health = h2_get(p, "/health");
    int deaf = peer_connect(server_port(s));

    must(h2_await(p, big, 20000)->closed && h2_answer(p, big)->error == NGHTTP2_CANCEL);
    must(h2_await(p, health, 3000)->closed && h2_answer(p, health)->body.len == 0);
    nghttp2_settings_entry wide = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65535 };
    must(nghttp2_submit_settings(p->session, 0, &wide, 1) == 0);
    must(h2_status(p, h2_get(p, "/health")) == 200);
    h2_leave(p);
    peer_send(deaf, PREFACE);
    peer_send(deaf, frame(4, 8, 0, 0, "\x7f\0\0\0"));
    for (u32 i = 0; i < 3; i++) {                 /* more than kernels keep    */
        peer_send(deaf, frame(11, 1, 5, 1 + 2 * i, "\x82\x86\x41\1a\x44\4/big"));
        peer_send(deaf, frame(4, 8, 0, 1 + 2 * i, "\x7f\0\0\0"));
    }
    must(eventually(connections_are, 0, 20000));
    close(deaf);
    house_close(s);
}
