/* health.c - liveness depends on nothing, so that a slow database never gets a good
 * process killed; readiness is the store's, and says no while the server leaves. A kv or
 * a bus that is away is told and does not make a node unready: it is away for all of
 * them, and what they can still do is most of the work. */
#include "web/health.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/metric.h"
#include "bus/bus.h"
#include "gateway/relay.h"
#include "kv/kv.h"
#include "store/store.h"
#include "web/gauges.h"
#include "web/jobs.h"
#include <stdatomic.h>
#include <string.h>

#define READY_WITHIN seconds(2)
enum { LIST_MOST = 256 << 10, PATIENT_MOST = 2 };

static const Field health_fields[] = {
    TEXT(Health, status, 1, 20, 0, "ok, away (the database) or leaving"),
    TEXT(Health, store, 1, 20, OPTIONAL, "ok or away"),
    TEXT(Health, kv, 1, 20, OPTIONAL, "ok or away; away is no reason not to be ready"),
    TEXT(Health, bus, 1, 20, OPTIONAL, "the same"),
};
const Shape health_shape = { "Health", sizeof(Health), health_fields,
                             countof(health_fields) };

static const Shape engine_shape = SHAPE(EngineHealth,
    TEXT(EngineHealth, name, 1, 20, 0, "store, kv or bus"),
    TEXT(EngineHealth, state, 1, 20, 0, "ok or away"),
    TEXT(EngineHealth, version, 0, 100, OPTIONAL, "what it says it is"),
    TEXT(EngineHealth, why, 0, 200, OPTIONAL, "what it said instead of an answer"),
    NUMBER(EngineHealth, us, 0, INT64_MAX, 0, 0, "microseconds until it answered"));

const Shape health_detail_shape = SHAPE(HealthDetail,
    TEXT(HealthDetail, status, 1, 20, 0, "as /health/ready says"),
    TEXT(HealthDetail, version, 1, 40, 0, "of this program"),
    TEXT(HealthDetail, config, 16, 16, 0,
         "fingerprint of the settings; the same on all nodes"),
    TIME(HealthDetail, started, 0, "when this process began"),
    NUMBER(HealthDetail, uptime, 0, INT64_MAX, 0, 0, "seconds since"),
    BOOL(HealthDetail, relay, 0, "whether this node relays the outbox"),
    BOOL(HealthDetail, clock, 0, "whether it does the jobs that one node does for all"),
    NUMBER(HealthDetail, lanesWaiting, 0, INT64_MAX, 0, 0, "writes that wait"),
    NUMBER(HealthDetail, requestsWaiting, 0, INT64_MAX, 0, 0,
           "requests that wait for a worker"),
    NUMBER(HealthDetail, hashWaiting, 0, INT64_MAX, 0, 0,
           "passwords that wait to be hashed"),
    NUMBER(HealthDetail, busLag, 0, INT64_MAX, 0, 0,
           "tidings of the outbox not heard here yet"),
    NUMBER(HealthDetail, outboxAgeMs, 0, INT64_MAX, 0, 0,
           "age of the oldest that was not told"),
    LIST(HealthDetail, engines, &engine_shape, 0, 3, 0, "how each engine is"));

/* ---- asking ------------------------------------------------------------------- */

typedef struct Probe {
    const char    *name;
    bool         (*ask)(Ctx *cx);
    Lock           lock;
    pthread_cond_t changed;
    pthread_t      thread;
    i64            asked, begun, done;            /* the n-th time            */
    bool           good, stop;
    i64            us;
    char           why[200];
} Probe;

enum { P_STORE, P_KV, P_BUS, PROBES };

static Probe probes[PROBES] = {
    [P_STORE] = { .name = "store", .ask = store_ready, .lock = LOCK_OF(RANK_POOL) },
    [P_KV] = { .name = "kv", .ask = kv_answers, .lock = LOCK_OF(RANK_POOL) },
    [P_BUS] = { .name = "bus", .ask = bus_answers, .lock = LOCK_OF(RANK_POOL) },
};

static struct {
    bool open;
    Lock lock;
    char config[20];
} own = { .lock = LOCK_OF(RANK_KEYS) };
static atomic_bool leaving;
static atomic_int asking;                         /* who wait for engines */

void health_leaving(void) { leaving = true; }

static void probe(Probe *p, Arena *mem)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Mono from = mono_now();

    cx.deadline = mono_after(from, READY_WITHIN);
    bool good = p->ask(&cx);
    lock(&p->lock);
    p->good = good;
    p->us = mono_us(from, mono_now());
    memcpy(p->why, cx.fault.why, sizeof p->why);
    p->done = p->begun;
    unlock(&p->lock);
    pthread_cond_broadcast(&p->changed);
    arena_reset(mem, 16 << 10);
}

static void *prober(void *arg)
{
    Probe *p = arg;
    Arena mem = { 0 };

    for (;;) {
        lock(&p->lock);
        while (!p->stop && p->asked == p->begun)
            lock_wait(&p->lock, &p->changed, 0);
        bool stop = p->stop;
        p->begun++;
        unlock(&p->lock);
        if (stop)
            break;
        probe(p, &mem);
    }
    arena_close(&mem);
    return NULL;
}

/* An asking that begins from now on; what was begun before may tell of the past. */
static i64 order(Probe *p)
{
    lock(&p->lock);
    i64 mine = p->begun + 1;
    p->asked = mine > p->asked ? mine : p->asked;
    unlock(&p->lock);
    pthread_cond_broadcast(&p->changed);
    return mine;
}

static EngineHealth await(Arena *mem, Probe *p, i64 mine, Mono until)
{
    EngineHealth h = { .name = str_of(p->name), .state = S("away"),
                       .why = S("no answer within 2 s") };

    lock(&p->lock);
    while (p->done < mine && !p->stop && mono_now().ns < until.ns)
        lock_wait(&p->lock, &p->changed, until.ns);
    h.us = p->us;
    if (p->done >= mine) {
        h.state = p->good ? S("ok") : S("away");
        h.why = p->good ? (Str){ 0 } : str_copy(mem, str_of(p->why));
    }
    unlock(&p->lock);
    return h;
}

/* Anybody may ask, and an engine that hangs would hold a thread for each who does. So two
 * wait, of the four that ASIDE has; who comes beside them is told what was found last. */
static void ask_all(Arena *mem, EngineHealth out[PROBES])
{
    bool patient = atomic_fetch_add(&asking, 1) < PATIENT_MOST;
    Mono until = mono_after(mono_now(), READY_WITHIN);
    i64 mine[PROBES];

    for (int i = 0; i < PROBES; i++) {
        mine[i] = order(&probes[i]);
        if (!patient)
            mine[i] = 1;
    }
    for (int i = 0; i < PROBES; i++)
        out[i] = await(mem, &probes[i], mine[i], until);
    atomic_fetch_sub(&asking, 1);
}

void health_settings(const Config *c)
{
    Arena mem = { 0 };
    Str print = health_fingerprint(&mem, c);

    lock(&own.lock);
    memcpy(own.config, print.at, 16);
    unlock(&own.lock);
    arena_wipe(&mem);
}

static Str settings(Arena *mem)
{
    lock(&own.lock);
    Str print = str_copy(mem, str_of(own.config));
    unlock(&own.lock);
    return print;
}

void health_open(const Config *c)
{
    must(!own.open);
    health_settings(c);
    for (int i = 0; i < PROBES; i++) {
        probes[i].stop = false;
        cond_init(&probes[i].changed);
        must(pthread_create(&probes[i].thread, NULL, prober, &probes[i]) == 0);
    }
    own.open = true;
}

void health_close(void)
{
    for (int i = 0; own.open && i < PROBES; i++) {
        lock(&probes[i].lock);
        probes[i].stop = true;
        unlock(&probes[i].lock);
        pthread_cond_broadcast(&probes[i].changed);
        must(pthread_join(probes[i].thread, NULL) == 0);
        pthread_cond_destroy(&probes[i].changed);
    }
    own.open = false;
}

/* ---- answers -------------------------------------------------------------------- */

bool health_show(Ctx *cx, Req *rq)
{
    (void)cx;
    return reply_json(rq, 200, S("{\"status\":\"ok\"}"));
}

static Str status_of(const EngineHealth *e)
{
    return leaving ? S("leaving")
                   : str_is(e[P_STORE].state, S("ok")) ? S("ok") : S("away");
}

bool health_ready(Ctx *cx, Req *rq)
{
    EngineHealth e[PROBES];

    if (leaving)
        return reply(cx, rq, 503, &health_shape, &(Health){ .status = S("leaving") });
    ask_all(cx->mem, e);
    Health h = { status_of(e), e[P_STORE].state, e[P_KV].state, e[P_BUS].state };
    return reply(cx, rq, str_is(h.status, S("ok")) ? 200 : 503, &health_shape, &h);
}

bool health_detailed(Ctx *cx, Req *rq)
{
    EngineHealth e[PROBES];
    HealthDetail d = { .version = S(VERSION), .config = settings(cx->mem),
                       .relay = relay_is_ours(), .clock = jobs_are_ours() };
    i64 newest = 0;

    ask_all(cx->mem, e);
    if (str_is(e[P_STORE].state, S("ok")) && !store_version(cx, &e[P_STORE].version))
        fault_clear(cx);
    gauges_read(cx);
    if (relay_newest(cx, &newest) && bus_heard() >= 0 && newest > bus_heard())
        d.busLag = newest - bus_heard();
    fault_clear(cx);
    d.status = status_of(e);
    d.started.ms = metric_get(METRIC_STARTED);
    d.uptime = (time_now().ms - d.started.ms) / 1000;
    d.lanesWaiting = metric_get(METRIC_LANE_WAITING);
    d.requestsWaiting = metric_get(METRIC_HTTP_WAITING);
    d.hashWaiting = metric_get(METRIC_HASH_WAITING);
    d.outboxAgeMs = metric_get(METRIC_OUTBOX_AGE);
    d.engines = (List){ e, PROBES };
    return reply(cx, rq, 200, &health_detail_shape, &d);
}

/* ---- the fingerprint -------------------------------------------------------------- */

/* What may differ between nodes of one installation. */
static bool of_machine(const char *name)
{
    static const char *const names[] = { "HOST", "PORT", "DATA_DIR", "KEYS_DIR",
                                         "IO_THREADS",
        "WORKERS", "HASH_THREADS", "MAIL_URL", "TLS_CERT_FILE", "TLS_KEY_FILE",
        "METRICS_TOKEN_FILE", "LOG_LEVEL", "LOG_FORMAT", "TRUSTED_PROXIES",
        "SECRETS_DIR" };

    for (isize i = 0; i < countof(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return str_starts(str_of(name), S("VAULT_")) || str_starts(str_of(name), S("AWS_"));
}

static void put_file(Arena *mem, Buf *b, Str path)
{
    Str text;

    if (path.len > 0 && file_read(mem, path, LIST_MOST, &text))
        buf_add(b, text);
}

Str health_fingerprint(Arena *mem, const Config *c)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);
    Buf b = buf_in(mem, 4096);

    for (isize i = 0; i < n; i++)
        if (f[i].name != NULL && !of_machine(f[i].name)) {
            buf_fmt(&b, "%s=", f[i].name);
            config_raw(&b, c, i);
            buf_byte(&b, '\n');
        }
    put_file(mem, &b, c->services_file);
    put_file(mem, &b, c->issuers_file);
    Digest d = hmac_sha256(c->cursor_key.at, c->cursor_key.len, buf_str(&b));
    return hex_write(mem, d.b, 8);
}
