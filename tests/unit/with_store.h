/* with_store.h - a fresh store of this program's schema for one test, on the engine that
 * TEST_STORE names: sqlite, or postgresql on the server of TEST_PG_* (tests/services.sh).
 *   Ctx cx = with_store();  ...  store_close(); */
#pragma once
#include "store/engine.h"
#include "unit/test.h"
#include <stdlib.h>
#include <string.h>

static inline bool on_postgres(void)
{
    const char *store = getenv("TEST_STORE");
    return store != NULL && str_starts(str_of(store), S("postgres"));
}

static inline Str env_of(const char *name)
{
    Str v = str_of(getenv(name));
    if (v.len == 0)
        must_failed(str_z(mem, str_fmt(mem, "%s is set (tests/services.sh run ...)", name)),
                    __FILE__, __LINE__);
    return v;
}

/* Runs a script as whoever owns the store, or (where = admin) as the server's admin. */
static inline void run_script(const StoreConfig *config, const char *text)
{
    Str why = { 0 };
    const char *said = "";
    struct Db *db = engine_of(mem, config->url, &why)->open(mem, config, DB_OWNS, &why);

    if (db == NULL)
        must_failed(str_z(mem, why), __FILE__, __LINE__);
    if (!db->engine->script(db, text, &said))
        must_failed(said, __FILE__, __LINE__);
    db->engine->close(db);
}

/* An empty store that nobody else has. */
static inline StoreConfig empty_store(void)
{
    StoreConfig c = { .readers = 4, .lanes = 3, .batch_most = 128 };
    Uuid id = uuid_new(time_now());
    Str name = str_fmt(mem, "t_%.*s", STR_ARGS(hex_write(mem, id.b, 16)));

    if (!on_postgres()) {
        c.url = str_fmt(mem, "sqlite:%s", temp_path(str_z(mem, name)));
        return c;
    }
    StoreConfig admin = { .url = S("postgresql:"), .owner_url = env_of("TEST_PG_ADMIN") };
    run_script(&admin, str_z(mem, str_fmt(mem, "CREATE DATABASE %.*s OWNER tt_owner",
                                          STR_ARGS(name))));
    c.url = str_fmt(mem, "%.*s%.*s", STR_ARGS(env_of("TEST_PG_URL")), STR_ARGS(name));
    c.owner_url = str_fmt(mem, "%.*s%.*s", STR_ARGS(env_of("TEST_PG_OWNER_URL")), STR_ARGS(name));
    return c;
}

static inline StoreConfig new_store(void)
{
    StoreConfig c = empty_store();
    Str why = { 0 };
    i64 from, to;

    if (!store_migrate(mem, &c, &from, &to, &why))
        must_failed(str_z(mem, why), __FILE__, __LINE__);
    must(from == 0 && to > 0);
    return c;
}

/* As the schema left it; what a test has made beside the schema goes, too. */
static const char clear_postgres[] =
    "BEGIN; SELECT set_config('tickettoken.tenant', '*', true); DROP TABLE IF EXISTS shelf;"
    "DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(relname, ', ') || ' RESTART IDENTITY'"
    " FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    " AND relname <> 'schema_version'); END $$;"
    "INSERT INTO tenant (id, name, slug, created_at) VALUES"
    " ('00000000-0000-0000-0000-000000000001', 'Default', 'default', to_timestamp(0)); COMMIT";

/* A store with the schema and nothing else. One of SQLite is new, one of PostgreSQL is made
 * once for the process and emptied, which is ten times as fast. */
static inline StoreConfig migrated_store(void)
{
    static StoreConfig kept;
    static char url[2][300];

    if (!on_postgres())
        return new_store();
    if (kept.url.len > 0) {
        run_script(&kept, clear_postgres);
        return kept;
    }
    kept = new_store();
    must(kept.url.len < countof(url[0]) && kept.owner_url.len < countof(url[1]));
    memcpy(url[0], kept.url.at, (size_t)kept.url.len);
    memcpy(url[1], kept.owner_url.at, (size_t)kept.owner_url.len);
    kept.url.at = url[0];
    kept.owner_url.at = url[1];
    return kept;
}

static inline Ctx open_store(const StoreConfig *c)
{
    Str why = { 0 };

    if (!store_open(mem, c, &why))
        must_failed(str_z(mem, why), __FILE__, __LINE__);
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    cx.deadline = mono_after(mono_now(), minutes(10)); /* a test is many units of work */
    return cx;
}

static inline Ctx with_store(void)
{
    StoreConfig c = migrated_store();
    return open_store(&c);
}
