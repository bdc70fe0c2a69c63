/* server_test.c - the server over real sockets. */
#include <sys/resource.h>
#include "unit/peer.h"

#define H "Host: a\r\n"
#define GET(path) S("GET " path " HTTP/1.1\r\n" H "\r\n")
#define POST(path, fields, body) S("POST " path " HTTP/1.1\r\n" H fields "\r\n" body)

TEST(one_connection_carries_many_requests)
{
    Server *s = house_open(house_config());
    i64 before = house_told;
    int fd = peer_connect(server_port(s));

    for (int i = 0; i < 5; i++) {
        peer_send(fd, GET("/health"));
        must(str_ends(peer_read(fd, 1, 2000), S("\r\n\r\n{\"status\":\"ok\"}")));
        peer_send(fd, POST("/echo", "Content-Length: 5\r\n", "hello"));
        must(str_ends(peer_read(fd, 1, 2000), S("\r\n\r\nhello")));
    }
    must(server_counts(s).requests == 10 && server_counts(s).connections == 1);
    close(fd);
    house_close(s);
    must(house_told == before + 10);
}

TEST(pipelined_requests_are_answered_in_order)
{
    Server *s = house_open(house_config());
    Buf b = buf_in(mem, 4096);

    for (int i = 0; i < 200; i++)
        buf_fmt(&b, "GET /mirror/%d HTTP/1.1\r\n" H "\r\nGET /health HTTP/1.1\r\n" H "\r\n"
                "POST /echo HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\n%04d", i, i);
    Str got = peer_ask(server_port(s), buf_str(&b), 600);
    must(count_of(got, S("HTTP/1.1 200 OK")) == 600);
    for (int i = 0; i < 200; i++) {
        Str id = str_fmt(mem, "id=%d ", i);
        const char *p = memmem(got.at, (size_t)got.len, id.at, (size_t)id.len);
        must(p != NULL);
        got = str_sub(got, p - got.at, got.len);
        must(str_has(str_sub(got, 0, 800), str_fmt(mem, "\r\n\r\n%04d", i)));
    }
    house_close(s);
}

TEST(a_request_in_pieces_is_the_same_request)
{
    Server *s = house_open(house_config());
    int fd = peer_connect(server_port(s));
    Str all = S("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");

    for (isize i = 0; i < all.len; i++) {
        peer_send(fd, str_sub(all, i, i + 1));
        if (i % 9 == 0)
            usleep(500);
    }
    must(str_ends(peer_read(fd, 1, 2000), S("\r\n\r\nhello world")));
    close(fd);
    house_close(s);
}

TEST(what_a_worker_sees_is_what_came)
{
    Server *s = house_open(house_config());

    must(str_has(peer_ask(server_port(s), S("GET /mirror/a%20b?x=1 HTTP/1.1\r\n" H
                                            "X-Mark: m\r\n\r\n"), 1),
                 S("id=a b path=/mirror/a b query=x=1 mark=m peer=127.0.0.1")));
    must(str_has(peer_ask(server_port(s), S("GET http://a/mirror/7 HTTP/1.1\r\n" H "\r\n"), 1),
                 S("id=7 path=/mirror/7 query= mark= peer=127.0.0.1")));
    house_close(s);
}

TEST(head_is_get_without_its_body)
{
    Server *s = house_open(house_config());
    int fd = peer_connect(server_port(s));

    peer_send(fd, S("HEAD /health HTTP/1.1\r\n" H "\r\nHEAD /big HTTP/1.1\r\n" H "\r\n"));
    Str got = peer_await(fd, S("Content-Length: 8388608\r\n"), 2000);
    must(str_has(got, S("Content-Length: 15\r\n")) && !str_has(got, S("{\"status\"")));
    peer_send(fd, GET("/health"));
    must(peer_await(fd, S("{\"status\":\"ok\"}"), 2000).at != NULL);
    close(fd);
    house_close(s);
}

TEST(every_answer_has_a_date_and_the_headers_of_the_house)
{
    ServerConfig c = house_config();
    c.extra_headers = S("X-House: yes\r\n");
    c.hsts = true;
    Server *s = house_open(c);
    static const char *const asks[] = { "GET /health HTTP/1.1\r\n" H "\r\n", "x\r\n\r\n",
                                        "GET /mirror/1 HTTP/1.1\r\n" H "\r\n" };

    for (isize i = 0; i < countof(asks); i++) {
        Str got = peer_ask(server_port(s), str_of(asks[i]), 1);
        must(str_has(got, S("\r\nX-House: yes\r\n")) && str_has(got, S("\r\nDate: ")));
        must(str_has(got, S(" GMT\r\n")) && str_has(got, S("\r\nStrict-Transport-Security: ")));
    }
    house_close(s);
}

typedef struct Told { Str bytes; int status; const char *has; bool closes; } Told;

static const Told told[] = {
    { GET("/none"), 404, "NOT_FOUND", false },
    { S("DELETE /echo HTTP/1.1\r\n" H "\r\n"), 405, "Allow: POST, OPTIONS\r\n", false },
    { S("OPTIONS /health HTTP/1.1\r\n" H "\r\n"), 204, "", false },
    { S("OPTIONS * HTTP/1.1\r\n" H "\r\n"), 204, "", false },
    { S("OPTIONS /none HTTP/1.1\r\n" H "\r\n"), 404, "", false },
    { S("BREW / HTTP/1.1\r\n" H "\r\n"), 501, "", true },
    { S("GET / HTTP/2.0\r\n" H "\r\n"), 505, "", true },
    { POST("/echo", "", ""), 411, "LENGTH_REQUIRED", false },
    { POST("/wait", "Content-Length: 1\r\nExpect: x\r\n", "a"), 417, "", true },
    { POST("/small", "Content-Length: 17\r\n", ""), 413, "Connection: close\r\n", true },
    { POST("/small", "Content-Length: 17\r\nExpect: 100-continue\r\n", ""), 413, "", true },
    { POST("/small", "Transfer-Encoding: chunked\r\n", "11\r\n"), 413, "", true },
    { POST("/small", "Transfer-Encoding: chunked\r\n", "xx\r\n"), 400, "", true },
    { POST("/echo", "Content-Length: 1048577\r\n", ""), 413, "", true },
    { POST("/none", "Content-Length: 5\r\n", "hello"), 404, "", false },
    { POST("/none", "Content-Length: 1048577\r\n", ""), 413, "", true },
    { POST("/none", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"), 404, "", true },
    { POST("/none", "Content-Length: 5\r\nExpect: 100-continue\r\n", ""), 404, "", true },
    { POST("/echo", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "a"), 400,
      "Connection: close\r\n", true },
    { S("GET /health HTTP/1.1\r\n" H "Connection: close\r\n\r\n"), 200, "Connection: close", true },
    { S("GET /health HTTP/1.0\r\n\r\n"), 200, "Connection: close", true },
    { S("GET /mirror/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), 200,
      "Connection: keep-alive", false },
};

TEST(each_request_gets_its_status_and_keeps_or_loses_its_connection)
{
    Server *s = house_open(house_config());

    for (isize i = 0; i < countof(told); i++) {
        int fd = peer_connect(server_port(s));
        peer_send(fd, told[i].bytes);
        Str got = peer_read(fd, 1, 2000);
        bool right = status_of(got) == told[i].status && str_has(got, str_of(told[i].has));
        if (!told[i].closes) {
            peer_send(fd, GET("/health"));
            right &= status_of(peer_read(fd, 1, 2000)) == 200;
        } else
            right &= peer_closed(fd, 500);
        if (!right)
            fprintf(stderr, "%.*s\n-> %.*s\n", STR_ARGS(told[i].bytes), STR_ARGS(got));
        must(right);
        close(fd);
    }
    house_close(s);
}

/* What a refused request brings along must not be taken for the next one. */
TEST(no_body_of_a_refused_request_is_a_request)
{
    static const char *const heads[] = {
        "POST /none HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n",
        "POST /none HTTP/1.1\r\n" H "Content-Length: 35\r\n\r\n",
        "POST /none HTTP/1.1\r\n" H "Content-Length: 35\r\nExpect: 100-continue\r\n\r\n",
        "DELETE /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n",
        "POST /small HTTP/1.1\r\n" H "Content-Length: 35\r\n\r\n",
        "POST /small HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n23\r\n",
        "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked, x\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" H "Content-Length: 35\r\nContent-Length: 35\r\n\r\n",
        "GET /health HTTP/1.1\r\n" H "Content-Length: 35\r\n\r\n",
        "OPTIONS /health HTTP/1.1\r\n" H "Content-Length: 35\r\n\r\n",
    };
    Server *s = house_open(house_config());

    for (isize i = 0; i < countof(heads); i++) {
        Str all = str_fmt(mem, "%sGET /mirror/9 HTTP/1.1\r\nHost: a\r\n\r\n", heads[i]);
        int fd = peer_connect(server_port(s));
        Buf got = buf_in(mem, 4096);
        peer_send(fd, all);
        while (peer_some(fd, &got, 150) > 0)
            ;
        must(count_of(buf_str(&got), S("HTTP/1.1 ")) == 1 && !str_has(buf_str(&got), S("/mirror/9")));
        close(fd);
    }
    house_close(s);
}

TEST(only_an_accepted_body_is_asked_for)
{
    Server *s = house_open(house_config());
    int fd = peer_connect(server_port(s));

    for (int i = 0; i < 2; i++) {
        peer_send(fd, POST("/echo", "Content-Length: 5\r\nExpect: 100-continue\r\n", ""));
        must(str_is(peer_read(fd, 1, 2000), S("HTTP/1.1 100 Continue\r\n\r\n")));
        peer_send(fd, S("hello"));
        must(str_ends(peer_read(fd, 1, 2000), S("\r\n\r\nhello")));
    }
    close(fd);
    house_close(s);
}

TEST(large_bodies_come_whole_either_way)
{
    Server *s = house_open(house_config());
    Buf b = buf_in(mem, 3 << 20);
    char *body = make(mem, char, 1 << 20);

    memset(body, 'z', 1 << 20);
    buf_lit(&b, "POST /echo HTTP/1.1\r\n" H "Content-Length: 1048576\r\n\r\n");
    buf_add(&b, (Str){ body, 1 << 20 });
    buf_lit(&b, "POST /inline HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n80000\r\n");
    buf_add(&b, (Str){ body, 0x80000 });
    buf_lit(&b, "\r\n7ffff\r\n");
    buf_add(&b, (Str){ body, 0x7ffff });
    buf_lit(&b, "\r\n0\r\n\r\n");
    Str got = peer_ask(server_port(s), buf_str(&b), 2);
    isize letters = 0;
    for (isize i = 0; i < got.len; i++)
        letters += got.at[i] == 'z';
    must(count_of(got, S("200 OK")) == 2 && letters == (2 << 20) - 1);
    must(str_has(got, S("Content-Length: 1048575\r\n")));
    house_close(s);
}

enum { UPLOAD = 65000, SENT_FIRST = 60000, UPLOADS = 8, FIT = 4 };

static int begin_upload(int port, Str bytes)
{
    int fd = peer_connect(port);

    peer_send(fd, POST("/echo", "Content-Length: 65000\r\n", ""));
    peer_send(fd, bytes);
    return fd;
}

static bool has_answer(int fd)
{
    struct pollfd p = { fd, POLLIN, 0 };
    return poll(&p, 1, 0) == 1;
}

static int answered(const int *fds)
{
    int n = 0;
    for (int i = 0; i < UPLOADS; i++)
        n += has_answer(fds[i]);
    return n;
}

/* All together they send twice of what may be kept. Which are refused is chance. */
TEST(of_bodies_that_come_at_once_no_more_are_kept_than_fit)
{
    ServerConfig c = house_config();
    char *body = make(mem, char, UPLOAD);
    Str all = { body, UPLOAD }, first = { body, SENT_FIRST };
    int idle[20], fds[UPLOADS], good = 0;

    c.io_threads = 1;
    c.body_most = 1 << 16;
    c.bodies_most = FIT << 16;
    Server *s = house_open(c);
    int port = server_port(s);
    for (int i = 0; i < countof(idle); i++)
        idle[i] = begin_upload(port, S(""));      /* a promise takes nothing  */
    for (int round = 0; round < 2; round++) {     /* what was kept is given back */
        for (int i = 0; i < UPLOADS; i++)
            fds[i] = begin_upload(port, first);
        for (int ms = 0; ms < 10000 && answered(fds) < UPLOADS - FIT; ms++)
            usleep(1000);
        must(answered(fds) >= UPLOADS - FIT);
        must(status_of(peer_ask(port, POST("/echo", "Content-Length: 5\r\n", "small"), 1)) == 200);
        good = 0;
        for (int i = 0; i < UPLOADS; i++) {
            if (!has_answer(fds[i]))
                peer_send(fds[i], str_sub(all, SENT_FIRST, UPLOAD));
            int status = status_of(peer_read(fds[i], 1, 5000));
            must(status == 200 || status == 503);
            good += status == 200;
            close(fds[i]);
        }
        must(good >= 1 && good <= FIT);
    }
    for (int i = 0; i < countof(idle); i++)
        close(idle[i]);
    house_close(s);
}

static ServerConfig hasty(void)
{
    ServerConfig c = house_config();
    c.head_within = c.body_within = c.keep_alive = c.write_within = (Span){ 300 };
    return c;
}

/* Sends one byte every 40 ms until the server closes or all is sent. */
static isize dribbled;

static Str dribble(int fd, Str bytes)
{
    Buf b = buf_in(mem, 512);

    for (dribbled = 0; dribbled < bytes.len; dribbled++) {
        peer_send(fd, str_sub(bytes, dribbled, dribbled + 1));
        if (peer_some(fd, &b, 40) == 0)
            break;
        if (b.len > 0 && peer_some(fd, &b, 1000) <= 0)
            break;
    }
    if (b.len == 0)
        peer_some(fd, &b, 5000);                  /* all is sent              */
    return buf_str(&b);
}

TEST(a_dribble_gets_408_by_the_clock_and_costs_no_worker)
{
    Server *s = house_open(hasty());
    i64 before = house_served;
    static const char *const slow[] = {
        "GET /health HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };

    for (isize i = 0; i < countof(slow); i++) {
        int fd = peer_connect(server_port(s));
        Mono from = mono_now();
        must(status_of(dribble(fd, str_of(slow[i]))) == 408);
        must(mono_us(from, mono_now()) / 1000 >= 280 && dribbled < str_of(slow[i]).len);
        close(fd);
    }
    int fd = peer_connect(server_port(s));
    peer_send(fd, POST("/echo", "Content-Length: 1000\r\n", ""));
    must(status_of(dribble(fd, S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))) == 408);
    close(fd);
    must(house_served == before && server_counts(s).timeouts == 3);
    house_close(s);
}

/* The control: the same dribble within the deadlines is an ordinary request. */
TEST(a_dribble_within_its_time_is_answered)
{
    Server *s = house_open(house_config());
    int fd = peer_connect(server_port(s));

    peer_send(fd, POST("/echo", "Content-Length: 20\r\n", ""));
    must(status_of(dribble(fd, S("aaaaaaaaaaaaaaaaaaaa"))) == 200);
    must(server_counts(s).timeouts == 0);
    close(fd);
    house_close(s);
}

TEST(who_says_nothing_is_closed_without_a_word)
{
    Server *s = house_open(hasty());
    int silent = peer_connect(server_port(s)), idle = peer_connect(server_port(s));
    Buf b = buf_in(mem, 64);

    peer_send(idle, GET("/health"));
    must(status_of(peer_read(idle, 1, 2000)) == 200);
    must(peer_some(silent, &b, 1000) == 0 && b.len == 0);
    must(peer_some(idle, &b, 1000) == 0 && b.len == 0);
    close(silent);
    close(idle);
    house_close(s);
}

#ifdef __SANITIZE_THREAD__
enum { WRITE_WITHIN_MS = 7000 };    /* 8 MiB take their time                  */
#else
enum { WRITE_WITHIN_MS = 700 };
#endif

TEST(a_slow_reader_is_cut_and_a_steady_one_gets_all)
{
    ServerConfig c = hasty();
    c.write_within = (Span){ WRITE_WITHIN_MS };
    Server *s = house_open(c);
    int slow = peer_connect(server_port(s)), steady = peer_connect(server_port(s));
    Mono from = mono_now();

    peer_send(slow, GET("/big"));
    peer_send(steady, GET("/big"));
    must(peer_read(steady, 1, 20000).len > BIG);
    while (server_counts(s).timeouts == 0 && mono_us(from, mono_now()) < 20000000)
        usleep(5000);
    must(server_counts(s).timeouts == 1);
    must(peer_read(slow, 1, 1000).len < BIG);
    close(slow);
    close(steady);
    house_close(s);
}

/* One worker, who waits, and one place in his line, which is taken. */
static Server *all_workers_wait(int *fd)
{
    ServerConfig c = house_config();

    c.workers = 1;
    c.queue_most = 1;
    Server *s = house_open(c);
    for (int i = 0; i < 2; i++) {
        fd[i] = peer_connect(server_port(s));
        peer_send(fd[i], POST("/wait", "Content-Length: 2\r\n", "hi"));
        if (i == 0)
            must(eventually(waiting_is, 1, 2000));
    }
    while (server_counts(s).queued == 0)
        usleep(1000);
    return s;
}

TEST(a_full_queue_answers_503_at_once_and_keeps_the_connection)
{
    int fd[3];
    Server *s = all_workers_wait(fd);

    fd[2] = peer_connect(server_port(s));
    peer_send(fd[2], POST("/wait", "Content-Length: 2\r\n", "hi"));
    Str got = peer_read(fd[2], 1, 500);
    must(status_of(got) == 503 && str_has(got, S("\r\nRetry-After: 1\r\n")));
    must(!str_has(got, S("Connection: close")));
    peer_send(fd[2], GET("/health"));
    must(status_of(peer_read(fd[2], 1, 500)) == 200);
    house_release(2);
    for (int i = 0; i < 3; i++) {
        must(i == 2 || str_ends(peer_read(fd[i], 1, 2000), S("\r\n\r\nhi")));
        close(fd[i]);
    }
    house_close(s);
}

TEST(who_looks_after_it_is_answered_while_all_workers_wait)
{
    int fd[2];
    Server *s = all_workers_wait(fd);

    must(status_of(peer_ask(server_port(s), GET("/mirror/1"), 1)) == 503);
    must(str_has(peer_ask(server_port(s), GET("/aside/1"), 1), S("id=1 ")));
    house_release(2);
    for (int i = 0; i < 2; i++) {
        must(str_ends(peer_read(fd[i], 1, 2000), S("\r\n\r\nhi")));
        close(fd[i]);
    }
    house_close(s);
}

TEST(a_half_closed_peer_still_gets_its_answer)
{
    Server *s = house_open(house_config());
    int fd = peer_connect(server_port(s));

    peer_send(fd, POST("/wait", "Content-Length: 2\r\n", "hi"));
    shutdown(fd, SHUT_WR);
    must(eventually(waiting_is, 1, 2000));
    usleep(20000);
    house_release(1);
    must(str_ends(peer_read(fd, 1, 2000), S("\r\n\r\nhi")));
    must(peer_closed(fd, 1000));
    close(fd);
    house_close(s);
}

TEST(a_peer_that_goes_while_a_worker_works_harms_nobody)
{
    Server *s = house_open(house_config());
    struct linger reset = { 1, 0 };

    for (int i = 0; i < 4; i++) {
        int fd = peer_connect(server_port(s));
        peer_send(fd, POST("/wait", "Content-Length: 2\r\n", "hi"));
        must(eventually(waiting_is, i + 1, 2000));
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
    }
    while (server_counts(s).connections > 0)
        usleep(1000);
    house_release(4);
    must(eventually(waiting_is, 0, 2000));
    must(status_of(peer_ask(server_port(s), GET("/health"), 1)) == 200);
    house_close(s);
}

TEST(an_answer_is_held_to_its_moment_and_holds_no_worker)
{
    enum { PEERS = 40 };
    ServerConfig c = house_config();
    c.workers = 1;
    Server *s = house_open(c);
    Mono begun = mono_now();
    int fd[PEERS];

    for (int i = 0; i < PEERS; i++) {
        fd[i] = peer_connect(server_port(s));
        peer_send(fd[i], GET("/held"));
    }
    must(str_has(peer_ask(server_port(s), GET("/mirror/1"), 1), S("id=1 ")));
    must(mono_us(begun, mono_now()) < 4000000);   /* the one worker is free   */
    peer_send(fd[0], GET("/health"));             /* waits for its turn       */
    must(str_ends(peer_read(fd[0], 2, 2000), S("{\"status\":\"ok\"}")));
    for (int i = 1; i < PEERS; i++) {
        must(str_ends(peer_read(fd[i], 1, 2000), S("\r\n\r\nheld")));
        must(mono_us(begun, mono_now()) >= 200000);
        close(fd[i]);
    }
    must(mono_us(begun, mono_now()) < 6000000);   /* not one after the other: 8 s */
    close(fd[0]);
    house_close(s);
}

TEST(who_goes_while_an_answer_is_held_is_forgotten_and_a_stop_forgets_all)
{
    Server *s = house_open(house_config());
    int fd = peer_connect(server_port(s));

    peer_send(fd, GET("/held"));
    usleep(50000);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
    close(fd);
    while (server_counts(s).connections > 0)
        usleep(1000);
    fd = peer_connect(server_port(s));
    peer_send(fd, GET("/held"));
    usleep(50000);
    house_close(s);
    close(fd);
}

static i64 cpu_ms(void)
{
    struct timespec t;

    must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

TEST(without_descriptors_who_comes_waits_and_no_thread_spins)
{
    Server *s = house_open(house_config());
    struct rlimit was, none;
    int fd = peer_connect(server_port(s));

    peer_send(fd, GET("/health"));
    must(status_of(peer_read(fd, 1, 2000)) == 200);
    int late = peer_connect(server_port(s));      /* this one's other end is taken: one more is not */
    peer_send(late, GET("/health"));
    must(status_of(peer_read(late, 1, 2000)) == 200);
    close(late);
    late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    usleep(50000);
    must(getrlimit(RLIMIT_NOFILE, &was) == 0);
    none = was;
    int first_free = dup(fd);
    must(first_free >= 0 && close(first_free) == 0);
    none.rlim_cur = (rlim_t)first_free;
    must(setrlimit(RLIMIT_NOFILE, &none) == 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((u16)server_port(s)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    must(connect(late, (struct sockaddr *)&a, sizeof a) == 0);
    peer_send(late, GET("/health"));
    i64 before = cpu_ms();
    usleep(500000);
    must(cpu_ms() - before < 25);
    must(setrlimit(RLIMIT_NOFILE, &was) == 0);
    must(status_of(peer_read(late, 1, 3000)) == 200);
    close(fd), close(late);
    house_close(s);
}

TEST(connections_over_the_limit_wait_and_are_taken_later)
{
    ServerConfig c = house_config();
    c.conns_most = 4;
    c.io_threads = 1;
    Server *s = house_open(c);
    int fd[8];

    for (int i = 0; i < 8; i++) {
        fd[i] = peer_connect(server_port(s));
        peer_send(fd[i], GET("/health"));
    }
    for (int i = 0; i < 4; i++)
        must(status_of(peer_read(fd[i], 1, 2000)) == 200);
    must(peer_read(fd[4], 1, 100).len == 0 && server_counts(s).connections == 4);
    for (int i = 0; i < 4; i++)
        close(fd[i]);
    for (int i = 4; i < 8; i++) {
        must(status_of(peer_read(fd[i], 1, 2000)) == 200);
        close(fd[i]);
    }
    house_close(s);
}

typedef struct Drain { Server *s; bool all; } Drain;

static void *drain(void *arg)
{
    Drain *d = arg;
    d->all = server_drain(d->s, seconds(5));
    return NULL;
}

TEST(a_drain_finishes_what_is_in_flight_and_takes_nothing_new)
{
    Server *s = house_open(house_config());
    int idle = peer_connect(server_port(s)), busy = peer_connect(server_port(s));
    int half = peer_connect(server_port(s));
    Drain d = { s, false };
    pthread_t t;

    peer_send(idle, GET("/health"));
    must(status_of(peer_read(idle, 1, 2000)) == 200);
    peer_send(busy, POST("/wait", "Content-Length: 2\r\n", "hi"));
    peer_send(half, S("GET /health HTTP/1.1\r\n"));
    must(eventually(waiting_is, 1, 2000));
    usleep(20000);
    must(pthread_create(&t, NULL, drain, &d) == 0);
    must(peer_closed(idle, 1000));
    peer_send(half, S(H "\r\n"));
    must(str_has(peer_read(half, 1, 1000), S("Connection: close\r\n")));
    house_release(1);
    Str got = peer_read(busy, 1, 2000);
    must(str_ends(got, S("\r\n\r\nhi")) && str_has(got, S("Connection: close\r\n")));
    pthread_join(t, NULL);
    must(d.all && server_counts(s).connections == 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((u16)server_port(s)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    must(connect(fd, (struct sockaddr *)&a, sizeof a) != 0);
    close(fd), close(idle), close(busy), close(half);
    house_close(s);
}

TEST(a_drain_waits_for_what_is_held_back)
{
    Server *s = house_open(house_config());
    int fd = peer_connect(server_port(s));

    peer_send(fd, GET("/held"));
    usleep(50000);
    must(server_drain(s, seconds(5)));
    must(str_ends(peer_read(fd, 1, 100), S("\r\n\r\nheld")));
    close(fd);
    house_close(s);
}

/* Their answers promised to keep the connection, before anybody thought of an end. */
TEST(a_drain_does_not_wait_for_who_has_got_all_and_asks_nothing)
{
    Server *s = house_open(house_config());
    int slow = peer_connect(server_port(s)), skipped = peer_connect(server_port(s));
    Drain d = { s, false };
    pthread_t t;

    peer_send(slow, GET("/big"));
    peer_send(skipped, POST("/none", "Content-Length: 5\r\n", "ab"));
    must(status_of(peer_read(skipped, 1, 2000)) == 404 && str_has(peer_await(slow, S("bbbb"), 2000), S("200 OK")));
    must(pthread_create(&t, NULL, drain, &d) == 0);
    usleep(50000);
    Mono from = mono_now();
    peer_send(skipped, S("cde"));
    Buf rest = buf_in(mem, 1024);
    while (peer_some(slow, &rest, 2000) > 0)
        continue;
    pthread_join(t, NULL);
    must(d.all && mono_us(from, mono_now()) < 3000000);
    close(slow), close(skipped);
    house_close(s);
}

TEST(a_drain_gives_up_when_its_time_is_over)
{
    Server *s = house_open(house_config());
    int fd = peer_connect(server_port(s));

    peer_send(fd, POST("/wait", "Content-Length: 2\r\n", "hi"));
    must(eventually(waiting_is, 1, 2000));
    must(!server_drain(s, (Span){ 100 }));
    house_release(1);
    must(str_ends(peer_read(fd, 1, 2000), S("\r\n\r\nhi")));
    close(fd);
    house_close(s);
}

TEST(a_port_in_use_is_refused_with_the_reason)
{
    Server *s = house_open(house_config());
    ServerConfig c = house_config();
    ServerHooks hooks = { house_router, house_serve, house_refuse, NULL };
    Str why = { 0 };

    c.port = server_port(s);
    must(server_open(&c, &hooks, mem, &why) == NULL && str_has(why, S("in use")));
    c.host = S("no such host");
    must(server_open(&c, &hooks, mem, &why) == NULL && why.len > 0);
    house_close(s);
}
