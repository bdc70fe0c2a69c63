/* pgtalk.c - statements: sent, answered, and what an error means.
 *
 * What nobody waits for (an INSERT whose outcome the function doesn't ask) goes out with
 * the next question or with the COMMIT. Before a statement of another tenant goes out,
 * the transaction is told whose it is: the wall between tenants is the database's own. */
#include "store/pg.h"
#include "store/pgset.h"
#include <postgresql/libpq-fe.h>
#include <stdlib.h>
#include <string.h>

extern Sql *const __start_sqls[] __attribute__((weak));
extern Sql *const __stop_sqls[] __attribute__((weak));

/* ---- the statements of the engine itself ---------------------------------- */

enum { TEXT_OID = 25, INT4_OID = 23, XID8_OID = 5069 };

static const Known own[OWN_COUNT] = {
    [OWN_READ]     = { "begin", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                       .params = 0 },
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
    [OWN_FATE]     = { "fate", "SELECT pg_xact_status($1)", .params = 1,
                       .param = { XID8_OID } },
    /* One sentence for the first thing that is wrong. */
    [OWN_RIGHTS]   = { "rights",
        "SELECT CASE"
        " WHEN r.rolsuper OR r.rolbypassrls THEN 'role ' || r.rolname || ' is a"
        " superuser or bypasses row-level security;"
        " give DATABASE_URL a role that does neither'"
        " WHEN EXISTS (SELECT FROM pg_class c WHERE"
        " c.relnamespace = current_schema()::regnamespace"
        "   AND c.relkind = 'r' AND pg_has_role(r.oid, c.relowner, 'MEMBER'))"
        " THEN 'role ' ||"
        "   r.rolname || ' owns the tables; the owner belongs in DATABASE_OWNER_URL only'"
        " WHEN EXISTS (SELECT FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        "   AND a.attname = 'tenant'"
        " WHERE c.relnamespace = current_schema()::regnamespace"
        "   AND c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity))"
        "   THEN 'a table of tenants lacks row-level security'"
        " WHEN current_setting('synchronous_commit') = 'off'"
        " THEN 'synchronous_commit is off, so a sale that was confirmed could be lost;"
        " switch it on'"
        " END FROM pg_roles r WHERE r.rolname = current_user", .params = 0 },
};

/* The listed statements and their set forms, learnt at boot on the first connection. */
static Known *listed, *sets;
static Arena set_texts;

static int listed_count(void) { return (int)(__stop_sqls - __start_sqls); }

int pgtalk_statements(void) { return 2 * listed_count() + OWN_COUNT; }

/* ---- faults --------------------------------------------------------------- */

static bool is_class(const Pg *pg, const char *state)
{
    return strncmp(pg->pipe.state, state, strlen(state)) == 0;
}

/* Admin shutdown, crash, start-up, a transaction that slept too long, a server that
 * became a standby: the session is over. */
bool pgtalk_is_over(const Pg *pg)
{
    return pg->pipe.lost || is_class(pg, "08") || is_class(pg, "57P") ||
           is_class(pg, "25P03") || is_class(pg, "25006");
}

static bool is_transient(const Pg *pg)
{
    return is_class(pg, "40P01") || is_class(pg, "40001") || is_class(pg, "55P03");
}

static FaultCode fault_of(const Pg *pg)
{
    if (pgtalk_is_over(pg) || is_class(pg, "53"))     /* no memory, disk full, too many */
        return DATABASE_CONNECTION_ERROR;
    if (is_class(pg, "57014"))
        return DATABASE_TIMEOUT;
    if (is_transient(pg))
        return BUSY;
    return is_class(pg, "23505") ? CONFLICT : INTERNAL_ERROR;
}

/* Tells the first error to whoever is there. */
bool pgtalk_broke(Ctx *cx)
{
    Pg *pg = pg_of(cx);

    pg->base.dead |= pgtalk_is_over(pg);
    pg->base.again |= is_transient(pg);
    return fail(cx, fault_of(pg), "%s: %s (%s)", pg->pipe.culprit, pg->pipe.said,
                pg->pipe.state);
}

/* ---- sending -------------------------------------------------------------- */

/* A value that doesn't fit its column is a fault of ours: shapes have the ranges. */
static bool encode(Ctx *cx, const Known *k, const Val *vals, int n, Params *out)
{
    must(n == k->params);
    for (int i = 0; i < n; i++)
        if (!pgtype_put(cx->mem, k->param[i], &vals[i], &out->at[i], &out->len[i]))
            return fail(cx, INTERNAL_ERROR, "%s: $%d doesn't fit its type", k->name,
                        i + 1);
    return true;
}

bool pgtalk_send(Ctx *cx, Own which, const Val *vals, int n)
{
    Params with;

    return encode(cx, &own[which], vals, n, &with) &&
           (pipe_send(&pg_of(cx)->pipe, &own[which], listed_count() + (int)which,
                      &with) ||
            pgtalk_broke(cx));
}

static i64 time_left(const Ctx *cx)
{
    i64 ms = cx->deadline.ns == 0 ? WORK_LASTS_MS
                                  : (cx->deadline.ns - mono_now().ns) / 1000000;
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
    return pgtalk_send(cx, OWN_SCOPE,
                    (const Val[]){ V(whose), V(str_fmt(cx->mem, "%jd", (intmax_t)ms)) },
                    2);
}

static bool send_listed(Ctx *cx, const Sql *q, const Val *vals, isize n)
{
    Val all[PARAMS_MOST];
    Params with;
    int count = 0;

    must(q->number < listed_count() && __start_sqls[q->number] == q && n <= PARAMS_MOST);
    if (!sql_spans(q))
        all[count++] = V(cx->tenant.v);
    for (isize i = 1; i < n; i++)              /* vals[0] only makes the list non-empty */
        all[count++] = vals[i];
    return encode(cx, &listed[q->number], all, count, &with) &&
           set_scope(cx, sql_spans(q)) &&
           (pipe_send(&pg_of(cx)->pipe, &listed[q->number], q->number, &with) ||
            pgtalk_broke(cx));
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
           (pipe_send(&pg_of(cx)->pipe, set, listed_count() + OWN_COUNT + q->number,
                      &with) ||
            pgtalk_broke(cx));
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
            cells[k] = pgtype_get(PQftype(r, k),
                                  PQgetisnull(r, i, k) ? NULL : PQgetvalue(r, i, k),
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
        return pgtalk_broke(cx);
    return !pg->base.writing || cx->deadline.ns == 0 ||
           mono_now().ns <= cx->deadline.ns ||
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
        return pgtalk_broke(cx);
    i64 touched = rows_touched(r);
    pg->base.wrote |= touched > 0;
    if (changed != NULL)
        *changed = touched;
    bool good = row == NULL || read_rows(cx, r, row, arg);
    PQclear(r);
    return good;
}

bool pgtalk_run(Ctx *cx, const Sql *q, const Val *vals, isize n, RowFn *row, void *arg,
                   i64 *changed)
{
    return may_run(cx, q) && send_listed(cx, q, vals, n) &&
           receive(cx, row, arg, changed);
}

bool pgtalk_each(Ctx *cx, const Sql *q, const Val *vals, isize width, isize rows,
                 RowFn *row, void *arg, i64 *changed)
{
    return may_run(cx, q) && send_set(cx, q, vals, width, rows) &&
           receive(cx, row, arg, changed);
}

/* The one number or text of a statement of our own; the answer is for PQclear. */
PGresult *pgtalk_ask(Ctx *cx, Own which, const Val *vals, int n)
{
    PGresult *r = pgtalk_send(cx, which, vals, n) ? pipe_await(&pg_of(cx)->pipe) : NULL;

    if (r == NULL && cx->fault.code == OK)
        pgtalk_broke(cx);
    return r;
}

/* ---- boot ----------------------------------------------------------------- */

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

bool pgtalk_prepare(Db *base, const Sql *q, const char **why)
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

