/* app.c - one table says what is opened, in which order, and how it is closed. */
#include "cli/app.h"
#include "access/access.h"
#include "base/file.h"
#include "base/log.h"
#include "bus/bus.h"
#include "cli/cli.h"
#include "gateway/pace.h"
#include "gateway/proxy.h"
#include "gateway/webhook_endpoint.h"
#include "identity/auth_http.h"
#include "identity/identity.h"
#include "kv/kv.h"
#include "mail/mail.h"
#include "pay/pay.h"
#include "pay/webhook.h"
#include "store/store.h"
#include "tickets/code.h"
#include "tickets/order.h"
#include "web/health.h"
#include "web/metrics.h"
#include "web/otlp.h"
#include "web/serve.h"
#include <stdio.h>
#include <unistd.h>

/* ---- settings and log ---------------------------------------------------------- */

static bool is_strict(const Config *c)
{
    return c->environment == ENV_PRODUCTION || c->environment == ENV_STAGING;
}

static LogLevel level_of(const Config *c)
{
    if (c->log_level != LEVEL_AUTO)
        return (LogLevel)(c->log_level - LEVEL_DEBUG);
    if (c->environment == ENV_TEST)
        return LOG_WARN;
    return is_strict(c) ? LOG_INFO : LOG_DEBUG;
}

void app_log(const Config *c)
{
    bool json = c->log_format == FORMAT_JSON ||
                (c->log_format == FORMAT_AUTO && is_strict(c));
    log_setup(level_of(c), json, STDERR_FILENO);
}

static void tell_misspelt(App *app)
{
    Str names = misspelt(&app->mem, &app->config);

    if (names.len > 0)
        log_warn("set, but no setting: misspelt?", L("names", names));
}

bool app_config(App *app, const Args *a)
{
    Buf mistakes = buf_in(&app->mem, 512), made = buf_in(&app->mem, 256);

    if (!config_read(&app->mem, a->given, a->given_count, &app->config, &mistakes,
                     &made)) {
        fprintf(stderr, "tickettoken: these settings can't be used:\n%.*s",
                STR_ARGS(buf_str(&mistakes)));
        app_close(app);
        return false;
    }
    app_log(&app->config);
    if (made.len > 0)
        log_info("made what was missing in secrets.env", L("names", buf_str(&made)),
                 L("folder", app->config.data_dir));
    tell_misspelt(app);
    return true;
}

Str app_public_url(App *app)
{
    const Config *c = &app->config;

    if (c->public_url.len > 0 || c->port == 0)
        return c->public_url;
    bool any = str_is(c->host, S("0.0.0.0"));
    return str_fmt(&app->mem, "%s://%.*s:%jd",
                   c->tls_cert.len > 0 ? "https" : "http",
                   STR_ARGS(any ? S("127.0.0.1") : c->host), (intmax_t)c->port);
}

StoreConfig app_store(const App *app)
{
    const Config *c = &app->config;

    return (StoreConfig){
        .url = c->database_url, .owner_url = c->owner_url, .readers = (int)c->read_conns,
        .lanes = (int)c->lanes, .batch_most = (int)c->batch_most, .attempts = 5,
        .strict = c->environment == ENV_PRODUCTION };
}

bool app_migrate(App *app)
{
    i64 from, to;
    Str why = { 0 };

    StoreConfig config = app_store(app);

    if (!store_migrate(&app->mem, &config, &from, &to, &why)) {
        cli_failed("the schema: %.*s", STR_ARGS(why));
        return false;
    }
    if (from != to)
        log_info("schema brought up to date", L("from", from), L("to", to));
    return true;
}

/* ---- engines ------------------------------------------------------------------- */

typedef struct Engine {
    const char *name;
    bool      (*open)(App *app, Str *why);
    void      (*close)(void);
} Engine;

static bool open_store(App *app, Str *why)
{
    StoreConfig s = app_store(app);

    return store_open(&app->mem, &s, why);
}

/* Only the server keeps a snapshot; a command beside it would overwrite that. A command
 * needs nothing of what servers count, so it works while their Redis is away. */
static bool open_kv(App *app, Str *why)
{
    KvConfig k = { .url = S("embedded:") };

    if (app->lock > 0 && app->config.redis_url.len > 0)
        k.url = app->config.redis_url;
    else if (app->lock > 0)
        k.url = str_fmt(&app->mem, "embedded:%.*s/kv.snapshot",
                        STR_ARGS(app->config.data_dir));
    return kv_open(&app->mem, &k, why);
}

static bool open_mail(App *app, Str *why)
{
    MailConfig m = { app->config.mail_url, app->config.mail_from };

    return mail_open(&app->mem, &m, why);
}

/* Elsewhere than in earnest one address plays a whole crowd. */
static bool limits_of(const Config *c)
{
    bool earnest = c->environment == ENV_PRODUCTION || c->environment == ENV_STAGING;

    return c->limits == LIMITS_ON || (c->limits == LIMITS_AUTO && earnest);
}

IssuersConfig app_issuers(const Config *c)
{
    return (IssuersConfig){ .file = c->issuers_file, .self = c->jwt_issuer,
                            .plain = !is_strict(c) };
}

static bool open_identity(App *app, Str *why)
{
    const Config *c = &app->config;
    IdentityConfig i = {
        .keys_dir = c->keys_dir, .issuer = c->jwt_issuer, .audience = c->jwt_audience,
        .public_url = app_public_url(app), .algorithm = (Alg)c->jwt_algorithm,
        .access_lasts = c->access_lasts, .refresh_lasts = c->refresh_lasts,
        .refresh_grace = c->refresh_grace, .hash_threads = (int)c->hash_threads,
        .hash_memory_kib = c->hash_memory, .hash_queue = c->hash_queue,
        .seal_master = &c->cursor_key, .needs_verified = c->needs_verified,
        .lockout_attempts = c->lockout_attempts,
        .lockout_lasts = minutes(c->lockout_minutes),
        .policy = (Policy)c->password_policy, .audit_kept = c->audit_kept,
        .limits = { limits_of(c), c->limit_login, c->limit_register, c->limit_wallet,
                    c->limit_default, c->limit_stream_address },
        .issuers = app_issuers(c), .passkey_id = c->passkey_id,
        .passkey_origins = c->passkey_origins, .wallet_classic = c->wallet_classic };

    auth_floors(c->login_floor, c->forgot_floor, c->floor_jitter);
    return identity_open(&app->mem, &i, why);
}

ServiceConfig app_services(Arena *mem, const Config *c)
{
    Str words = S("development production test staging");
    Instant rotated = { 0 };
    Str environment = str_cut(&words, ' ');

    for (int i = 0; i < c->environment; i++)
        environment = str_cut(&words, ' ');
    must(c->service_rotated.len == 0 || time_read(c->service_rotated, &rotated));
    return (ServiceConfig){
        .id = c->service_id, .name = c->service_name,
        .environment = str_copy(mem, environment),
        .list = { c->services_file, c->trusted_services,
                  { c->service_key, c->service_key_before,
                    later(rotated, SECRET_OVERLAP) } } };
}

static bool open_access(App *app, Str *why)
{
    ServiceConfig services = app_services(&app->mem, &app->config);

    return access_open(&app->mem, &services, why);
}

BusConfig app_bus(const Config *c)
{
    Str url = c->nats_url.len > 0 ? c->nats_url : S("embedded:");

    return (BusConfig){ .url = url, .kept = c->outbox_kept, .bytes_most = c->nats_bytes };
}

static bool open_bus(App *app, Str *why)
{
    BusConfig b = app_bus(&app->config);

    return bus_open(&app->mem, &b, why);
}

static bool open_webhooks(App *app, Str *why)
{
    const Config *c = &app->config;
    bool anyone = c->webhook_reach == WEBHOOKS_ANYONE ||
                  (c->webhook_reach == WEBHOOKS_AUTO && !is_strict(c));

    (void)why;
    endpoint_setup(&c->cursor_key, anyone ? REACH_ANYONE : REACH_PUBLIC);
    return true;
}

static bool deliver(Ctx *cx, Str path, const Header *headers, isize count, Str body,
                    int *status)
{
    SelfCall call = { M_POST, path, headers, count, body };
    Str answer;

    serve_self(cx, &call, status, &answer);
    return true;
}

static bool open_pay(App *app, Str *why)
{
    PayConfig p = { S("sandbox"), app->config.webhook_key, app_public_url(app) };

    webhook_key(app->config.webhook_key);
    pay_set_deliver(deliver);
    return pay_open(&p, why);
}

static bool open_tickets(App *app, Str *why)
{
    const Config *c = &app->config;

    (void)why;
    code_setup(c->qr_key);
    hold_setup((HoldRules){ c->hold_lasts, c->per_customer });
    order_setup(c->fee_basis);
    return true;
}

static bool open_health(App *app, Str *why)
{
    (void)why;
    health_open(&app->config);
    return true;
}

static bool open_metrics(App *app, Str *why)
{
    return metrics_open(&app->mem, app->config.metrics_token, why);
}

static bool open_proxy(App *app, Str *why)
{
    const Config *c = &app->config;

    pace_open(&(PaceConfig){ limits_of(c), c->limit_proxy, c->limit_proxy_address,
                             c->limit_published });
    return proxy_open(&app->mem, app->config.proxy_file, why);
}

static void close_proxy(void)
{
    proxy_close();
    pace_close();
}

/* A server's only: what a command does is followed by nobody. First, so that it is closed
 * when all have told what they did. */
static bool open_traces(App *app, Str *why)
{
    return app->lock == 0 || otlp_open(&app->mem, &app->config, why);
}

static const Engine engines[] = {
    { "traces", open_traces, otlp_close },
    { "store", open_store, store_close },
    { "kv", open_kv, kv_close },
    { "mail", open_mail, mail_close },
    { "identity", open_identity, identity_close },
    { "access", open_access, access_close },
    { "bus", open_bus, bus_close },
    { "webhooks", open_webhooks, NULL },
    { "pay", open_pay, pay_close },
    { "tickets", open_tickets, NULL },
    { "metrics", open_metrics, NULL },
    { "proxy", open_proxy, close_proxy },
    { "health", open_health, health_close },
};

static int engines_of(AppEngines which)
{
    return which == ENGINES_STORE ? 2
                                  : which == ENGINES_PEOPLE ? 6 : (int)countof(engines);
}

bool app_open(App *app, AppEngines which)
{
    int most = engines_of(which);
    Str why = { 0 };

    for (; app->opened < most; app->opened++) {
        const Engine *e = &engines[app->opened];
        if (!e->open(app, &why)) {
            cli_failed("%s: %.*s", e->name, STR_ARGS(why));
            app_close(app);
            return false;
        }
    }
    return true;
}

void app_close(App *app)
{
    while (app->opened > 0)
        if (engines[--app->opened].close != NULL)
            engines[app->opened].close();
    if (app->lock > 0) {
        must(ftruncate(app->lock, 0) == 0);
        close(app->lock);
        app->lock = 0;
    }
    config_wipe(&app->config);
    arena_close(&app->mem);
}

/* ---- work of a command ------------------------------------------------------------ */

Ctx app_ctx(App *app, TenantId tenant)
{
    return ctx_new(&app->mem, tenant);
}

int app_fault(const Ctx *cx)
{
    if (cx->fault.code == OK)
        return (int)cli_failed("failed without a reason");
    const FaultFacts *f = fault_facts(cx->fault.code);
    int code = (int)cli_failed("%s: %s", f->code, f->sentence);
    for (const FieldError *e = cx->fault.fields; e != NULL; e = e->next)
        fprintf(stderr, "  %.*s: %.*s\n", STR_ARGS(e->field), STR_ARGS(e->message));
    if (cx->fault.fields == NULL)
        fprintf(stderr, "  %s\n", cx->fault.why);
    return code;
}
