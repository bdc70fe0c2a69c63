/* migrate.c - forward only, one transaction a step, the version in the database
 * itself. BEGIN IMMEDIATE is the lock that keeps two starters apart: the second
 * finds the step done. */
#include "store/engine.h"
#include <stdio.h>

static bool version_of(Db *db, i64 *out, const char **why)
{
    Arena mem = { 0 };
    Ctx cx = ctx_new(&mem, TENANT_DEFAULT);

    cx.db = db;
    bool good = db->engine->version(&cx, out);
    if (!good)
        *why = "the schema's version can't be read";
    arena_close(&mem);
    return good;
}

static bool take_step(Db *db, const SchemaStep *step, const char **why)
{
    char version[80];
    i64 now = 0;

    if (!db->engine->script(db, "BEGIN IMMEDIATE", why))
        return false;
    snprintf(version, sizeof version, "PRAGMA user_version=%jd; COMMIT", (intmax_t)step->version);
    if (version_of(db, &now, why) && now >= step->version)
        return db->engine->script(db, "COMMIT", why);
    if (db->engine->script(db, step->text, why) && db->engine->script(db, version, why))
        return true;
    const char *first = *why, *ignored;
    bool undone = db->engine->script(db, "ROLLBACK", &ignored);
    *why = undone ? first : ignored;
    return false;
}

static bool migrate(Arena *mem, Db *db, i64 *from, i64 *to, Str *why)
{
    isize count;
    const SchemaStep *steps = schema_steps(&count);
    const char *said = "";

    if (!version_of(db, from, &said)) {
        *why = str_of(said);
        return false;
    }
    *to = steps[count - 1].version;
    if (*from > *to) {
        *why = str_fmt(mem, "the database has schema %jd, this program knows %jd: use the newer "
                       "program", (intmax_t)*from, (intmax_t)*to);
        return false;
    }
    for (isize i = 0; i < count; i++)
        if (steps[i].version > *from && !take_step(db, &steps[i], &said)) {
            *why = str_fmt(mem, "schema step %jd (%s): %s", (intmax_t)steps[i].version,
                           steps[i].name, said);
            return false;
        }
    return true;
}

bool store_migrate(Arena *mem, Str url, i64 *from, i64 *to, Str *why)
{
    Str where;
    const Engine *engine = engine_of(mem, url, &where, why);
    Db *db = engine == NULL ? NULL : engine->open(mem, where, true, why);

    if (db == NULL)
        return false;
    bool good = migrate(mem, db, from, to, why);
    engine->close(db);
    return good;
}
