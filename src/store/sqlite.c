/* sqlite.c - the store port on SQLite: WAL, synchronous=FULL, one writer.
 *
 * SQLite numbers $1 $2 by first appearance; only ?1 ?2 mean what they say. The two
 * differ by one character, so `$` becomes `?` before preparing.
 * A statement is prepared once per connection and found again by its number. */
#include "store/engine.h"
#include "base/file.h"
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern Sql *const __start_sqls[] __attribute__((weak));
extern Sql *const __stop_sqls[] __attribute__((weak));

enum { TEXT_MOST = 4000, CELLS_MOST = 64, BUSY_MS = 5000, OPS_BETWEEN_LOOKS = 20000 };

typedef enum { DO_BEGIN_READ, DO_BEGIN_WRITE, DO_COMMIT, DO_ROLLBACK, DO_SAVE, DO_KEEP,
               DO_UNDO, DO_COUNT } Doing;
static const char *const doing_text[DO_COUNT] = {
    "BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "SAVEPOINT one", "RELEASE one",
    "ROLLBACK TO one",
};

typedef struct Lite {
    Db             base;
    sqlite3       *at;
    sqlite3_stmt  *doing[DO_COUNT];
    sqlite3_stmt **listed;                        /* by Sql.number            */
    isize          listed_count;
    Mono           deadline;                      /* of the statement that runs */
} Lite;

static Lite *lite(const Ctx *cx) { return (Lite *)(void *)cx->db; }

/* ---- faults --------------------------------------------------------------- */

static FaultCode fault_of(int rc)
{
    switch (rc & 255) {
    case SQLITE_CONSTRAINT:
        return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
               rc == SQLITE_CONSTRAINT_ROWID ? CONFLICT : INTERNAL_ERROR;
    case SQLITE_INTERRUPT: return DATABASE_TIMEOUT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN: return DATABASE_CONNECTION_ERROR;
    default:              return INTERNAL_ERROR;
    }
}

static bool broke(Ctx *cx, int rc, const char *what)
{
    return fail(cx, fault_of(rc), "%s: %s (%d)", what, sqlite3_errmsg(lite(cx)->at), rc);
}

/* ---- connection ----------------------------------------------------------- */

static bool exec(sqlite3 *at, const char *text, const char **why)
{
    char *said = NULL;
    int rc = sqlite3_exec(at, text, NULL, NULL, &said);

    *why = sqlite3_errmsg(at);
    sqlite3_free(said);
    return rc == SQLITE_OK;
}

/* Looked at between operations, so that no query outlives its unit of work. Only where
 * we read: an interrupted write takes the whole transaction with it, and so everybody
 * in the batch. A writer looks before each statement instead. */
static int past_deadline(void *arg)
{
    const Lite *db = arg;
    return db->deadline.ns != 0 && mono_now().ns > db->deadline.ns;
}

#ifdef CONTROL
#define IGNORE_CHECKS "ON"
#else
#define IGNORE_CHECKS "OFF"
#endif

/* FULL is what makes an acknowledged write survive power loss in WAL mode; the journal of
 * a savepoint stays in memory. The writer's cache of 32 MiB holds the hot pages of a
 * sale. A reader drops its cache whenever somebody has committed since it last read, so 2
 * MiB, the pages of one large answer, do as well as more. */
static const char settings[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
    "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
    "PRAGMA ignore_check_constraints=" IGNORE_CHECKS ";";

static void lite_close(Db *base);

/* SQLite counts every allocation under one lock for the whole process, unless it is told
 * before its first use not to. */
static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* SQLite gives what it makes later (the log) to whoever has the database. */
static void make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return;
    file_inherit(path, fd);
    close(fd);
}

static Db *lite_open(Arena *mem, const StoreConfig *config, DbUse use, Str *why)
{
    Str where = str_sub(config->url, 7, config->url.len);       /* after "sqlite:" */
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    Lite *db = calloc(1, sizeof *db);
    const char *said = "";

    must(db != NULL);
    pthread_once(&once, configure);
    db->base.engine = &sqlite_engine;
    db->listed_count = __stop_sqls - __start_sqls;
    db->listed = calloc((size_t)db->listed_count + 1, sizeof *db->listed);
    must(db->listed != NULL);
    make_file(str_z(mem, where));
    int rc = sqlite3_open_v2(str_z(mem, where), &db->at, SQLITE_OPEN_READWRITE |
                             SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(db->at, BUSY_MS);
        sqlite3_extended_result_codes(db->at, 1);
        sqlite3_progress_handler(db->at, OPS_BETWEEN_LOOKS, past_deadline, db);
    }
    if (rc != SQLITE_OK || !exec(db->at, settings, &said) ||
        !exec(db->at, use == DB_READS ? "PRAGMA cache_size=-2048; PRAGMA query_only=ON;"
                    : "PRAGMA cache_size=-32768; PRAGMA wal_autocheckpoint=8192;",
                    &said)) {
        *why = str_fmt(mem, "%.*s: %s", STR_ARGS(where), sqlite3_errmsg(db->at));
        lite_close(&db->base);
        return NULL;
    }
    return &db->base;
}

static void lite_close(Db *base)
{
    Lite *db = (Lite *)(void *)base;

    for (int i = 0; i < DO_COUNT; i++)
        sqlite3_finalize(db->doing[i]);
    for (isize i = 0; i < db->listed_count; i++)
        sqlite3_finalize(db->listed[i]);
    sqlite3_close(db->at);
    free(db->listed);
    free(db);
}

/* ---- statements ----------------------------------------------------------- */

static int prepare(Lite *db, const Sql *q, sqlite3_stmt **st)
{
    char text[TEXT_MOST];
    isize len = (isize)strlen(q->text);

    must(len < countof(text));
    for (isize i = 0; i <= len; i++)
        text[i] = q->text[i] == '$' ? '?' : q->text[i];
    return sqlite3_prepare_v3(db->at, text, (int)len, SQLITE_PREPARE_PERSISTENT, st,
                              NULL);
}

static bool lite_prepare(Db *base, const Sql *q, const char **why)
{
    Lite *db = (Lite *)(void *)base;
    bool good = prepare(db, q, &db->listed[q->number]) == SQLITE_OK;

    *why = sqlite3_errmsg(db->at);
    return good;
}

static sqlite3_stmt *listed(Ctx *cx, const Sql *q)
{
    sqlite3_stmt **st = &lite(cx)->listed[q->number];

    must(q->number < lite(cx)->listed_count && __start_sqls[q->number] == q);
    if (*st == NULL) {
        int rc = prepare(lite(cx), q, st);
        if (rc != SQLITE_OK)
            broke(cx, rc, q->name);
    }
    return *st;
}

static void bind_one(sqlite3_stmt *st, int at, const Val *v)
{
    int rc = SQLITE_OK;
    switch (v->kind) {
    case VAL_NULL:  rc = sqlite3_bind_null(st, at); break;
    case VAL_INT:   rc = sqlite3_bind_int64(st, at, v->i); break;
    case VAL_STR:   rc = sqlite3_bind_text(st, at, v->s.at, (int)v->s.len, SQLITE_STATIC);
                         break;
    case VAL_BYTES:
        rc = v->s.at != NULL
             ? sqlite3_bind_blob(st, at, v->s.at, (int)v->s.len, SQLITE_STATIC)
             : sqlite3_bind_blob(st, at, v->u.b, 16, SQLITE_STATIC);
        break;
    }
    must(rc == SQLITE_OK);
}

/* vals[0] only makes the list non-empty; it is where the tenant goes. */
static void bind(Ctx *cx, sqlite3_stmt *st, const Sql *q, const Val *vals, isize n)
{
    bool spans = sql_spans(q);

    must(sqlite3_bind_parameter_count(st) == n - spans);
    if (!spans) {
        must(!uuid_zero(cx->tenant.v));
        must(sqlite3_bind_blob(st, 1, cx->tenant.v.b, 16, SQLITE_STATIC) == SQLITE_OK);
    }
    for (isize i = 1; i < n; i++)
        bind_one(st, (int)i + !spans, &vals[i]);
}

static void read_cells(sqlite3_stmt *st, Cell *cells, int n)
{
    for (int i = 0; i < n; i++) {
        Cell *c = &cells[i];
        *c = (Cell){ .kind = VAL_NULL };
        switch (sqlite3_column_type(st, i)) {
        case SQLITE_INTEGER:
            c->kind = VAL_INT;
            c->i = sqlite3_column_int64(st, i);
            break;
        case SQLITE_TEXT:
        case SQLITE_BLOB:
            c->kind = sqlite3_column_type(st, i) == SQLITE_TEXT ? VAL_STR : VAL_BYTES;
            c->s.at = sqlite3_column_blob(st, i);
            c->s.len = sqlite3_column_bytes(st, i);
            if (c->s.at == NULL)
                c->s.at = "";
            break;
        }
    }
}

static bool lite_run(Ctx *cx, const Sql *q, const Val *vals, isize n, RowFn *row,
                     void *arg, i64 *changed)
{
    Cell cells[CELLS_MOST];
    sqlite3_stmt *st = listed(cx, q);
    bool good = true;
    int rc;

    if (st == NULL)
        return false;
    lite(cx)->deadline = cx->db->writing ? (Mono){ 0 } : cx->deadline;
    if (cx->db->writing && cx->deadline.ns != 0 && mono_now().ns > cx->deadline.ns)
        return fail(cx, DATABASE_TIMEOUT, "%s: too late to begin", q->name);
    bind(cx, st, q, vals, n);
    int width = sqlite3_column_count(st);
    must(width <= CELLS_MOST);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW && good)
        if (row != NULL) {
            read_cells(st, cells, width);
            good = row(cx, arg, cells, width);
        }
    if (good && rc != SQLITE_DONE)
        good = broke(cx, rc, q->name);
    i64 touched = sqlite3_stmt_readonly(st) ? 0 : sqlite3_changes64(lite(cx)->at);
    cx->db->wrote |= touched > 0;
    if (changed != NULL)
        *changed = touched;
    sqlite3_reset(st);
    return good;
}

/* The one number of a statement that is asked once. */
static bool ask(Ctx *cx, const char *text, i64 *out)
{
    sqlite3_stmt *st = NULL;
    bool good = sqlite3_prepare_v2(lite(cx)->at, text, -1, &st, NULL) == SQLITE_OK &&
                sqlite3_step(st) == SQLITE_ROW;

    *out = good ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_finalize(st);
    return good;
}

/* One process has the file to itself, so no older program need work beside a newer
 * one. */
static bool lite_version(Ctx *cx, i64 *version, i64 *oldest)
{
    bool good = ask(cx, "PRAGMA user_version", version);
    *oldest = *version;
    return good;
}

static bool lite_damage(Ctx *cx, i64 *faults)
{
    lite(cx)->deadline = cx->deadline;
    return ask(cx, "SELECT count(*) FROM pragma_integrity_check"
                   " WHERE integrity_check <> 'ok'",
               faults) || broke(cx, sqlite3_errcode(lite(cx)->at), "integrity_check");
}

static bool lite_script(Db *base, const char *text, const char **why)
{
    return exec(((Lite *)(void *)base)->at, text, why);
}

/* ---- transactions --------------------------------------------------------- */

static int doing(Ctx *cx, Doing what)
{
    Lite *db = lite(cx);
    sqlite3_stmt **st = &db->doing[what];

    db->deadline = (Mono){ 0 };                   /* a commit is never cut short */
    if (*st == NULL)
        must(sqlite3_prepare_v3(db->at, doing_text[what], -1, SQLITE_PREPARE_PERSISTENT,
                                st, NULL) == SQLITE_OK);
    sqlite3_step(*st);
    return sqlite3_reset(*st);
}

static bool did(Ctx *cx, Doing what)
{
    int rc = doing(cx, what);
    return rc == SQLITE_OK || broke(cx, rc, doing_text[what]);
}

static bool lite_begin(Ctx *cx, TxKind kind)
{
    return did(cx, kind == TX_READ ? DO_BEGIN_READ : DO_BEGIN_WRITE);
}

static bool lite_commit(Ctx *cx) { return did(cx, DO_COMMIT); }
static bool lite_save(Ctx *cx)   { return did(cx, DO_SAVE); }
static bool lite_keep(Ctx *cx)   { return did(cx, DO_KEEP); }

/* Some errors (disk full) have rolled back already; then there is nothing to do. */
static void lite_rollback(Ctx *cx)
{
    if (sqlite3_get_autocommit(lite(cx)->at) == 0)
        doing(cx, DO_ROLLBACK);
}

static bool lite_in_tx(Db *base)
{
    return sqlite3_get_autocommit(((Lite *)(void *)base)->at) == 0;
}

static void lite_undo(Ctx *cx)
{
    if (sqlite3_get_autocommit(lite(cx)->at) == 0) {
        doing(cx, DO_UNDO);
        doing(cx, DO_KEEP);
    }
}

const Engine sqlite_engine = {
    .called = "sqlite", .schemes = "sqlite:", .lanes = 1,
    .open = lite_open, .close = lite_close, .run = lite_run, .prepare = lite_prepare,
    .damage = lite_damage, .begin = lite_begin, .commit = lite_commit,
    .rollback = lite_rollback, .in_tx = lite_in_tx, .save = lite_save, .keep = lite_keep,
    .undo = lite_undo, .version = lite_version, .script = lite_script,
    .steps = schema_sqlite, .step_count = SCHEMA_SQLITE_COUNT,
    .step_begin = "BEGIN IMMEDIATE", .step_end = "PRAGMA user_version=%jd; COMMIT",
    .settle = schema_sqlite_plans,
};
