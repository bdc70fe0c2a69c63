/* reload.c - one table says what can change while people buy. What is not in it is told,
 * so that nobody believes a rotated secret to be in force that is not.
 *
 * The signing keys are not here: every node looks at their folder twice a second. */
#include "cli/reload.h"
#include "base/log.h"
#include "web/metrics.h"
#include <string.h>

static bool take_log(App *app, const Config *now, Str *why)
{
    (void)why;
    app->config.log_level = now->log_level;
    app_log(&app->config);
    return true;
}

static bool take_database(App *app, const Config *now, Str *why)
{
    (void)why;
    app->config.database_url = str_copy(&app->mem, now->database_url);
    store_login(now->database_url);
    return true;
}

static bool take_metrics(App *app, const Config *now, Str *why)
{
    app->config.metrics_token = str_copy(&app->mem, now->metrics_token);
    return metrics_token(&app->mem, now->metrics_token, why);
}

typedef struct Change {
    const char *name;
    bool      (*take)(App *app, const Config *now, Str *why);
    bool        always;                           /* the setting names a file, which may differ */
} Change;

static const Change changes[] = {
    { "LOG_LEVEL", take_log, false },
    { "DATABASE_URL", take_database, false },
    { "METRICS_TOKEN_FILE", take_metrics, true },
};

static const Change *change_of(const char *name)
{
    for (isize i = 0; i < countof(changes); i++)
        if (strcmp(changes[i].name, name) == 0)
            return &changes[i];
    return NULL;
}

static void look_at(App *app, const Config *now, isize row, const char *name)
{
    const Change *c = change_of(name);
    bool same = config_same(&app->config, now, row);
    Str why = { 0 };

    if (same && (c == NULL || !c->always))
        return;
    if (c == NULL)
        log_warn("a setting is another now, and waits for the next start", L("name", name),
                 L("from", now->from[row]));
    else if (!c->take(app, now, &why))
        log_error("a setting can't be taken, the old one stays", L("name", name), L("why", why));
    else if (!same)
        log_info("a setting was changed", L("name", name), L("from", now->from[row]));
}

void reload(App *app, const Args *a)
{
    Arena mem = { 0 };
    Buf mistakes = buf_in(&mem, 512);
    Config now;
    isize n;
    const ConfigFacts *f = config_facts(&n);

    log_info("reading the settings again");
    if (!config_read(&mem, a->given, a->given_count, &now, &mistakes, NULL))
        log_error("the settings can't be used, the old ones stay", L("why", buf_str(&mistakes)));
    else
        for (isize i = 0; i < n; i++)
            if (f[i].name != NULL)
                look_at(app, &now, i, f[i].name);
    config_wipe(&now);
    arena_wipe(&mem);
}
