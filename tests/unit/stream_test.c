/* stream_test.c - many streams, and what each must and must not be sent. */
#include "unit/peer.h"

static int subscribe(Server *s, const char *query)
{
    int fd = peer_connect(server_port(s));

    peer_send(fd, str_fmt(mem, "GET /stream?%s HTTP/1.1\r\nHost: a\r\n\r\n", query));
    return fd;
}

static int subscribed(Server *s, const char *query)
{
    int fd = subscribe(s, query);

    must(peer_await(fd, S("event: connected\ndata: {}\n\n"), 3000).at != NULL);
    return fd;
}

static void publish(Server *s, i64 id, const char *subject)
{
    Buf b = buf_in(mem, 128);
    Topic topic = topic_of(str_of(subject));

    frame_write(&b, id, S("e"), str_fmt(mem, "{\"n\":%jd}", (intmax_t)id));
    stream_publish(s, id, &topic, 1, buf_str(&b));
}

static Str mark_of(i64 id) { return str_fmt(mem, "data: {\"n\":%jd}\n\n", (intmax_t)id); }

/* True when the ids of `text` are from..to in order and nothing else. */
static bool is_run(Str text, i64 from, i64 to)
{
    i64 next = from;

    for (const char *p; (p = memmem(text.at, (size_t)text.len, "id: ", 4)) != NULL; next++) {
        if (strtoll(p + 4, NULL, 10) != next)
            return false;
        text = str_sub(text, p + 4 - text.at, text.len);
    }
    return next == to + 1;
}

static bool open_is_in(Server *s, i64 n, int ms)
{
    Mono until = roof(ms);

    while (stream_counts(s).open != n)
        if (mono_now().ns > until.ns)
            return false;
        else
            usleep(1000);
    return true;
}

/* The count follows the write that the client has seen already. */
static bool delivered_is(Server *s, i64 n)
{
    for (int i = 0; i < 30000 && stream_counts(s).delivered < n; i++)
        usleep(1000);
    return stream_counts(s).delivered == n;
}

TEST(a_stream_begins_as_browsers_want_it)
{
    Server *s = house_open(house_config());
    int fd = subscribe(s, "t=a");
    Str got = peer_await(fd, S("data: {}\n\n"), 2000);

    must(status_of(got) == 200 && str_has(got, S("\r\nContent-Type: text/event-stream\r\n")));
    must(str_has(got, S("\r\nCache-Control: no-cache\r\n")));
    must(str_has(got, S("\r\nX-Accel-Buffering: no\r\n")));
    must(str_has(got, S("\r\nConnection: close\r\n")) && !str_has(got, S("Content-Length")));
    must(str_has(got, S("\r\n\r\nretry: 30000\n\nevent: connected\n")));
    close(fd);
    house_close(s);
}

TEST(a_stream_gets_its_topics_and_no_others)
{
    Server *s = house_open(house_config());
    int a = subscribed(s, "t=a"), ab = subscribed(s, "t=a,b"), here;

    here = peer_connect(server_port(s));
    peer_send(here, S("GET /stream/here?t=b HTTP/1.1\r\nHost: a\r\n\r\n"));
    must(peer_await(here, S("connected\ndata: {}\n\n"), 2000).at != NULL);
    publish(s, 1, "a");
    publish(s, 2, "b");
    publish(s, 3, "c");
    publish(s, 4, "a");
    publish(s, 5, "b");
    Str got = peer_await(a, mark_of(4), 2000);
    must(str_has(got, mark_of(1)) && !str_has(got, mark_of(2)) && !str_has(got, mark_of(3)));
    got = peer_await(ab, mark_of(5), 2000);
    must(count_of(got, S("id: ")) == 4 && !str_has(got, mark_of(3)));
    must(count_of(peer_await(here, mark_of(5), 2000), S("id: ")) == 2);
    must(stream_counts(s).topics >= 2 && delivered_is(s, 8));
    close(a), close(ab), close(here);
    house_close(s);
}

TEST(a_frame_with_two_topics_comes_once)
{
    Server *s = house_open(house_config());
    int fd = subscribed(s, "t=a,b");
    Topic both[2] = { topic_of(S("a")), topic_of(S("b")) };

    stream_publish(s, 1, both, 2, S("id: 1\ndata: x\n\n"));
    publish(s, 2, "b");
    must(count_of(peer_await(fd, mark_of(2), 2000), S("id: ")) == 2);
    close(fd);
    house_close(s);
}

enum { MANY = 200, EACH = 50 };

TEST(ten_thousand_deliveries_come_in_order)
{
    Server *s = house_open(house_config());
    int fd[MANY];

    for (int i = 0; i < MANY; i++)
        fd[i] = subscribed(s, i % 2 ? "t=all" : "t=x,all");
    for (i64 id = 1; id <= EACH; id++)
        publish(s, id, "all");
    for (int i = 0; i < MANY; i++) {
        must(is_run(peer_await(fd[i], mark_of(EACH), 5000), 1, EACH));
        close(fd[i]);
    }
    must(delivered_is(s, MANY * EACH) && stream_counts(s).cut == 0);
    house_close(s);
}

TEST(a_stream_resumes_without_loss_or_repeat)
{
    Server *s = house_open(house_config());
    int other = subscribed(s, "t=a");

    for (i64 id = 1; id <= 100; id++) {
        publish(s, id * 2, "a");
        if (id % 3 == 0)
            publish(s, 0, "nobody");
    }
    must(peer_await(other, mark_of(200), 2000).at != NULL);
    for (i64 after = 180; after < 202; after++) {
        int fd = subscribe(s, str_z(mem, str_fmt(mem, "t=a&after=%jd", (intmax_t)after)));
        must(peer_await(fd, S("connected\ndata: {}\n\n"), 2000).at != NULL || after < 200);
        close(fd);
        fd = subscribe(s, str_z(mem, str_fmt(mem, "t=a&after=%jd", (intmax_t)after)));
        publish(s, 1000 + after, "a");
        Str got = peer_await(fd, mark_of(1000 + after), 2000);
        i64 expected = (after < 200 ? 200 / 2 - after / 2 : 0) + (after - 180 + 1);
        must(count_of(got, S("id: ")) == expected);
        close(fd);
    }
    close(other);
    house_close(s);
}

/* The control of the test above: without its last id a client does lose frames, so
 * that test would see a loss. */
TEST(without_a_last_id_what_came_before_is_lost)
{
    Server *s = house_open(house_config());
    int other = subscribed(s, "t=a");

    publish(s, 1, "a");
    must(peer_await(other, mark_of(1), 2000).at != NULL);
    int fd = subscribed(s, "t=a&after=-1");
    publish(s, 2, "a");
    must(is_run(peer_await(fd, mark_of(2), 2000), 2, 2));
    close(fd), close(other);
    house_close(s);
}

TEST(a_frame_that_was_replayed_is_not_sent_again)
{
    Server *s = house_open(house_config());
    int fd = subscribed(s, "t=a&after=5");

    for (i64 id = 4; id <= 7; id++)
        publish(s, id, "a");
    must(is_run(peer_await(fd, mark_of(7), 2000), 6, 7));
    close(fd);
    house_close(s);
}

typedef struct Pump { Server *s; i64 from, to; } Pump;

static void *pump(void *arg)
{
    Pump *p = arg;
    Topic topic = topic_of(S("a"));

    for (i64 id = p->from; id <= p->to; id++) {
        char text[64];
        int n = snprintf(text, sizeof text, "id: %jd\ndata: {\"n\":%jd}\n\n", (intmax_t)id,
                         (intmax_t)id);
        stream_publish(p->s, id, &topic, 1, (Str){ text, n });
        if (id % 16 == 0)
            usleep(200);
    }
    return NULL;
}

TEST(a_client_that_comes_and_goes_in_a_flood_sees_each_once)
{
    Server *s = house_open(house_config());
    Pump p = { s, 1, 6000 };
    pthread_t t;
    i64 last = 0;

    must(pthread_create(&t, NULL, pump, &p) == 0);
    while (last < p.to) {
        int fd = subscribe(s, str_z(mem, str_fmt(mem, "t=a&after=%jd", (intmax_t)last)));
        Buf b = buf_in(mem, 65536);
        while (b.len < 9000 && peer_some(fd, &b, 300) > 0)
            ;
        close(fd);
        Str text = buf_str(&b);
        for (const char *q; (q = memmem(text.at, (size_t)text.len, "id: ", 4)) != NULL;) {
            text = str_sub(text, q - text.at, text.len);
            if (!str_has(text, S("\n\n")))
                break;              /* a frame cut by our leaving is not seen */
            must(strtoll(q + 4, NULL, 10) == last + 1);
            last++;
            text = str_sub(text, 4, text.len);
        }
    }
    pthread_join(t, NULL);
    house_close(s);
}

TEST(who_asks_for_what_is_gone_is_closed)
{
    Server *s = house_open(house_config());
    int fd = subscribed(s, "t=last");

    for (i64 id = 1; id <= 16384 + 100; id++) {
        publish(s, id, "nobody");
        if (id % 4096 == 0)
            usleep(20000);
    }
    publish(s, 20000, "last");
    must(peer_await(fd, mark_of(20000), 3000).at != NULL);
    close(fd);
    fd = subscribe(s, "t=last&after=50");
    must(peer_closed(fd, 2000) && stream_counts(s).cut == 1);
    close(fd);
    fd = subscribe(s, "t=last&after=200");
    must(peer_await(fd, mark_of(20000), 2000).at != NULL);
    close(fd);
    house_close(s);
}

TEST(frames_that_find_no_room_cut_every_stream_and_are_never_skipped)
{
    ServerConfig c = house_config();
    c.io_threads = 1;
    Server *s = house_open(c);
    int fd = subscribed(s, "t=a"), nap = peer_connect(server_port(s));

    peer_send(nap, S("GET /nap HTTP/1.1\r\nHost: a\r\n\r\n"));
    must(eventually(waiting_is, 1, 5000));
    for (i64 id = 1; id <= 8192 + 10; id++)
        publish(s, id, "a");
    house_release(1);
    must(status_of(peer_read(nap, 1, 2000)) == 204);
    must(peer_closed(fd, 2000) && stream_counts(s).cut == 1);
    close(fd);
    fd = subscribe(s, "t=a&after=8100");
    must(peer_closed(fd, 2000));
    close(fd);
    fd = subscribe(s, "t=a&after=8202");
    must(peer_await(fd, S("connected\ndata: {}\n\n"), 2000).at != NULL);
    publish(s, 8203, "a");
    must(is_run(peer_await(fd, mark_of(8203), 2000), 8203, 8203));
    close(fd), close(nap);
    house_close(s);
}

TEST(a_slow_reader_is_cut_when_it_is_behind_by_the_whole_ring)
{
    Server *s = house_open(house_config());
    int slow = subscribed(s, "t=a"), quick = subscribed(s, "t=b");
    char *wide = make(mem, char, 1024);
    Topic a = topic_of(S("a"));

    memset(wide, 'w', 1023);
    for (i64 id = 1; id <= 40000 && stream_counts(s).cut == 0; id++) {
        stream_publish(s, id, &a, 1, (Str){ wide, 1023 });
        if (id % 1024 == 0)
            usleep(5000);
    }
    must(stream_counts(s).cut == 1 && open_is_in(s, 1, 1000));
    publish(s, 50000, "b");
    must(peer_await(quick, mark_of(50000), 2000).at != NULL);
    close(slow), close(quick);
    house_close(s);
}

/* A socket that takes little, so that its stream is soon in the middle of a frame. */
static int subscribed_narrowly(Server *s, const char *query)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((u16)server_port(s)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), little = 4096;

    must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little) == 0);
    must(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    peer_send(fd, str_fmt(mem, "GET /stream?%s HTTP/1.1\r\nHost: a\r\n\r\n", query));
    must(peer_await(fd, S("event: connected\ndata: {}\n\n"), 3000).at != NULL);
    return fd;
}

static Str wide_frame(isize n)
{
    char *wide = make(mem, char, n);

    memset(wide, 'w', (size_t)n);
    memcpy(wide + n - 2, "\n\n", 2);
    return (Str){ wide, n };
}

/* What it lacks is of a topic that is silent since: nobody notices until it reads again. */
TEST(a_slow_reader_that_wakes_behind_the_log_is_cut_and_given_nothing_else)
{
    ServerConfig c = house_config();
    c.io_threads = 1;
    Server *s = house_open(c);
    int slow = subscribed_narrowly(s, "t=a");
    Topic a = topic_of(S("a"));
    Buf got = buf_in(mem, 1 << 20);

    for (i64 id = 1; id <= 8; id++)
        stream_publish(s, id, &a, 1, wide_frame(100000));
    usleep(50000);
    for (i64 id = 9; id <= 40000; id++) {
        publish(s, id, "nobody's");
        if (id % 1024 == 0)
            usleep(3000);
    }
    must(stream_counts(s).open == 1 && stream_counts(s).cut == 0);
    while (peer_some(slow, &got, 2000) > 0)
        ;
    must(stream_counts(s).cut == 1 && open_is_in(s, 0, 1000) && got.len < 8 * 100000);
    must(!str_has(buf_str(&got), S("data: {\"n\"")));
    close(slow);
    house_close(s);
}

TEST(who_takes_nothing_is_closed_in_time)
{
    ServerConfig c = house_config();
    c.write_within = (Span){ 300 };
    c.sse_heartbeat = (Span){ 100 };
    Server *s = house_open(c);
    int slow = subscribed_narrowly(s, "t=a"), quick = subscribed(s, "t=b");
    Topic a = topic_of(S("a"));

    for (i64 id = 1; id <= 8; id++)
        stream_publish(s, id, &a, 1, wide_frame(100000));
    must(open_is_in(s, 1, 3000));
    must(peer_await(quick, S(": ping "), 2000).at != NULL);
    close(slow), close(quick);
    house_close(s);
}

TEST(the_kernel_keeps_little_for_who_does_not_read)
{
    Server *s = house_open(house_config());
    int slow = subscribed_narrowly(s, "t=a");
    Topic a = topic_of(S("a"));

    for (i64 id = 1; id <= 4000; id++)
        stream_publish(s, id, &a, 1, wide_frame(1000));
    usleep(200000);
    must(stream_counts(s).delivered > 0 && stream_counts(s).delivered < 400);
    close(slow);
    house_close(s);
}

typedef struct Flood { Server *server; _Atomic bool over; } Flood;

static void *flood(void *arg)
{
    Flood *f = arg;
    Topic a = topic_of(S("a"));

    for (i64 id = 1; !f->over; id++) {
        stream_publish(f->server, id, &a, 1, S("data: x\n\n"));
        if (id % 200 == 0)
            usleep(500);
    }
    return NULL;
}

/* Marking goes in slices, and may stand at just the stream that leaves. */
TEST(who_leaves_in_the_middle_of_a_slice_is_not_looked_at_again)
{
    ServerConfig c = house_config();
    c.io_threads = 1;
    Server *s = house_open(c);
    Flood f = { s, false };
    pthread_t thread;
    int fds[40];

    for (int i = 0; i < 40; i++)
        fds[i] = subscribed(s, "t=a");
    must(pthread_create(&thread, NULL, flood, &f) == 0);
    for (int i = 0; i < 400; i++) {
        close(fds[i % 40]);
        fds[i % 40] = subscribe(s, "t=a");
    }
    f.over = true;
    must(pthread_join(thread, NULL) == 0);
    for (int i = 0; i < 40; i++)
        close(fds[i]);
    must(open_is_in(s, 0, 3000));
    house_close(s);
}

TEST(who_may_listen_no_more_is_told_and_closed)
{
    ServerConfig c = house_config();
    c.sse_heartbeat = (Span){ 100 };
    Server *s = house_open(c);
    int silent = subscribed(s, "t=a&over"), also = subscribed(s, "t=b&over"), other = subscribed(s, "t=b");

    must(peer_await(silent, S(": ping "), 2000).at != NULL && open_is_in(s, 3, 100));
    house_over = true;
    must(peer_await(silent, S("event: closed\ndata: {\"reason\":\"SESSION_ENDED\"}\n\n"), 3000).at != NULL);
    must(peer_await(also, S("SESSION_ENDED"), 3000).at != NULL && peer_closed(also, 1000));
    must(open_is_in(s, 1, 1000) && peer_await(other, S(": ping "), 2000).at != NULL);
    house_over = false;
    close(silent), close(also), close(other);
    house_close(s);
}

/* More of them than a slice, some of which may stay; half of them come after the first
 * review. Nobody pings meanwhile. */
TEST(a_review_ends_those_that_hear_nothing_and_only_them)
{
    enum { N = 600 };
    ServerConfig c = house_config();
    c.sse_heartbeat = seconds(300);
    Server *s = house_open(c);
    int fds[N];

    for (int i = 0; i < N; i++) {
        fds[i] = subscribed(s, i % 3 == 0 ? "t=b" : "t=a&over");
        if (i == N / 2)
            stream_review(s);
    }
    must(open_is_in(s, N, 5000));
    house_over = true;
    stream_review(s);
    stream_review(s);
    must(open_is_in(s, N / 3, 10000));
    house_over = false;
    for (int i = 0; i < N; i++) {
        must(i % 3 == 0 || (peer_await(fds[i], S("SESSION_ENDED"), 10000).at != NULL &&
                            peer_closed(fds[i], 10000)));
        close(fds[i]);
    }
    house_close(s);
}

TEST(the_log_is_bounded_in_bytes_too)
{
    ServerConfig c = house_config();
    c.io_threads = 1;
    Server *s = house_open(c);
    int slow = subscribed(s, "t=a"), quick = subscribed(s, "t=b");
    char *wide = make(mem, char, 1 << 20);
    Topic a = topic_of(S("a"));
    i64 id = 1;

    memset(wide, 'w', (1 << 20) - 1);
    for (; id <= 60 && stream_counts(s).cut == 0; id++) {
        stream_publish(s, id, &a, 1, (Str){ wide, (1 << 20) - 1 });
        usleep(5000);
    }
    must(stream_counts(s).cut == 1 && id > 32 && id < 60);
    close(slow);
    slow = subscribe(s, "t=a&after=0");           /* gone: it must ask elsewhere */
    must(peer_closed(slow, 2000));
    publish(s, 5000, "b");
    must(peer_await(quick, mark_of(5000), 2000).at != NULL);
    close(slow), close(quick);
    house_close(s);
}

TEST(a_last_frame_is_the_last_that_its_readers_get)
{
    Server *s = house_open(house_config());
    int a = subscribed(s, "t=a"), b = subscribed(s, "t=b");
    Topic topic = topic_of(S("a"));

    publish(s, 1, "a");
    stream_publish_last(s, 2, &topic, 1, S("id: 2\ndata: last\n\n"));
    publish(s, 3, "a");
    publish(s, 4, "b");
    Buf got = buf_in(mem, 256);
    while (peer_some(a, &got, 2000) > 0)
        ;
    must(is_run(buf_str(&got), 1, 2) && peer_await(b, mark_of(4), 2000).at != NULL);
    close(a), close(b);
    house_close(s);
}

TEST(the_oldest_stream_of_an_owner_makes_room)
{
    Server *s = house_open(house_config());
    int fd[6];

    for (int i = 0; i < 6; i++) {
        fd[i] = subscribed(s, "t=a&owner=me&most=3");
        must(i < 3 ? open_is_in(s, i + 1, 2000) : peer_closed(fd[i - 3], 2000));
    }
    int other = subscribed(s, "t=a&owner=you&most=3");
    must(open_is_in(s, 4, 2000));
    publish(s, 1, "a");
    for (int i = 3; i < 6; i++)
        must(peer_await(fd[i], mark_of(1), 2000).at != NULL);
    must(peer_await(other, mark_of(1), 2000).at != NULL);
    for (int i = 0; i < 6; i++)
        close(fd[i]);
    close(other);
    must(open_is_in(s, 0, 2000));
    house_close(s);
}

TEST(a_departed_reader_is_noticed_at_once)
{
    Server *s = house_open(house_config());
    int fd[20];

    for (int i = 0; i < 20; i++)
        fd[i] = subscribed(s, "t=a");
    must(open_is_in(s, 20, 1000));
    for (int i = 0; i < 20; i++)
        close(fd[i]);
    must(open_is_in(s, 0, 500) && stream_counts(s).topics == 0);
    house_close(s);
}

TEST(silence_is_broken_by_a_ping_and_life_has_an_end)
{
    ServerConfig c = house_config();
    c.sse_heartbeat = (Span){ 150 };
    c.sse_lasts = (Span){ 2000 };
    Server *s = house_open(c);
    Mono from = mono_now();
    int fd = subscribed(s, "t=a");
    Buf b = buf_in(mem, 1024);

    while (peer_some(fd, &b, 2000) > 0)
        ;
    i64 ms = mono_us(from, mono_now()) / 1000;
    must(ms >= 1800 && ms < 15000);
    isize pings = count_of(buf_str(&b), S(": ping "));
    must(pings >= 3 && pings <= 13);
    must(str_has(buf_str(&b), S("event: reconnect\ndata: {\"reason\":\"LIFETIME\"}")));
    close(fd);
    house_close(s);
}

TEST(a_drain_sends_every_stream_away)
{
    Server *s = house_open(house_config());
    int fd[10];

    for (int i = 0; i < 10; i++)
        fd[i] = subscribed(s, "t=a");
    must(server_drain(s, seconds(3)));
    for (int i = 0; i < 10; i++) {
        Buf b = buf_in(mem, 256);
        while (peer_some(fd[i], &b, 2000) > 0)
            ;
        i64 ms = strtoll(buf_str(&b).at + strlen("retry: "), NULL, 10);
        must(ms >= 500 && ms < 3000);
        must(str_ends(buf_str(&b), S("\nevent: reconnect\ndata: {\"reason\":\"SHUTDOWN\"}\n\n")));
        close(fd[i]);
    }
    house_close(s);
}

TEST(requests_pass_between_slices_of_a_flood)
{
    Server *s = house_open(house_config());
    int fd[400], asker = peer_connect(server_port(s));
    Pump p = { s, 1, 400 };
    pthread_t t;

    for (int i = 0; i < 400; i++)
        fd[i] = subscribed(s, "t=a");
    must(pthread_create(&t, NULL, pump, &p) == 0);
    for (int i = 0; i < 50; i++) {
        peer_send(asker, S("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
        must(status_of(peer_read(asker, 1, 3000)) == 200);
    }
    pthread_join(t, NULL);
    for (int i = 0; i < 400; i++) {
        must(is_run(peer_await(fd[i], mark_of(400), 5000), 1, 400));
        close(fd[i]);
    }
    close(asker);
    house_close(s);
}

TEST(who_comes_back_for_much_takes_no_worker_from_requests)
{
    Server *s = house_open(house_config());
    int fd[20], asker = peer_connect(server_port(s));

    page_waits = true;
    for (int i = 0; i < 20; i++)
        fd[i] = subscribed(s, "t=a&past=1");
    for (int i = 0; i < 20; i++) {
        peer_send(asker, S("GET /mirror/1 HTTP/1.1\r\nHost: a\r\n\r\n"));
        must(status_of(peer_read(asker, 1, 3000)) == 200);
    }
    page_waits = false;
    for (int i = 0; i < 20; i++) {
        must(peer_await(fd[i], S("event: past\ndata: {}\n\n"), 3000).at != NULL);
        close(fd[i]);
    }
    close(asker);
    house_close(s);
}
