/* migrate.c - forward only, one transaction a step, the version in the database itself.
 * What begins a step is also the lock that keeps two starters apart: the second finds
 * the step done.
 *
 * Each step says which is the oldest program that can work on what it leaves, so that
 * nodes can be renewed one by one: an old one goes on beside a new one until a step
 * says otherwise. */
#include "store/engine.h"
#include <stdio.h>

typedef struct Version { i64 now, oldest; } Version;

static bool version_of(Db *db, Version *out, const char **why)
{
    Arena mem = { 0 };
    Ctx cx = ctx_new(&mem, TENANT_DEFAULT);

    cx.db = db;
    bool good = db->engine->version(&cx, &out->now, &out->oldest);
    if (!good)
        *why = "the schema's version can't be read";
    arena_close(&mem);
    return good;
}

static bool take_step(Db *db, const SchemaStep *step, const char **why)
{
    const Engine *e = db->engine;
    char end[200];
    Version v;

    if (!e->script(db, e->step_begin, why))
        return false;
    if (version_of(db, &v, why) && v.now >= step->version)
        return e->script(db, "COMMIT", why);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(end, sizeof end, e->step_end, (intmax_t)step->version,
             (intmax_t)step->oldest);
#pragma GCC diagnostic pop
    if (e->script(db, step->text, why) && e->script(db, end, why))
        return true;
    static _Thread_local char first[300];   /* the next script's words take their place */
    snprintf(first, sizeof first, "%s", *why);
    const char *ignored;
    *why = e->script(db, "ROLLBACK", &ignored) ? first : ignored;
    return false;
}

static bool take_steps(Arena *mem, Db *db, i64 from, Str *why)
{
    const Engine *e = db->engine;
    const char *said = "";

    for (isize i = 0; i < e->step_count; i++)
        if (e->steps[i].version > from && !take_step(db, &e->steps[i], &said)) {
            *why = str_fmt(mem, "schema step %jd (%s): %s", (intmax_t)e->steps[i].version,
                           e->steps[i].name, said);
            return false;
        }
    if (e->settle != NULL && !e->script(db, e->settle, &said)) {
        *why = str_fmt(mem, "planner's figures: %s", said);
        return false;
    }
    return true;
}

static i64 newest(const Engine *e) { return e->steps[e->step_count - 1].version; }

/* What this program may do with a database of that version. */
static bool check(Arena *mem, const Engine *e, const Version *v, bool may_change,
                  Str *why)
{
    i64 ours = newest(e);

    if (v->oldest > ours)
        *why = str_fmt(mem,
                       "the database has schema %jd, which this program (%jd) is too old "
                       "for: use the newer program", (intmax_t)v->now, (intmax_t)ours);
    else if (v->now < ours && !may_change)
        *why = str_fmt(mem, "the database has schema %jd, this program needs %jd: run "
                       "`tickettoken migrate`%s", (intmax_t)v->now, (intmax_t)ours,
                       e->grant != NULL ? " with DATABASE_OWNER_URL" : "");
    else
        return true;
    return false;
}

static bool migrate(Arena *mem, Db *db, bool may_change, i64 *from, i64 *to, Str *why)
{
    const Engine *e = db->engine;
    i64 ours = newest(e);
    const char *said = "";
    Version v;

    if (!version_of(db, &v, &said)) {
        *why = str_of(said);
        return false;
    }
    *from = v.now;
    *to = v.now > ours ? v.now : ours;
    return check(mem, e, &v, may_change, why) &&
           (v.now >= ours || take_steps(mem, db, v.now, why));
}

static bool grant(Arena *mem, Db *db, Str server_url, Str *why)
{
    const char *said = "";

    if (db->engine->grant == NULL || db->engine->grant(mem, db, server_url, &said))
        return true;
    *why = str_fmt(mem, "the server's rights: %s", said);
    return false;
}

bool store_migrate(Arena *mem, const StoreConfig *config, i64 *from, i64 *to, Str *why)
{
    const Engine *e = engine_of(mem, config->url, why);

    if (e == NULL)
        return false;
    bool owns = e->grant == NULL || config->owner_url.len > 0;
    Db *db = e->open(mem, config, owns ? DB_OWNS : DB_READS, why);
    if (db == NULL)
        return false;
    bool good = migrate(mem, db, owns, from, to, why) &&
                (!owns || grant(mem, db, config->url, why));
    e->close(db);
    return good;
}

bool store_look(Arena *mem, const StoreConfig *config, i64 *version, Str *why)
{
    const Engine *e = engine_of(mem, config->url, why);
    Db *db = e == NULL ? NULL : e->open(mem, config, DB_READS, why);
    const char *said = "";
    Version v;

    if (db == NULL)
        return false;
    bool good = version_of(db, &v, &said);
    if (!good)
        *why = str_of(said);
    else {
        *version = v.now;
        good = check(mem, e, &v, false, why);
    }
    e->close(db);
    return good;
}
