/* app.c - one table says what is opened, in which order, and how it is closed.
 *
 * Two servers on one embedded database would relay every tiding twice, so a server
 * holds a lock on its data directory. Commands need no lock: SQLite lets several
 * processes write, and each write is a transaction. */
#include "cli/app.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/cli.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
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

static void set_log(const Config *c)
{
    bool json = c->log_format == FORMAT_JSON || (c->log_format == FORMAT_AUTO && is_strict(c));
    log_setup(level_of(c), json, STDERR_FILENO);
}

bool app_config(App *app, const Args *a)
{
    Buf mistakes = buf_in(&app->mem, 512), made = buf_in(&app->mem, 256);

    if (!config_read(&app->mem, a->given, a->given_count, &app->config, &mistakes, &made)) {
        fprintf(stderr, "tickettoken: these settings can't be used:\n%.*s",
                STR_ARGS(buf_str(&mistakes)));
        app_close(app);
        return false;
    }
    set_log(&app->config);
    if (made.len > 0)
        log_info("made what was missing in secrets.env", L("names", buf_str(&made)),
                 L("folder", app->config.data_dir));
    return true;
}

bool app_migrate(App *app)
{
    i64 from, to;
    Str why = { 0 };

    if (!store_migrate(&app->mem, app->config.database_url, &from, &to, &why)) {
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
    const Config *c = &app->config;
    StoreConfig s = { c->database_url, (int)c->read_conns, (int)c->batch_most };

    return store_open(&app->mem, &s, why);
}

static const Engine engines[] = {
    { "store", open_store, store_close },
};

bool app_open(App *app, AppEngines which)
{
    int most = which == ENGINES_STORE ? 1 : (int)countof(engines);
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
        engines[--app->opened].close();
    if (app->lock > 0) {
        must(ftruncate(app->lock, 0) == 0);
        close(app->lock);
        app->lock = 0;
    }
    config_wipe(&app->config);
    arena_close(&app->mem);
}

/* ---- the one server of a data directory ----------------------------------------- */

static int open_lock(Arena *mem, const Config *c, int flags)
{
    Str path = str_fmt(mem, "%.*s/server.lock", STR_ARGS(c->data_dir));
    return open(str_z(mem, path), flags | O_CLOEXEC, 0600);
}

bool app_lock(App *app)
{
    int fd = open_lock(&app->mem, &app->config, O_RDWR | O_CREAT);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        app->lock = fd;
        return true;
    }
    if (fd >= 0 && errno == EWOULDBLOCK)
        cli_failed("another server runs on %.*s; stop it, or give --data another folder",
                   STR_ARGS(app->config.data_dir));
    else
        cli_failed("%.*s: %s", STR_ARGS(app->config.data_dir), strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

void app_tell_url(App *app, Str url)
{
    must(app->lock > 0);
    if (ftruncate(app->lock, 0) != 0 || pwrite(app->lock, url.at, (size_t)url.len, 0) != url.len)
        log_warn("server.lock can't be written", L("errno", errno));
}

Str app_running(Arena *mem, const Config *c)
{
    int fd = open_lock(mem, c, O_RDONLY);
    Str url = { 0 };

    if (fd < 0)
        return url;
    if (flock(fd, LOCK_SH | LOCK_NB) != 0 && !file_read_fd(mem, fd, 500, &url))
        url = (Str){ 0 };
    close(fd);
    return url;
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
