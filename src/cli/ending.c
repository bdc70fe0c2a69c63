/* ending.c - see ending.h. A stage that hangs (an engine that is silent, a job that
 * loops) holds the thread that runs it, so another one watches the clock. */
#include "cli/ending.h"
#include "base/lock.h"
#include "base/log.h"
#include "cli/cli.h"
#include "gateway/gateway.h"
#include "gateway/webhook_send.h"
#include "identity/postman.h"
#include "web/gauges.h"
#include "web/health.h"
#include "web/jobs.h"
#include "web/serve.h"
#include <time.h>
#include <unistd.h>

/* ---- the one that watches ------------------------------------------------------ */

static struct {
    Lock           lock;
    pthread_cond_t changed;
    const char    *stage;
    Mono           until;
    bool           over;
} watch = { .lock = LOCK_OF(RANK_QUEUE) };

static void *watcher(void *arg)
{
    (void)arg;
    lock(&watch.lock);
    while (!watch.over && mono_now().ns < watch.until.ns)
        lock_wait(&watch.lock, &watch.changed, watch.until.ns);
    bool over = watch.over;
    const char *stage = watch.stage;
    unlock(&watch.lock);
    if (over)
        return NULL;
    log_error("stopping took too long, so it ends here", L("stage", stage));
    _exit(EXIT_FAILED);
}

static void begin(const Stage *s, Span within)
{
    lock(&watch.lock);
    watch.stage = s->name;
    watch.until = mono_after(mono_now(), within);
    unlock(&watch.lock);
    pthread_cond_broadcast(&watch.changed);
}

static void end_watch(pthread_t thread)
{
    lock(&watch.lock);
    watch.over = true;
    unlock(&watch.lock);
    pthread_cond_broadcast(&watch.changed);
    must(pthread_join(thread, NULL) == 0);
    pthread_cond_destroy(&watch.changed);
}

bool stages_run(const Stage *stages, isize count, void *arg)
{
    pthread_t thread;
    bool all = true;

    cond_init(&watch.changed);
    watch.over = false;
    begin(&stages[0], stages[0].within(arg));
    must(pthread_create(&thread, NULL, watcher, NULL) == 0);
    for (isize i = 0; i < count; i++) {
        Mono from = mono_now();
        if (i > 0)
            begin(&stages[i], stages[i].within(arg));
        bool good = stages[i].run(arg);
        log_info("stopping", L("stage", stages[i].name), L("clean", good ? "yes" : "no"),
                 L("ms", mono_us(from, mono_now()) / 1000));
        all &= good;
    }
    end_watch(thread);
    return all;
}

/* ---- the stages of a server ------------------------------------------------------ */

typedef struct End { App *app; Server *server; StoreCounts counts; } End;

enum { GRACE_S = 5 };                             /* over what a stage bounds itself */

static Span notice_within(const void *arg)
{
    return (Span){ ((const End *)arg)->app->config.notice.ms + GRACE_S * 1000 };
}

static Span drain_within(const void *arg)
{
    return (Span){ ((const End *)arg)->app->config.drain.ms + GRACE_S * 1000 };
}

static Span jobs_within(const void *arg)    { (void)arg; return seconds(15); }
static Span letter_within(const void *arg)  { (void)arg; return seconds(20); }
/* A call that was begun is finished, or it would come a second time. */
static Span hooks_within(const void *arg)
{
    return (Span){ ((const End *)arg)->app->config.webhook_within.ms + GRACE_S * 1000 };
}

static Span relay_within(const void *arg)   { (void)arg; return seconds(10); }
static Span threads_within(const void *arg) { (void)arg; return seconds(10); }
static Span engines_within(const void *arg) { (void)arg; return seconds(15); }

/* Still taking what comes: a load balancer must first see that it should stop sending. */
static bool give_notice(void *arg)
{
    i64 ms = ((End *)arg)->app->config.notice.ms;

    health_leaving();
    if (ms > 0)
        nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
    return true;
}

static bool drain(void *arg)
{
    End *e = arg;
    bool all = server_drain(e->server, e->app->config.drain);

    if (!all)
        log_warn("requests in flight were cut off",
                 L("queued", server_counts(e->server).queued));
    return all;
}

static bool end_jobs(void *arg)
{
    (void)arg;
    jobs_stop();
    return true;
}

static bool end_letters(void *arg)
{
    (void)arg;
    postman_stop();
    return true;
}

static bool end_webhooks(void *arg)
{
    (void)arg;
    sender_close();
    return true;
}

static bool end_relay(void *arg)
{
    (void)arg;
    gateway_close();
    return true;
}

static bool end_threads(void *arg)
{
    End *e = arg;

    gauges_of(NULL);
    server_close(e->server);
    serve_close();
    return true;
}

static bool end_engines(void *arg)
{
    End *e = arg;

    e->counts = store_counts();
    app_close(e->app);
    return true;
}

static const Stage stages[] = {
    { "notice", notice_within, give_notice },
    { "requests and streams", drain_within, drain },
    { "jobs", jobs_within, end_jobs },
    { "letters", letter_within, end_letters },
    { "webhooks", hooks_within, end_webhooks },
    { "relay", relay_within, end_relay },
    { "threads", threads_within, end_threads },
    { "engines", engines_within, end_engines },
};

bool ending_run(App *app, Server *server)
{
    End e = { .app = app, .server = server };
    bool all = stages_run(stages, countof(stages), &e);
    const StoreCounts *c = &e.counts;

    log_info("stopped", L("clean", all ? "yes" : "no"), L("writes", c->writes),
             L("refused", c->refused), L("commits", c->commits),
             L("largest_batch", c->batch_largest));
    return all;
}
