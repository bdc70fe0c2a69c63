/* peer.h - a server with a few routes, and the other end of it: a client that sends
 * bytes as they are and reads what comes. */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "net/server.h"
#include "net/stream.h"
#include "unit/test.h"

/* ---- the client ------------------------------------------------------------ */

static inline int peer_connect(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((u16)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

/* A peer that closed in the middle is no mistake of the test. */
static inline void peer_send(int fd, Str bytes)
{
    for (isize sent = 0; sent < bytes.len;) {
        ssize_t n = send(fd, bytes.at + sent, (size_t)(bytes.len - sent), MSG_NOSIGNAL);
        if (n < 0)
            return;
        sent += n;
    }
}

/* Reads what comes within `ms`: 0 at the end, -1 when nothing came. */
static inline isize peer_some(int fd, Buf *b, i64 ms)
{
    char piece[65536];
    struct pollfd p = { fd, POLLIN, 0 };

    if (ms < 0 || poll(&p, 1, (int)ms) != 1)
        return -1;
    ssize_t n = recv(fd, piece, sizeof piece, 0);
    if (n > 0)
        buf_add(b, (Str){ piece, n });
    return n > 0 ? n : 0;
}

/* What must come is given ten times its time: a machine that is busy is no failure. Shorter
 * waits are for what must not come. */
static inline Mono roof(int ms)
{
    return mono_after(mono_now(), (Span){ ms < 500 ? ms : 10 * ms });
}

static inline i64 ms_left(Mono until) { return (until.ns - mono_now().ns) / 1000000; }

static inline isize count_of(Str text, Str part)
{
    isize n = 0;

    while (text.len >= part.len) {
        const char *p = memmem(text.at, (size_t)text.len, part.at, (size_t)part.len);
        if (p == NULL)
            break;
        n++;
        text = str_sub(text, p + part.len - text.at, text.len);
    }
    return n;
}

/* Bytes of the first whole answer in `s`, 0 when it is not whole. */
static inline isize answer_size(Str s, bool head_only)
{
    const char *end = s.len < 4 ? NULL : memmem(s.at, (size_t)s.len, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    Str head = { s.at, end + 4 - s.at };
    const char *p = memmem(head.at, (size_t)head.len, "Content-Length: ", 16);
    i64 length = 0;
    if (p != NULL && !head_only)
        length = strtoll(p + 16, NULL, 10);
    return s.len >= head.len + length ? head.len + (isize)length : 0;
}

/* Reads until n answers are whole, or the end, or `ms` pass; gives all bytes. */
static inline Str peer_read(int fd, int n, int ms)
{
    Buf b = buf_in(mem, 1024);
    Mono until = roof(ms);
    isize at = 0, size;

    for (int got = 0; got < n;) {
        while (got < n && (size = answer_size(str_sub(buf_str(&b), at, b.len), false)) > 0) {
            at += size;
            got++;
        }
        if (got < n && peer_some(fd, &b, ms_left(until)) <= 0)
            break;
    }
    return buf_str(&b);
}

/* Reads until `text` has come; absent when it did not. */
static inline Str peer_await(int fd, Str text, int ms)
{
    Buf b = buf_in(mem, 1024);
    Mono until = roof(ms);

    while (!str_has(buf_str(&b), text))
        if (peer_some(fd, &b, ms_left(until)) <= 0)
            return (Str){ 0 };
    return buf_str(&b);
}

/* True when the server closes within `ms`. */
static inline bool peer_closed(int fd, int ms)
{
    Buf b = buf_in(mem, 1024);
    Mono until = roof(ms);
    isize n;

    while ((n = peer_some(fd, &b, ms_left(until))) > 0)
        ;
    return n == 0;
}

static inline Str peer_ask(int port, Str bytes, int n)
{
    int fd = peer_connect(port);

    peer_send(fd, bytes);
    Str got = peer_read(fd, n, 5000);
    close(fd);
    return got;
}

static inline int status_of(Str answer)
{
    i64 status = 0;
    return answer.len > 12 && str_int(str_sub(answer, 9, 12), &status) ? (int)status : 0;
}

/* ---- the server ------------------------------------------------------------ */

/* Handlers of POST /wait stand at this gate. */
static struct { pthread_mutex_t lock; pthread_cond_t open; int waiting, passes; } gate = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0
};
static _Atomic i64 house_told, house_served;      /* calls of done; of handlers */

static inline int house_waiting(void)
{
    pthread_mutex_lock(&gate.lock);
    int n = gate.waiting;
    pthread_mutex_unlock(&gate.lock);
    return n;
}

static inline void house_release(int n)
{
    pthread_mutex_lock(&gate.lock);
    gate.passes += n;
    pthread_cond_broadcast(&gate.open);
    pthread_mutex_unlock(&gate.lock);
}

static inline bool eventually(bool (*is)(i64), i64 arg, int ms)
{
    Mono until = roof(ms);

    while (!is(arg)) {
        if (mono_now().ns > until.ns)
            return false;
        usleep(1000);
    }
    return true;
}

static inline bool waiting_is(i64 n) { return house_waiting() == n; }

static inline bool serve_health(Ctx *cx, Req *rq)
{
    (void)cx;
    return reply_json(rq, 200, S("{\"status\":\"ok\"}"));
}

static inline bool serve_echo(Ctx *cx, Req *rq)
{
    (void)cx;
    return reply_text(rq, 200, S("text/plain"), rq->body);
}

static inline void wait_at_gate(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.waiting++;
    while (gate.passes == 0)
        pthread_cond_wait(&gate.open, &gate.lock);
    gate.passes--;
    gate.waiting--;
    pthread_mutex_unlock(&gate.lock);
}

/* Holds the io thread up until house_release, which no real handler may. */
static inline bool serve_nap(Ctx *cx, Req *rq)
{
    (void)cx;
    wait_at_gate();
    return reply_empty(rq, 204);
}

static inline bool serve_wait(Ctx *cx, Req *rq)
{
    wait_at_gate();
    return serve_echo(cx, rq);
}

/* Says what it was given, so that a test sees that nothing was mixed up. */
static inline bool serve_mirror(Ctx *cx, Req *rq)
{
    Buf b = buf_in(cx->mem, 256);
    Str mark = req_header(rq, S("X-Mark"));

    buf_fmt(&b, "id=%.*s path=%.*s query=%.*s mark=%.*s peer=%.*s",
            STR_ARGS(req_param(rq, "id")), STR_ARGS(rq->path),
            (int)rq->query.len, rq->query.len > 0 ? rq->query.at : "",
            (int)mark.len, mark.len > 0 ? mark.at : "", STR_ARGS(rq->peer));
    return reply_text(rq, 200, S("text/plain"), buf_str(&b));
}

enum { BIG = 8 << 20 };

static inline bool serve_big(Ctx *cx, Req *rq)
{
    char *at = make(cx->mem, char, BIG);

    memset(at, 'b', BIG);
    return reply_text(rq, 200, S("text/plain"), (Str){ at, BIG });
}

/* A page of the past that takes as long as the test says. */
static _Atomic bool page_waits;

static inline bool serve_page(Ctx *cx, StreamWish *wish)
{
    (void)cx;
    while (page_waits)
        usleep(1000);
    wish->first = S("event: past\ndata: {}\n\n");
    wish->page = NULL;
    return true;
}

/* Whether those who listen with &over may do so no more. */
static _Atomic bool house_over;
static inline bool is_over_now(const Listener *of) { (void)of; return house_over; }

/* GET /stream?t=a,b&after=7&owner=x&most=2&past&over */
static inline bool serve_stream(Ctx *cx, Req *rq)
{
    Str topics = req_query(cx, rq, S("t")), after = req_query(cx, rq, S("after"));
    Str owner = req_query(cx, rq, S("owner")), most = req_query(cx, rq, S("most"));
    StreamWish wish = { .after = -1, .first = S("retry: 30000\n\nevent: connected\ndata: {}\n\n") };

    while (topics.len > 0)
        wish.topics[wish.count++] = topic_of(str_cut(&topics, ','));
    must(after.at == NULL || str_int(after, &wish.after));
    must(most.at == NULL || str_int(most, &wish.owner_most));
    wish.owner = topic_of(owner);
    wish.page = req_query(cx, rq, S("past")).at != NULL ? serve_page : NULL;
    wish.over = req_query(cx, rq, S("over")).at != NULL ? is_over_now : NULL;
    return reply_stream(cx, rq, &wish);
}

/* Answered at once, and held for 200 to 250 ms. */
static inline bool serve_held(Ctx *cx, Req *rq)
{
    (void)cx;
    reply_hold(rq, (Span){ 200 }, (Span){ 50 });
    return reply_text(rq, 200, S("text/plain"), S("held"));
}

static bool serve_headers_of(Ctx *cx, Req *rq)
{
    Buf b = buf_in(cx->mem, 512);

    for (isize i = 0; i < rq->header_count; i++)
        buf_fmt(&b, "%.*s: %.*s\n", STR_ARGS(rq->headers[i].name), STR_ARGS(rq->headers[i].value));
    return reply_text(rq, 200, S("text/plain"), buf_str(&b));
}

static const Route house_routes[] = {
    { .method = M_GET, .path = "/headers", .run = serve_headers_of },
    { .method = M_GET, .path = "/health", .run = serve_health, .is = INLINE },
    { .method = M_GET, .path = "/nap", .run = serve_nap, .is = INLINE },
    { .method = M_POST, .path = "/inline", .run = serve_echo, .is = INLINE },
    { .method = M_POST, .path = "/echo", .run = serve_echo, .body_most = 1 << 20 },
    { .method = M_POST, .path = "/small", .run = serve_echo, .body_most = 16 },
    { .method = M_POST, .path = "/wait", .run = serve_wait },
    { .method = M_GET, .path = "/held", .run = serve_held },
    { .method = M_GET, .path = "/mirror/:id", .run = serve_mirror },
    { .method = M_GET, .path = "/aside/:id", .run = serve_mirror, .is = ASIDE },
    { .method = M_GET, .path = "/big", .run = serve_big },
    { .method = M_GET, .path = "/stream", .run = serve_stream, .is = STREAM },
    { .method = M_GET, .path = "/stream/here", .run = serve_stream, .is = STREAM | INLINE },
    { .method = M_POST, .path = "/stream/early", .run = serve_stream, .is = STREAM | INLINE | FORWARDS },
};

static inline void house_serve(Ctx *cx, Req *rq)
{
    if (rq->route == NULL)
        reply_empty(rq, 204);
    else {
        house_served++;
        must(rq->route->run(cx, rq));
    }
}

static inline void house_refuse(Ctx *cx, Req *rq)
{
    const FaultFacts *f = fault_facts(cx->fault.code);
    reply_text(rq, f->status, S("text/plain"), str_of(f->code));
}

static inline void house_done(Ctx *cx, const Req *rq, i64 us)
{
    (void)cx;
    must(rq->reply.status >= 200 && us >= 0 && rq->peer.len > 0);
    house_told++;
}

static inline ServerConfig house_config(void)
{
    ServerConfig c = server_defaults();

    c.port = 0;
    c.io_threads = 2;
    c.workers = 4;
    c.address_most = 100000;        /* so that its end finds all counted out (net/crowd.c) */
    return c;
}

static Router *house_router;

static inline Server *house_open(ServerConfig config)
{
    Str why = { 0 };

    house_router = router_open(house_routes, countof(house_routes));
    ServerHooks hooks = { house_router, house_serve, house_refuse, house_done };
    Server *s = server_open(&config, &hooks, mem, &why);
    if (s == NULL)
        fprintf(stderr, "%.*s\n", STR_ARGS(why));
    must(s != NULL);
    return s;
}

static inline void house_close(Server *s)
{
    server_close(s);
    router_close(house_router);
}
