/* server.c - everything is made before the first thread runs and freed after the last
 * one has ended; in between nothing here is changed but two flags and a count. */
#include "net/server.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "net/io.h"
#include "net/listen.h"

enum { ASIDE_THREADS = 4, ASIDE_MOST = 64 };

ServerConfig server_defaults(void)
{
    return (ServerConfig){
        .host = S("127.0.0.1"), .port = 8080, .http2 = HTTP2_TLS, .workers = 128,
        .queue_most = 4096, .conns_most = 18000, .body_most = 1 << 20,
        .bodies_most = 256 << 20,
        .head_within = seconds(10), .body_within = seconds(30),
        .keep_alive = seconds(72), .write_within = seconds(30),
        .sse_heartbeat = seconds(15), .sse_lasts = minutes(30),
    };
}

static void raise_limits(void)
{
    struct rlimit files;

    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static int cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 64 ? 64 : (int)n;
}

static void take_config(Server *s, const ServerConfig *given)
{
    ServerConfig *c = &s->config;
    static const Str line = S("Strict-Transport-Security: max-age=31536000;"
                              " includeSubDomains\r\n");
    Str hsts = given->hsts ? line : S("");

    *c = *given;
    c->host = str_copy(&s->mem, given->host);
    c->tls_cert = str_copy(&s->mem, given->tls_cert);
    c->tls_key = str_copy(&s->mem, given->tls_key);
    c->trusted_proxies = str_copy(&s->mem, given->trusted_proxies);
    s->extra = str_fmt(&s->mem, "%.*s%.*s", (int)given->extra_headers.len,
                       given->extra_headers.len > 0 ? given->extra_headers.at : "",
                       STR_ARGS(hsts));
    s->io_count = c->io_threads > 0 ? c->io_threads : cores();
    s->port = c->port;
}

static bool open_tls(Server *s, Arena *mem, Str *why)
{
    if (s->config.tls_cert.len == 0)
        return true;
    Str reason;
    TlsFiles files = { s->config.tls_cert, s->config.tls_key,
                       s->config.http2 != HTTP2_OFF };
    s->tls = tls_open(&s->mem, &files, &reason);
    if (s->tls == NULL)
        *why = str_copy(mem, reason);
    return s->tls != NULL;
}

/* All listeners or none. */
static bool listen_all(Server *s, int *fds, Arena *mem, Str *why)
{
    if (s->port != 0 && !listen_free(mem, s->config.host, s->port, why))
        return false;
    for (int i = 0; i < s->io_count; i++) {
        fds[i] = listen_on(mem, s->config.host, &s->port, why);
        if (fds[i] >= 0)
            continue;
        while (i-- > 0)
            close(fds[i]);
        return false;
    }
    return true;
}

static void discard(Server *s)
{
    Arena mem = s->mem;

    tls_close(s->tls);
    free(s->io);
    free(s);
    arena_close(&mem);
}

static void start(Server *s, const int *fds)
{
    s->io = calloc((size_t)s->io_count, sizeof(Io *));
    must(s->io != NULL);
    owners_open(&s->owners, s->io_count);
    crowd_open(&s->crowd, s->config.address_most, s->config.trusted_proxies);
    for (int i = 0; i < s->io_count; i++)
        s->io[i] = io_open(s, i, fds[i]);
    pool_open(&s->pool, s, s->config.workers, (isize)s->config.queue_most);
    pool_open(&s->aside, s, ASIDE_THREADS, ASIDE_MOST);
    pool_open(&s->pagers, s, cores(), PTRDIFF_MAX);      /* a stream waits for one page */
    for (int i = 0; i < s->io_count; i++)
        io_start(s->io[i]);
}

Server *server_open(const ServerConfig *config, const ServerHooks *hooks, Arena *mem,
                    Str *why)
{
    Server *s = calloc(1, sizeof *s);
    int fds[64];

    must(s != NULL && config->io_threads <= 64 && config->workers > 0);
    raise_limits();
    s->hooks = *hooks;
    take_config(s, config);
    if (!open_tls(s, mem, why) || !listen_all(s, fds, mem, why)) {
        discard(s);
        return NULL;
    }
    start(s, fds);
    return s;
}

void server_renew(Server *s, Renewal when)
{
    Arena mem = { 0 };
    Str why = { 0 };

    if (s->tls == NULL || (when == IF_CHANGED && !tls_stale(s->tls)))
        return;
    if (tls_reload(s->tls, &mem, &why))
        log_info("certificate renewed", L("file", s->config.tls_cert));
    else
        log_error("the certificate that was there stays", L("why", why));
    arena_close(&mem);
}

int server_port(const Server *s)
{
    return s->port;
}

static void ring_all(Server *s)
{
    for (int i = 0; i < s->io_count; i++)
        inbox_ring(&s->io[i]->inbox);
}

/* Connections that still owe or are owed something. */
static i64 in_flight(Server *s)
{
    i64 n = s->connections;

    for (int i = 0; i < s->io_count; i++)
        n -= s->io[i]->counts.lingering;
    return n;
}

bool server_drain(Server *s, Span within)
{
    Mono end = mono_after(mono_now(), within);

    s->draining = true;
    ring_all(s);
    for (;;) {
        bool all = in_flight(s) == 0;
        for (int i = 0; i < s->io_count; i++)
            all &= s->io[i]->drained;
        if (all || mono_now().ns >= end.ns)
            return all;
        usleep(2000);
    }
}

void server_close(Server *s)
{
    s->draining = true;
    pool_stop(&s->pool);
    pool_stop(&s->aside);
    pool_stop(&s->pagers);
    s->stopping = true;
    for (int i = 0; i < s->io_count; i++)
        io_join(s->io[i]);
    pool_free(&s->pool);                      /* an io thread may have been at its door */
    pool_free(&s->aside);
    pool_free(&s->pagers);
    for (int i = 0; i < s->io_count; i++)
        io_close(s->io[i]);
    owners_close(&s->owners);
    crowd_close(&s->crowd);
    discard(s);
}

ServerCounts server_counts(Server *s)
{
    ServerCounts n = { .connections = s->connections,
                       .queued = queue_count(&s->pool.queue),
                       .turned_away = s->crowd.refused };

    for (int i = 0; i < s->io_count; i++) {
        n.requests += s->io[i]->counts.requests;
        n.refused += s->io[i]->counts.refused;
        n.timeouts += s->io[i]->counts.timeouts;
    }
    return n;
}
