/* postgres.c - the store port on PostgreSQL.
 *
 * A batch is one transaction, and its statements are pipelined: what nobody waits for
 * (an INSERT whose outcome the function doesn't ask) goes out with the next question
 * or with the COMMIT.
 *
 * The wall between tenants is the database's own (row-level security, schema step 1):
 * before a statement of another tenant goes out, the transaction is told whose it is.
 *
 * An error spoils the whole transaction here; the lane then runs the batch again with
 * savepoints. A COMMIT that was not answered may have happened: the transaction's own
 * number, asked for at its beginning, tells afterwards.
 *
 * Two advisory locks make one system of many nodes: a slot's, so that work on one key is
 * done one after the other on whichever node, and the turn, so that outbox ids rise in
 * the order of commits. Both are taken in one order by everybody (slots rising, the turn
 * last), so nobody waits crosswise. A writer reads what is committed when it asks, whatever
 * the server's default is: with one view for the whole transaction it would not see what
 * those before it in its slot have done. */
#include "store/pgconn.h"
#include "store/pgschema.h"
#include "store/pgset.h"
#include "store/pgtype.h"
#include "base/log.h"
#include <postgresql/libpq-fe.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern Sql *const __start_sqls[] __attribute__((weak));
extern Sql *const __stop_sqls[] __attribute__((weak));

enum { LOCK_CLASS = 7474, LOCK_TURN = -2 };                 /* -1 is the schema's, below */
#define FATE_WITHIN seconds(15)

/* ---- the statements of the engine itself ---------------------------------- */

typedef enum Own { OWN_READ, OWN_WRITE, OWN_SETTINGS, OWN_SCOPE, OWN_NUMBER, OWN_LOCK, OWN_COMMIT,
                   OWN_ROLLBACK, OWN_SAVE, OWN_KEEP, OWN_BACK, OWN_FATE, OWN_RIGHTS,
                   OWN_COUNT } Own;
enum { TEXT_OID = 25, INT4_OID = 23, XID8_OID = 5069 };

static const Known own[OWN_COUNT] = {
    [OWN_READ]     = { "begin", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", .params = 0 },
    [OWN_WRITE]    = { "begin", "BEGIN ISOLATION LEVEL READ COMMITTED", .params = 0 },
    [OWN_SETTINGS] = { "settings", pgconn_settings, .params = 0 },
    [OWN_SCOPE]    = { "scope", "SELECT set_config('tickettoken.tenant', $1, true),"
                                " set_config('statement_timeout', $2, true)",
                       .params = 2, .param = { TEXT_OID, TEXT_OID } },
    [OWN_NUMBER]   = { "number", "SELECT pg_current_xact_id()", .params = 0 },
    [OWN_LOCK]     = { "lock", "SELECT pg_advisory_xact_lock($1, $2)",
                       .params = 2, .param = { INT4_OID, INT4_OID } },
    [OWN_COMMIT]   = { "commit", "COMMIT", .params = 0 },
    [OWN_ROLLBACK] = { "rollback", "ROLLBACK", .params = 0 },
    [OWN_SAVE]     = { "save", "SAVEPOINT one", .params = 0 },
    [OWN_KEEP]     = { "keep", "RELEASE one", .params = 0 },
    [OWN_BACK]     = { "back", "ROLLBACK TO one", .params = 0 },
    [OWN_FATE]     = { "fate", "SELECT pg_xact_status($1)", .params = 1, .param = { XID8_OID } },
    /* One sentence for the first thing that is wrong. */
    [OWN_RIGHTS]   = { "rights",
        "SELECT CASE"
        " WHEN r.rolsuper OR r.rolbypassrls THEN 'role ' || r.rolname || ' is a superuser or"
        " bypasses row-level security; give DATABASE_URL a role that does neither'"
        " WHEN EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace"
        "   AND c.relkind = 'r' AND pg_has_role(r.oid, c.relowner, 'MEMBER')) THEN 'role ' ||"
        "   r.rolname || ' owns the tables; the owner belongs in DATABASE_OWNER_URL only'"
        " WHEN EXISTS (SELECT FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        "   AND a.attname = 'tenant' WHERE c.relnamespace = current_schema()::regnamespace"
        "   AND c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity))"
        "   THEN 'a table of tenants lacks row-level security'"
        " WHEN current_setting('synchronous_commit') = 'off' THEN 'synchronous_commit is off, so"
        " a sale that was confirmed could be lost; switch it on'"
        " END FROM pg_roles r WHERE r.rolname = current_user", .params = 0 },
};

/* ---- a connection --------------------------------------------------------- */

typedef enum Scope { SCOPE_NONE, SCOPE_TENANT, SCOPE_ALL } Scope;

typedef struct Pg {
    Db          base;
    Pipe        pipe;
    StoreConfig config;
    DbUse       use;
    bool        in_tx;
    Scope       scope;                            /* what the transaction was told */
    Uuid        tenant;
    i64         number;                           /* of the transaction, 0: not known */
} Pg;

static Pg *pg_of(const Ctx *cx) { return (Pg *)(void *)cx->db; }

/* The listed statements and their set forms, learnt at boot on the first connection. */
static Known *listed, *sets;
static Arena set_texts;

static int listed_count(void) { return (int)(__stop_sqls - __start_sqls); }

static bool attach(Pg *pg, Arena *mem, Str *why)
{
    bool pooled;
    PGconn *at = pgconn_open(mem, &pg->config, pg->use, &pooled, why);

    if (at == NULL)
        return false;
    pipe_open(&pg->pipe, at, pooled, 2 * listed_count() + OWN_COUNT);
    pg->base.dead = pg->in_tx = false;
    return true;
}

static void tell_pooled(void)
{
    static _Atomic bool said;

    if (!atomic_exchange(&said, true))
        log_warn("DATABASE_URL leads through a pooler: statements are parsed each time; a direct "
                 "connection is faster");
}

static Db *pg_open(Arena *mem, const StoreConfig *config, DbUse use, Str *why)
{
    Pg *pg = calloc(1, sizeof *pg);

    must(pg != NULL);
    pg->base.engine = &postgres_engine;
    pg->config = *config;
    pg->use = use;
    if (!attach(pg, mem, why)) {
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

/* ---- faults --------------------------------------------------------------- */

static bool is_class(const Pg *pg, const char *state)
{
    return strncmp(pg->pipe.state, state, strlen(state)) == 0;
}

/* Admin shutdown, crash, start-up, a transaction that slept too long, a server that became
 * a standby: the session is over. */
static bool is_over(const Pg *pg)
{
    return pg->pipe.lost || is_class(pg, "08") || is_class(pg, "57P") || is_class(pg, "25P03") ||
           is_class(pg, "25006");
}

static bool is_transient(const Pg *pg)
{
    return is_class(pg, "40P01") || is_class(pg, "40001") || is_class(pg, "55P03");
}

static FaultCode fault_of(const Pg *pg)
{
    if (is_over(pg) || is_class(pg, "53"))        /* no memory, disk full, too many */
        return DATABASE_CONNECTION_ERROR;
    if (is_class(pg, "57014"))
        return DATABASE_TIMEOUT;
    if (is_transient(pg))
        return BUSY;
    return is_class(pg, "23505") ? CONFLICT : INTERNAL_ERROR;
}

/* Tells the first error to whoever is there. */
static bool broke(Ctx *cx)
{
    Pg *pg = pg_of(cx);

    pg->base.dead |= is_over(pg);
    pg->base.again |= is_transient(pg);
    return fail(cx, fault_of(pg), "%s: %s (%s)", pg->pipe.culprit, pg->pipe.said, pg->pipe.state);
}

/* ---- sending -------------------------------------------------------------- */

/* A value that doesn't fit its column is a fault of ours: shapes have the ranges. */
static bool encode(Ctx *cx, const Known *k, const Val *vals, int n, Params *out)
{
    must(n == k->params);
    for (int i = 0; i < n; i++)
        if (!pgtype_put(cx->mem, k->param[i], &vals[i], &out->at[i], &out->len[i]))
            return fail(cx, INTERNAL_ERROR, "%s: $%d doesn't fit its type", k->name, i + 1);
    return true;
}

static bool send_own(Ctx *cx, Own which, const Val *vals, int n)
{
    Params with;

    return encode(cx, &own[which], vals, n, &with) &&
           (pipe_send(&pg_of(cx)->pipe, &own[which], listed_count() + (int)which, &with) ||
            broke(cx));
}

#define DO(cx, which)  send_own((cx), (which), NULL, 0)

static i64 time_left(const Ctx *cx)
{
    i64 ms = cx->deadline.ns == 0 ? WORK_LASTS_MS : (cx->deadline.ns - mono_now().ns) / 1000000;
    return ms < 1 ? 1 : ms < WORK_LASTS_MS ? ms : WORK_LASTS_MS;
}

/* Says whose the next statement is, unless the transaction knows. A write is one of many
 * in its batch, so it has the batch's time and not its own. */
static bool set_scope(Ctx *cx, bool all)
{
    Pg *pg = pg_of(cx);
    Scope scope = all ? SCOPE_ALL : SCOPE_TENANT;

    if (pg->scope == scope && (all || uuid_is(pg->tenant, cx->tenant.v)))
        return true;
    must(all || !uuid_zero(cx->tenant.v));
    Str whose = all ? S("*") : uuid_str(cx->mem, cx->tenant.v);
    i64 ms = pg->base.writing ? WORK_LASTS_MS : time_left(cx);
    pg->scope = scope;
    pg->tenant = cx->tenant.v;
    return send_own(cx, OWN_SCOPE,
                    (const Val[]){ V(whose), V(str_fmt(cx->mem, "%jd", (intmax_t)ms)) }, 2);
}

static bool send_listed(Ctx *cx, const Sql *q, const Val *vals, isize n)
{
    Val all[PARAMS_MOST];
    Params with;
    int count = 0;

    must(q->number < listed_count() && __start_sqls[q->number] == q && n <= PARAMS_MOST);
    if (!sql_spans(q))
        all[count++] = V(cx->tenant.v);
    for (isize i = 1; i < n; i++)                 /* vals[0] only makes the list non-empty */
        all[count++] = vals[i];
    return encode(cx, &listed[q->number], all, count, &with) && set_scope(cx, sql_spans(q)) &&
           (pipe_send(&pg_of(cx)->pipe, &listed[q->number], q->number, &with) || broke(cx));
}

/* Values in columns, for the set form. */
static bool send_set(Ctx *cx, const Sql *q, const Val *vals, isize width, isize rows)
{
    const Known *one = &listed[q->number], *set = &sets[q->number];
    int tenant = !sql_spans(q);
    Val whose = V(cx->tenant.v);
    Params with;

    must((q->is & FOR_EACH) != 0 && width + tenant == one->params);
    if (tenant)
        must(pgtype_put(cx->mem, one->param[0], &whose, &with.at[0], &with.len[0]));
    for (isize i = 0; i < width; i++)
        if (!pgtype_put_array(cx->mem, one->param[i + tenant], vals + i, width, rows,
                              &with.at[i + tenant], &with.len[i + tenant]))
            return fail(cx, INTERNAL_ERROR, "%s: $%td doesn't fit its type", q->name,
                        i + tenant + 1);
    return set_scope(cx, sql_spans(q)) &&
           (pipe_send(&pg_of(cx)->pipe, set, listed_count() + OWN_COUNT + q->number, &with) ||
            broke(cx));
}

/* ---- receiving ------------------------------------------------------------ */

static bool read_rows(Ctx *cx, const PGresult *r, RowFn *row, void *arg)
{
    Cell cells[CELLS_MOST];
    int width = PQnfields(r), rows = PQntuples(r);
    bool good = true;

    must(width <= CELLS_MOST);
    for (int i = 0; i < rows && good; i++) {
        for (int k = 0; k < width; k++)
            cells[k] = pgtype_get(PQftype(r, k), PQgetisnull(r, i, k) ? NULL : PQgetvalue(r, i, k),
                                  PQgetlength(r, i, k));
        good = row(cx, arg, cells, width);
    }
    return good;
}

static i64 rows_touched(PGresult *r)
{
    i64 n = 0;
    bool reads = strncmp(PQcmdStatus(r), "SELECT", 6) == 0;

    return !reads && str_int(str_of(PQcmdTuples(r)), &n) ? n : 0;
}

static bool may_run(Ctx *cx, const Sql *q)
{
    Pg *pg = pg_of(cx);

    if (pg->pipe.failed)
        return broke(cx);
    return !pg->base.writing || cx->deadline.ns == 0 || mono_now().ns <= cx->deadline.ns ||
           fail(cx, DATABASE_TIMEOUT, "%s: too late to begin", q->name);
}

/* The answer to what was sent, unless nobody asks for it. */
static bool receive(Ctx *cx, RowFn *row, void *arg, i64 *changed)
{
    Pg *pg = pg_of(cx);

    if (row == NULL && changed == NULL) {
        pg->base.wrote = true;                    /* as far as anybody knows  */
        return true;
    }
    PGresult *r = pipe_await(&pg->pipe);
    if (r == NULL)
        return broke(cx);
    i64 touched = rows_touched(r);
    pg->base.wrote |= touched > 0;
    if (changed != NULL)
        *changed = touched;
    bool good = row == NULL || read_rows(cx, r, row, arg);
    PQclear(r);
    return good;
}

static bool pg_run(Ctx *cx, const Sql *q, const Val *vals, isize n, RowFn *row, void *arg,
                   i64 *changed)
{
    return may_run(cx, q) && send_listed(cx, q, vals, n) && receive(cx, row, arg, changed);
}

static bool pg_each(Ctx *cx, const Sql *q, const Val *vals, isize width, isize rows, RowFn *row,
                    void *arg, i64 *changed)
{
    return may_run(cx, q) && send_set(cx, q, vals, width, rows) && receive(cx, row, arg, changed);
}

/* The one number or text of a statement of our own; the answer is for PQclear. */
static PGresult *ask_own(Ctx *cx, Own which, const Val *vals, int n)
{
    PGresult *r = send_own(cx, which, vals, n) ? pipe_await(&pg_of(cx)->pipe) : NULL;

    if (r == NULL && cx->fault.code == OK)
        broke(cx);
    return r;
}

/* ---- transactions --------------------------------------------------------- */

static bool renew(Ctx *cx)
{
    Pg *pg = pg_of(cx);
    Str why = { 0 };

    pipe_close(&pg->pipe);
    pg->base.dead = true;
    return attach(pg, cx->mem, &why) ||
           fail(cx, DATABASE_CONNECTION_ERROR, "%.*s", STR_ARGS(why));
}

static bool pg_begin(Ctx *cx, TxKind kind)
{
    Pg *pg = pg_of(cx);

    if ((pg->base.dead || !pipe_drain(&pg->pipe)) && !renew(cx))
        return false;
    pg->scope = SCOPE_NONE;
    pg->number = 0;
    pg->in_tx = true;
    if (pg->pipe.failed && !pipe_sync(&pg->pipe))
        return broke(cx);
    return DO(cx, kind == TX_READ ? OWN_READ : OWN_WRITE) &&
           (!pg->pipe.pooled || DO(cx, OWN_SETTINGS));
}

static bool lock_number(Ctx *cx, int number)
{
    return send_own(cx, OWN_LOCK, (const Val[]){ V((i64)LOCK_CLASS), V((i64)number) }, 2);
}

static bool pg_claim(Ctx *cx, u64 slots)
{
    for (int i = 0; i < 64; i++)
        if ((slots >> i & 1) != 0 && !lock_number(cx, i))
            return false;
    return true;
}

static bool pg_turn(Ctx *cx) { return lock_number(cx, LOCK_TURN); }

/* All is well so far, and the transaction's number is known, so that we can ask what
 * became of it. */
static bool is_sound(Ctx *cx)
{
    Pg *pg = pg_of(cx);
    PGresult *r = ask_own(cx, OWN_NUMBER, NULL, 0);

    if (r != NULL)
        pg->number = pgtype_get(PQftype(r, 0), PQgetvalue(r, 0, 0), PQgetlength(r, 0, 0)).i;
    PQclear(r);
    return r != NULL;
}

static bool pg_commit(Ctx *cx)
{
    Pg *pg = pg_of(cx);

    if (!is_sound(cx))
        return false;
    PGresult *r = ask_own(cx, OWN_COMMIT, NULL, 0);
    if (r != NULL) {
        must(strcmp(PQcmdStatus(r), "COMMIT") == 0);
        PQclear(r);
        pg->in_tx = false;
        return true;
    }
    pg->base.unsure = is_over(pg);
    return false;
}

static Fate ask_fate(Ctx *cx, i64 number, bool *settled)
{
    PGresult *r = ask_own(cx, OWN_FATE, (const Val[]){ V(number) }, 1);
    Str said = r == NULL || PQgetisnull(r, 0, 0) ? S("")
             : str_copy(cx->mem, (Str){ PQgetvalue(r, 0, 0), PQgetlength(r, 0, 0) });

    *settled = r != NULL && !str_is(said, S("in progress"));
    PQclear(r);
    if (pg_of(cx)->pipe.failed)
        pg_of(cx)->base.dead |= !pipe_sync(&pg_of(cx)->pipe);
    return str_is(said, S("committed")) ? FATE_COMMITTED
         : str_is(said, S("aborted")) ? FATE_UNDONE : FATE_UNKNOWN;
}

/* Another wait than a buyer's: who was told nothing will ask again with his key. */
static Fate pg_fate(Ctx *cx)
{
    Pg *pg = pg_of(cx);
    Mono until = mono_after(mono_now(), FATE_WITHIN);
    bool settled = false;
    Fate fate = FATE_UNKNOWN;

    while (!settled && mono_now().ns < until.ns) {
        fault_clear(cx);
        if (renew(cx))
            fate = ask_fate(cx, pg->number, &settled);
        if (!settled)
            usleep(100000);
    }
    pg->base.unsure = false;
    log_warn("a commit was not answered",
             L("fate", fate == FATE_COMMITTED ? "committed" : fate == FATE_UNDONE ? "undone" : "unknown"));
    return fate;
}

/* The answer is nobody's concern: it is taken before the next transaction. */
static void pg_rollback(Ctx *cx)
{
    Pg *pg = pg_of(cx);
    Fault was = cx->fault;

    pg->in_tx = false;
    if (pg->pipe.failed && !pg->pipe.lost && !pipe_sync(&pg->pipe))
        pg->base.dead = true;
    if (!pg->pipe.lost && DO(cx, OWN_ROLLBACK))
        pipe_leave(&pg->pipe);
    pg->base.dead |= pg->pipe.lost;
    cx->fault = was;
}

static bool pg_in_tx(Db *base)
{
    const Pg *pg = (Pg *)(void *)base;
    return pg->in_tx && !pg->pipe.failed && !base->dead;
}

static bool pg_save(Ctx *cx) { return DO(cx, OWN_SAVE); }

static bool pg_keep(Ctx *cx)
{
    PGresult *r = ask_own(cx, OWN_KEEP, NULL, 0);

    PQclear(r);
    return r != NULL;
}

/* What was set inside the savepoint is undone with it, the scope too. */
static void pg_undo(Ctx *cx)
{
    Pg *pg = pg_of(cx);
    Fault was = cx->fault;

    pg->scope = SCOPE_NONE;
    if (pg->pipe.failed && !pg->pipe.lost && !pipe_sync(&pg->pipe))
        pg->base.dead = true;
    if (!pg->pipe.lost && DO(cx, OWN_BACK))
        (void)DO(cx, OWN_KEEP);
    pg->base.dead |= pg->pipe.lost;
    cx->fault = was;
}

/* ---- boot and schema ------------------------------------------------------ */

/* The set form has arrays where the statement has values. */
static Known set_of(const Sql *q, const Known *one)
{
    int tenant = !sql_spans(q);
    Known set = { .name = q->name, .params = one->params };

    set.text = str_z(&set_texts, pgset_text(&set_texts, one, sql_spans(q)));
    for (int i = 0; i < one->params; i++)
        set.param[i] = i < tenant ? one->param[i] : pgtype_array(one->param[i]);
    return set;
}

static bool pg_prepare(Db *base, const Sql *q, const char **why)
{
    Pipe *p = &((Pg *)(void *)base)->pipe;

    if (listed == NULL) {
        listed = calloc((size_t)listed_count(), sizeof *listed);
        sets = calloc((size_t)listed_count(), sizeof *sets);
        must(listed != NULL && sets != NULL);
    }
    Known *one = &listed[q->number];
    *one = (Known){ .name = q->name, .text = q->text };
    if (!pipe_learn(p, one, q->number, why))
        return false;
    if ((q->is & FOR_EACH) == 0)
        return true;
    sets[q->number] = set_of(q, one);
    return pipe_learn(p, &sets[q->number], listed_count() + OWN_COUNT + q->number, why);
}

static bool pg_inspect(Ctx *cx, Str *why)
{
    PGresult *r = ask_own(cx, OWN_RIGHTS, NULL, 0);
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
    .schemes = "postgresql: postgres:", .lanes = LANES_MOST, .far = true,
    .open = pg_open, .close = pg_close, .inspect = pg_inspect, .run = pg_run,
    .each = pg_each, .prepare = pg_prepare, .begin = pg_begin, .claim = pg_claim, .turn = pg_turn,
    .commit = pg_commit, .fate = pg_fate, .rollback = pg_rollback, .in_tx = pg_in_tx,
    .save = pg_save, .keep = pg_keep, .undo = pg_undo,
    .steps = schema_postgres, .step_count = SCHEMA_POSTGRES_COUNT,
    .step_begin = pgschema_step_begin, .step_end = pgschema_step_end,
    .version = pg_version, .script = pg_script, .grant = pg_grant,
};
