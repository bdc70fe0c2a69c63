/* behind.h - a service behind, and a server before it that passes on what comes at /api/. */
#pragma once
#include "net/forward.h"
#include "unit/h2_peer.h"

/* ---- the service behind, and the server before it --------------------------------- */

typedef struct Behind { int fd, port; } Behind;

static inline Behind behind_open(int backlog)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof a;
    Behind b = { socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 0 };

    must(bind(b.fd, (struct sockaddr *)&a, size) == 0 && listen(b.fd, backlog) == 0);
    must(getsockname(b.fd, (struct sockaddr *)&a, &size) == 0);
    b.port = ntohs(a.sin_port);
    return b;
}

/* The next connection to it, and what was said on it up to `text`. */
static inline int heard(const Behind *b, const char *text)
{
    struct pollfd p = { b->fd, POLLIN, 0 };

    must(poll(&p, 1, 3000) == 1);
    int fd = accept4(b->fd, NULL, NULL, SOCK_CLOEXEC);
    must(fd >= 0 && peer_await(fd, str_of(text), 3000).at != NULL);
    return fd;
}

static inline bool nobody_came(const Behind *b, int ms)
{
    struct pollfd p = { b->fd, POLLIN, 0 };
    return poll(&p, 1, ms) == 0;
}

/* first: asked before a request is passed on. line: places for who waits for a worker; 0: many. */
static struct { Upstream *up; Server *server; Router *router; Behind behind; Handler *first; i64 line; } own;

static inline bool takes_all(Arena *unused, const ForwardWish *w, Header *h)
{
    (void)unused, (void)w, (void)h;
    return true;
}

static inline bool trailer_passes(const void *of, Str name)
{
    (void)of;
    return !str_is_nocase(name, S("x-ours"));
}

static inline bool pass(Ctx *cx, Req *rq)
{
    if (own.first != NULL && !own.first(cx, rq))
        return reply_text(rq, 503, S("text/plain"), S("BUSY"));
    ForwardWish wish = {
        .to = own.up, .body_most = 4 << 20, .fields = S("X-From: us\r\n"), .passes = takes_all,
        .trailer_up = trailer_passes, .trailer_down = trailer_passes,
        .line = str_fmt(cx->mem, "%s %.*s HTTP/1.1\r\n", method_names.at[rq->method], STR_ARGS(rq->path)),
        .again = rq->method == M_GET || rq->method == M_PUT || rq->method == M_DELETE };
    return reply_forward(cx, rq, &wish);
}

static const Route routes[] = {
    { .method = M_GET, .path = "/health", .run = serve_health, .is = INLINE },
    { .method = M_GET, .path = "/nap", .run = serve_nap, .is = INLINE },
    { .method = M_OTHER, .path = "/api/*", .run = pass, .is = INLINE | FORWARDS },
};

static inline UpstreamConfig usual(void)
{
    return (UpstreamConfig){
        .name = S("behind"), .connect_within = { 2000 }, .first_within = { 3000 },
        .idle_within = { 3000 }, .kept = { 3000 }, .lines_most = 16,
        .breaker = { 1000, { 10000 }, { 1000 } } };
}

static inline void open_before_at(const char *scheme_and_host, Behind behind, UpstreamConfig u)
{
    ServerConfig c = house_config();
    Url *url = make(mem, Url, 1);
    Str why = { 0 };

    c.io_threads = 1;
    c.queue_most = own.line > 0 ? own.line : c.queue_most;
    c.http2 = HTTP2_ALWAYS;
    own.behind = behind;
    must(url_read(mem, str_fmt(mem, "%s:%d", scheme_and_host, behind.port), url));
    u.urls = url;
    u.url_count = 1;
    must((own.up = upstream_open(mem, &u, &why)) != NULL);
    own.router = router_open(routes, countof(routes));
    ServerHooks hooks = { own.router, house_serve, house_refuse, house_done };
    must((own.server = server_open(&c, &hooks, mem, &why)) != NULL);
}

static inline void open_before(Behind behind, UpstreamConfig u)
{
    open_before_at("http://127.0.0.1", behind, u);
}

static inline void open_all(UpstreamConfig u) { open_before(behind_open(64), u); }

/* Whatever happened, no line is left and nobody waits. */
static inline void close_all(void)
{
    const UpstreamCounts *n = &own.up->counts;

    server_close(own.server);
    must(n->open == 0 && n->waiting == 0 && own.up->users == 1);
    upstream_retire(own.up);
    upstreams_close();
    router_close(own.router);
    close(own.behind.fd);
}

static inline int asks(const char *text)
{
    int fd = peer_connect(server_port(own.server));
    peer_send(fd, str_of(text));
    return fd;
}

static inline bool lines_are(i64 n) { return own.up->counts.open == n; }
static inline bool waiting_are(i64 n) { return own.up->counts.waiting == n; }
static inline bool connections_are(i64 n) { return server_counts(own.server).connections == n; }

#define H "Host: a\r\n"
#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
