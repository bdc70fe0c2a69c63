/* postgres.c - the store port on PostgreSQL: its connections, its boot, its table.
 *
 * pgtalk.c sends statements and reads answers, pgtx.c has the transactions, pgpipe.c the
 * pipeline below both. */
#include "store/pg.h"
#include "store/pgschema.h"
#include "base/log.h"
#include <postgresql/libpq-fe.h>
#include <stdatomic.h>
#include <stdlib.h>

bool pg_attach(Pg *pg, Arena *mem, Str *why)
{
    bool pooled;
    PGconn *at = pgconn_open(mem, &pg->config, pg->use, &pooled, why);

    if (at == NULL)
        return false;
    pipe_open(&pg->pipe, at, pooled, pgtalk_statements());
    pg->base.dead = pg->in_tx = false;
    return true;
}

static void tell_pooled(void)
{
    static _Atomic bool said;

    if (!atomic_exchange(&said, true))
        log_warn("DATABASE_URL leads through a pooler: statements are parsed each time; "
                 "a direct connection is faster");
}

static Db *pg_open(Arena *mem, const StoreConfig *config, DbUse use, Str *why)
{
    Pg *pg = calloc(1, sizeof *pg);

    must(pg != NULL);
    pg->base.engine = &postgres_engine;
    pg->config = *config;
    pg->use = use;
    if (!pg_attach(pg, mem, why)) {
        free(pg);
        return NULL;
    }
    pg->config.attempts = 1;
    if (pg->pipe.pooled)
        tell_pooled();
    return &pg->base;
}

static void pg_close(Db *base)
{
    Pg *pg = (Pg *)(void *)base;

    pipe_close(&pg->pipe);
    free(pg);
}

/* ---- boot and schema ------------------------------------------------------ */

static bool pg_inspect(Ctx *cx, Str *why)
{
    PGresult *r = pgtalk_ask(cx, OWN_RIGHTS, NULL, 0);
    bool good = r != NULL && PQntuples(r) == 1 && PQgetisnull(r, 0, 0);

    if (r == NULL)
        *why = str_fmt(cx->mem, "%s", cx->fault.why);
    else if (!good)
        *why = str_fmt(cx->mem, "%s", PQgetvalue(r, 0, 0));
    PQclear(r);
    return pipe_sync(&pg_of(cx)->pipe) && good;
}

static bool pg_script(Db *base, const char *text, const char **why)
{
    return pgschema_script(&((Pg *)(void *)base)->pipe, text, why);
}

static bool pg_version(Ctx *cx, i64 *version, i64 *oldest)
{
    return pgschema_version(&pg_of(cx)->pipe, version, oldest);
}

static bool pg_grant(Arena *mem, Db *owner, Str server_url, const char **why)
{
    return pgschema_grant(mem, &((Pg *)(void *)owner)->pipe, server_url, why);
}

const Engine postgres_engine = {
    .called = "postgresql", .schemes = "postgresql: postgres:", .lanes = LANES_MOST,
    .far = true, .open = pg_open, .close = pg_close, .inspect = pg_inspect,
    .run = pgtalk_run, .each = pgtalk_each, .prepare = pgtalk_prepare,
    .begin = pgtx_begin, .claim = pgtx_claim, .turn = pgtx_turn, .commit = pgtx_commit,
    .fate = pgtx_fate, .rollback = pgtx_rollback, .in_tx = pgtx_in_tx, .save = pgtx_save,
    .keep = pgtx_keep, .undo = pgtx_undo, .steps = schema_postgres,
    .step_count = SCHEMA_POSTGRES_COUNT, .step_begin = pgschema_step_begin,
    .step_end = pgschema_step_end, .version = pg_version, .script = pg_script,
    .grant = pg_grant, };
