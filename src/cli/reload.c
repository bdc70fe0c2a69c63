/* reload.c - first all that changes is made ready, then all of it is taken: so a mistake
 * in any file leaves everything as it was. What says LIVE in config.def belongs to a part
 * here; every other difference is told, so that nobody believes a rotated secret to be in
 * force that is not.
 *
 * The signing keys are not here: every node looks at their folder twice a second. */
#include "cli/reload.h"
#include "access/guard.h"
#include "base/log.h"
#include "gateway/proxy.h"
#include "identity/foreign.h"
#include "web/health.h"
#include "web/metrics.h"
#include <string.h>

typedef struct Ready {
    IssuersConfig issuers_as;                     /* by what waits for a start */
    ServiceList *services;
    IssuerList  *issuers;
    ProxyTable  *proxy;
    Str          token;
} Ready;

typedef struct Part {
    const char *settings;
    bool (*ready)(Arena *mem, const Config *now, Ready *r, Str *why);    /* NULL: it is */
    void (*take)(const App *app, Ready *r);
    void (*drop)(Ready *r);                       /* what was ready           */
} Part;

static void take_log(const App *app, Ready *r)
{
    (void)r;
    app_log(&app->config);
}

static void take_database(const App *app, Ready *r)
{
    (void)r;
    store_login(app->config.database_url);
}

static bool ready_metrics(Arena *mem, const Config *now, Ready *r, Str *why)
{
    return metrics_token(mem, now->metrics_token, &r->token, why);
}

static void take_metrics(const App *app, Ready *r)
{
    (void)app;
    guard_operator(r->token);
}

static bool ready_services(Arena *mem, const Config *now, Ready *r, Str *why)
{
    ServiceConfig c = app_services(mem, now);
    return (r->services = services_read(mem, &c.list, why)) != NULL;
}

static void take_services(const App *app, Ready *r)
{
    (void)app;
    service_change(r->services);
}

static void drop_services(Ready *r) { services_drop(r->services); }

static bool ready_issuers(Arena *mem, const Config *now, Ready *r, Str *why)
{
    IssuersConfig c = r->issuers_as;

    c.file = now->issuers_file;
    return (r->issuers = issuers_read(mem, &c, why)) != NULL;
}

static void take_issuers(const App *app, Ready *r)
{
    (void)app;
    foreign_change(r->issuers);
}

static void drop_issuers(Ready *r) { issuers_drop(r->issuers); }

static bool ready_proxy(Arena *mem, const Config *now, Ready *r, Str *why)
{
    return (r->proxy = proxy_table(mem, now->proxy_file, why)) != NULL;
}

static void take_proxy(const App *app, Ready *r)
{
    ProxyChange c = proxy_use(r->proxy);

    (void)app;
    if (c.opened + c.ended > 0)
        log_info("other services behind", L("kept", c.kept), L("opened", c.opened),
                 L("ended", c.ended));
}

static void drop_proxy(Ready *r) { proxy_drop(r->proxy); }

static const Part parts[] = {
    { "LOG_LEVEL LOG_FORMAT", NULL, take_log, NULL },
    { "DATABASE_URL", NULL, take_database, NULL },
    { "METRICS_TOKEN_FILE", ready_metrics, take_metrics, NULL },
    { "SERVICES_FILE TRUSTED_SERVICES SERVICE_SECRET SERVICE_SECRET_PREVIOUS"
      " SERVICE_SECRET_ROTATED_AT", ready_services, take_services, drop_services },
    { "ISSUERS_FILE", ready_issuers, take_issuers, drop_issuers },
    { "PROXY_FILE", ready_proxy, take_proxy, drop_proxy },
};

bool reload_takes(const char *name)
{
    for (isize i = 0; i < countof(parts); i++)
        for (Str words = str_of(parts[i].settings); words.at != NULL;)
            if (str_is(str_cut(&words, ' '), str_of(name)))
                return true;
    return false;
}

static bool make_ready(Arena *mem, const Config *now, Ready *r, Str *why)
{
    isize i = 0;

    while (i < countof(parts) &&
           (parts[i].ready == NULL || parts[i].ready(mem, now, r, why)))
        i++;
    if (i == countof(parts))
        return true;
    while (i-- > 0)
        if (parts[i].drop != NULL)
            parts[i].drop(r);
    return false;
}

static void take_row(App *app, Config *now, isize row, const char *name)
{
    if (config_same(&app->config, now, row))
        return;
    if (!reload_takes(name)) {
        log_warn("a setting is another now, and waits for the next start",
                 L("name", name), L("from", now->from[row]));
        return;
    }
    config_take(&app->mem, &app->config, now, row);
    log_info("a setting was changed", L("name", name), L("from", now->from[row]));
}

static void take_all(App *app, Config *now, Ready *r)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);

    for (isize i = 0; i < n; i++)
        if (f[i].name != NULL)
            take_row(app, now, i, f[i].name);
    for (isize i = 0; i < countof(parts); i++)
        parts[i].take(app, r);
    health_settings(&app->config);
    log_info("the settings are in force");
}

void reload(App *app, const Args *a)
{
    Arena mem = { 0 };
    Buf mistakes = buf_in(&mem, 512);
    Config now;
    Ready r = { .issuers_as = app_issuers(&app->config) };
    Str why = { 0 };

    log_info("reading the settings again");
    if (!config_read(&mem, a->given, a->given_count, &now, &mistakes, NULL))
        why = buf_str(&mistakes);
    else if (make_ready(&mem, &now, &r, &why))
        take_all(app, &now, &r);
    if (why.len > 0)
        log_error("the settings can't be used, the old ones stay", L("why", why));
    config_wipe(&now);
    arena_wipe(&mem);
}
