/* serve.c - the server from its first line to its last.
 *
 * Signals are taken by the main thread alone, which does nothing else; so no handler
 * runs in the middle of work. The first SIGTERM or SIGINT begins an orderly end, the
 * second ends at once. SIGHUP has the certificate read again. */
#include "base/log.h"
#include "cli/app.h"
#include "cli/cli.h"
#include "cli/ending.h"
#include "cli/plan.h"
#include "cli/reload.h"
#include "cli/running.h"
#include "web/gauges.h"
#include "web/pages.h"
#include "web/serve.h"
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const Option options[] = {
    { "--port", "N", "PORT",
      "port to listen on; 0 lets the system choose (default 8080)" },
    { "--host", "ADDRESS", "HOST", "address to listen on (default 127.0.0.1)" },
    OPTION_DATA, OPTION_SET,
};

enum { LOOK_AGAIN_S = 2 };         /* at the certificate's files             */

static sigset_t ending, awaited;    /* awaited: those, and SIGHUP             */

/* Before any thread starts, so that all inherit it. */
static void hold_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    awaited = ending;
    sigaddset(&awaited, SIGHUP);
    must(pthread_sigmask(SIG_BLOCK, &awaited, NULL) == 0);
}

static void end_at_once(int number)
{
    (void)number;
    _exit(EXIT_FAILED);
}

static void let_second_signal_end(void)
{
    struct sigaction action = { .sa_handler = end_at_once };

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    must(pthread_sigmask(SIG_UNBLOCK, &ending, NULL) == 0);
}

/* Each connection is a file; take all that this process may have. */
/* glibc makes up to eight heaps a core, and each keeps what its threads' busiest moment
 * took. Few threads work at once, and steady work asks it for nothing (base/arena.h). */
static void share_heaps(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    mallopt(M_ARENA_MAX, cores < 2 ? 2 : (int)cores);
}

static void raise_file_limit(i64 wanted)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return;
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    if (l.rlim_max != RLIM_INFINITY && (i64)l.rlim_max < wanted + 200)
        log_warn("the limit of open files is below CONNECTIONS_MAX",
                 L("limit", (i64)l.rlim_max), L("connections", wanted));
}

static ServerConfig server_config(App *app, const ServeConfig *serve)
{
    const Config *c = &app->config;
    ServerConfig s = server_defaults();

    s.host = c->host;
    s.port = (int)c->port;
    if (c->io_threads > 0)
        s.io_threads = (int)c->io_threads;
    s.workers = (int)c->workers;
    s.queue_most = c->queue_most;
    s.conns_most = c->conns_most;
    s.address_most = c->address_conns;
    s.trusted_proxies = c->trusted_proxies;
    s.body_most = c->body_most;
    s.bodies_most = c->bodies_most;
    s.tls_cert = c->tls_cert;
    s.tls_key = c->tls_key;
    s.http2 = (Http2)c->http2;
    s.sse_heartbeat = c->sse_heartbeat;
    s.sse_lasts = c->sse_lasts;
    s.extra_headers = serve_headers(&app->mem, serve);
    return s;
}

static void show_letters(const Config *c)
{
    if (c->environment == ENV_DEVELOPMENT && str_starts(c->mail_url, S("folder:")))
        pages_open(str_sub(c->mail_url, 7, c->mail_url.len));
}

static void warn(const Config *c)
{
    if (c->environment == ENV_PRODUCTION && c->pay_provider == PAY_SANDBOX)
        log_warn("PAYMENT_PROVIDER is the sandbox: every buyer decides himself whether "
                 "he has paid");
}

static void tell(App *app, const Server *server)
{
    const Config *c = &app->config;
    bool any = str_is(c->host, S("0.0.0.0"));
    Str host = any ? S("127.0.0.1") : c->host;
    Str url = str_fmt(&app->mem, "%s://%.*s:%d", c->tls_cert.len > 0 ? "https" : "http",
                      STR_ARGS(host), server_port(server));

    running_tell_url(app, url);
    printf("listening on %.*s\n", STR_ARGS(url));
    fflush(stdout);
}

/* Until the first signal to end; meanwhile certificates are renewed, when SIGHUP says so
 * or when their files have changed. SIGHUP reads the settings again, too. */
static void wait_for_end(App *app, const Args *a, Server *server)
{
    static const struct timespec pause = { .tv_sec = LOOK_AGAIN_S };
    int number;

    while ((number = sigtimedwait(&awaited, NULL, &pause)) != SIGTERM &&
           number != SIGINT) {
        if (number == SIGHUP)
            reload(app, a);
        server_renew(server, number == SIGHUP ? NOW : IF_CHANGED);
    }
}

static Exit end(App *app, Server *server)
{
    log_info("stopping", L("within_ms", app->config.drain.ms));
    let_second_signal_end();
    ending_run(app, server);
    return EXIT_DONE;
}

static Exit serve(App *app, const Args *a)
{
    const Config *c = &app->config;
    ServeConfig sc = { c->cors_origins, c->trusted_proxies,
                       c->environment == ENV_PRODUCTION || c->tls_cert.len > 0 };
    ServerHooks hooks = serve_open(&app->mem, &sc, c->clock == CLOCK_TEST);
    ServerConfig config = server_config(app, &sc);
    Str why = { 0 };

    show_letters(c);
    raise_file_limit(c->conns_most);
    Server *server = server_open(&config, &hooks, &app->mem, &why);
    if (server == NULL || !plan_start(&app->mem, c, server, &why)) {
        cli_failed("%.*s", STR_ARGS(why));
        if (server != NULL)
            server_close(server);
        serve_close();
        app_close(app);
        return EXIT_FAILED;
    }
    warn(c);
    gauges_of(server);
    tell(app, server);
    wait_for_end(app, a, server);
    return end(app, server);
}

static Exit run(Args *a)
{
    App app = { 0 };

    hold_signals();
    if (!app_config(&app, a))
        return EXIT_FAILED;
    if (!running_claim(&app) || !app_migrate(&app)) {
        app_close(&app);
        return EXIT_FAILED;
    }
    share_heaps();
    return app_open(&app, ENGINES_ALL) ? serve(&app, a) : EXIT_FAILED;
}

const Command command_serve = {
    .name = "serve", .usage = "[--port N] [--host ADDRESS] [--data DIR]",
    .says = "run the server in the foreground",
    .help =
        "Prints one line, `listening on http://HOST:PORT`, when it is ready; logs go to\n"
        "stderr. SIGTERM or SIGINT ends it in order (what is in flight is finished, streams\n"
        "are told to reconnect); a second one ends it at once. SIGHUP reads the\n"
        "settings again and takes what can change while it runs; the log says which.\n\n"
        "  tickettoken serve\n"
        "  tickettoken serve --port 9000 --data /var/lib/tickettoken\n"
        "  NODE_ENV=production tickettoken serve --host 0.0.0.0 --set LOG_LEVEL=warn",
    .options = options, .option_count = countof(options), .run = run,
};
