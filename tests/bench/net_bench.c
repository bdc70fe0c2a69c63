/* net_bench.c - the floor under everything: a server with GET /health, answered on the
 * io thread, POST /echo, handed to a worker, GET /stream, and POST /publish, which sends
 * its body to every stream as often as ?times= says. Drive it with wrk:
 *
 *   build/bench/net_bench 9100 &
 *   wrk -t2 -c128 -d10s http://127.0.0.1:9100/health
 *   wrk -t2 -c128 -d10s -s tests/bench/echo.lua http://127.0.0.1:9100/echo
 *
 * HTTP/2 is spoken too; with CERT and KEY after the number of workers, under TLS. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include "net/server.h"
#include "net/stream.h"

static bool health(Ctx *cx, Req *rq)
{
    (void)cx;
    return reply_json(rq, 200, S("{\"status\":\"ok\"}"));
}

static bool echo(Ctx *cx, Req *rq)
{
    (void)cx;
    return reply_json(rq, 200, rq->body);
}

static Server *server;
static _Atomic i64 last_id;

static bool stream(Ctx *cx, Req *rq)
{
    StreamWish wish = { .topics = { topic_of(S("all")) }, .count = 1, .after = -1,
                        .first = S(": hello\n\n") };
    return reply_stream(cx, rq, &wish);
}

static bool publish(Ctx *cx, Req *rq)
{
    Topic all = topic_of(S("all"));
    i64 times = 1;

    if (req_query(cx, rq, S("times")).len > 0 &&
        !str_int(req_query(cx, rq, S("times")), &times))
        return reply_empty(rq, 400);
    for (i64 i = 0; i < times; i++) {
        Buf b = buf_in(cx->mem, rq->body.len + 64);
        i64 id = ++last_id;
        frame_write(&b, id, S("message"), rq->body);
        stream_publish(server, id, &all, 1, buf_str(&b));
    }
    StreamCounts n = stream_counts(server);
    return reply_json(rq, 200, str_fmt(cx->mem, "{\"open\":%jd,\"delivered\":%jd,\"cut\":%jd}",
                                       (intmax_t)n.open, (intmax_t)n.delivered,
                                       (intmax_t)n.cut));
}

static const Route routes[] = {
    { .method = M_GET, .path = "/health", .run = health, .is = INLINE },
    { .method = M_POST, .path = "/echo", .run = echo, .body_most = 1 << 20 },
    { .method = M_GET, .path = "/stream", .run = stream, .is = STREAM | INLINE },
    { .method = M_POST, .path = "/publish", .run = publish, .body_most = 1 << 16 },
};

static void serve(Ctx *cx, Req *rq)
{
    if (rq->route == NULL)
        reply_empty(rq, 204);
    else
        must(rq->route->run(cx, rq));
}

static void refuse(Ctx *cx, Req *rq)
{
    reply_json(rq, fault_facts(cx->fault.code)->status, S("{}"));
}

int main(int argc, char **argv)
{
    Arena mem = { 0 };
    Str why;
    i64 port = 9100, workers = 128;
    ServerConfig config = server_defaults();
    ServerHooks hooks = { router_open(routes, countof(routes)), serve, refuse, NULL };
    sigset_t stop;
    int got;

    if ((argc > 1 && !str_int(str_of(argv[1]), &port)) ||
        (argc > 2 && !str_int(str_of(argv[2]), &workers)))
        return 2;
    config.port = (int)port;
    config.workers = (int)workers;
    config.conns_most = 19900;
    config.http2 = HTTP2_ALWAYS;
    config.tls_cert = argc > 4 ? str_of(argv[3]) : S("");
    config.tls_key = argc > 4 ? str_of(argv[4]) : S("");
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    Server *s = server = server_open(&config, &hooks, &mem, &why);
    if (s == NULL) {
        fprintf(stderr, "%.*s\n", STR_ARGS(why));
        return 1;
    }
    printf("listening on %s://127.0.0.1:%d\n", argc > 4 ? "https" : "http", server_port(s));
    fflush(stdout);
    sigwait(&stop, &got);
    bool all = server_drain(s, seconds(5));
    server_close(s);
    return all ? 0 : 1;
}
