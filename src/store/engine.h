/* engine.h - what a database must do for us; sqlite.c and postgres.c do it.
 *
 * Only the files of this room include it. A Db is one connection, used by one
 * thread at a time.
 * Needs: sql.  Used by: sql.c, lane.c, batch.c, store.c, migrate.c, the engines. */
#pragma once
#include "store/outbox.h"
#include "store/store.h"

/* bytes in s, until the next row */
typedef struct Cell { ValKind kind; i64 i; Str s; } Cell;

/* Takes one row; false stops the statement, the fault being set. */
typedef bool RowFn(Ctx *cx, void *arg, const Cell *cells, int n);

typedef enum TxKind { TX_READ, TX_WRITE } TxKind;
/* DB_OWNS: changes the schema */
typedef enum DbUse { DB_READS, DB_WRITES, DB_OWNS } DbUse;

/* What became of a transaction whose COMMIT was not answered. */
typedef enum Fate { FATE_UNDONE, FATE_COMMITTED, FATE_UNKNOWN } Fate;

/* One schema step. `oldest` is the oldest program, by the number of its last step, that
 * can work beside this one on the schema that the step leaves. */
typedef struct SchemaStep {
    i64 version;
    const char *name, *text;
    i64 oldest;
} SchemaStep;

typedef struct Engine {
    const char *called;                           /* as OpenTelemetry does:
                                                     db.system.name */
    const char *schemes;                          /* "sqlite:"; several with a blank
                                                     between */
    int  lanes;                                   /* writers that may run side by side */
    bool far;                                     /* over a network: it may be away, and
                                                     connections are opened as they are
                                                     needed */
    struct Db *(*open)(Arena *mem, const StoreConfig *config, DbUse use, Str *why);
    void (*close)(struct Db *db);
    /* Looks whether this store may be served at all: version, rights. NULL: no
     * question. */
    bool (*inspect)(Ctx *cx, Str *why);

    /* Runs a listed statement. `changed` may be NULL. With neither `row` nor `changed`
     * the engine may answer before the database has: a failure then comes with a later
     * call, at the latest with keep or commit. */
    bool (*run)(Ctx *cx, const Sql *q, const Val *vals, isize n, RowFn *row, void *arg,
                i64 *changed);
    bool (*prepare)(struct Db *db, const Sql *q, const char **why);
    /* Runs an SQL_EACH for many rows of values at once; each row that comes has the
     * number of its values (from 1) before its columns. NULL: one after the other is as
     * good. */
    bool (*each)(Ctx *cx, const Sql *q, const Val *vals, isize width, isize rows,
                 RowFn *row, void *arg, i64 *changed);
    bool (*damage)(Ctx *cx, i64 *faults);         /* what it finds wrong with itself;
                                                     NULL: can't be asked */

    bool (*begin)(Ctx *cx, TxKind kind);
    /* Waits until no other node works on these slots (a bit each). NULL: there is one
     * node. */
    bool (*claim)(Ctx *cx, u64 slots);
    /* Waits for our turn to write the outbox, so that ids rise in the order of
     * commits. */
    bool (*turn)(Ctx *cx);
    bool (*commit)(Ctx *cx);
    Fate (*fate)(Ctx *cx);                        /* after a commit that failed with
                                                     `unsure` */
    void (*rollback)(Ctx *cx);
    bool (*in_tx)(struct Db *db);                 /* false: an error has spoilt it    */
    bool (*save)(Ctx *cx);                        /* a savepoint for one function */
    bool (*keep)(Ctx *cx);                        /* release it               */
    void (*undo)(Ctx *cx);                        /* back to it               */

    /* The schema: scripts of statements without parameters. */
    const SchemaStep *steps;
    isize step_count;
    const char *step_begin, *step_end;            /* around a step; the end has %1$jd for
                                                     version and %2$jd for oldest */
    const char *settle;                           /* after steps: what the planner is to
                                                     expect; NULL: nothing    */
    bool (*version)(Ctx *cx, i64 *version, i64 *oldest);      /* 0: empty     */
    bool (*script)(struct Db *db, const char *text, const char **why);
    /* Gives the server's role what it may do; NULL: there are no roles. */
    bool (*grant)(Arena *mem, struct Db *owner, Str server_url, const char **why);
} Engine;

/* A tiding that waits for the end of its batch. */
typedef struct Told { struct Told *next; Tiding tiding; } Told;

/* Every engine's connection begins with this. */
typedef struct Db {
    const Engine *engine;
    bool writing;                                 /* inside a write_tx        */
    bool wrote;                                   /* the function that runs has changed
                                                     rows */
    bool again;                                   /* the database asks for another try */
    bool dead;                                    /* the connection is lost   */
    bool unsure;                                  /* COMMIT went out, no answer came */
    Told *told, **last;                    /* of this batch            */
} Db;

extern const Engine sqlite_engine, postgres_engine;

/* The engine of a url; NULL with *why. */
const Engine *engine_of(Arena *mem, Str url, Str *why);

/* outbox.c: writes what the batch has told; after it only the commit may come. */
CHECKED bool outbox_flush(Ctx *cx);

/* lane.c */
enum { LANES_MOST = 16 };
void lanes_open(const Engine *engine, struct Db **writers, int count, int batch_most);
void lanes_close(void);
StoreCounts lane_counts(void);                    /* without the readers      */

/* schema.c: the steps that are linked into the program. */
enum { SCHEMA_SQLITE_COUNT = 17, SCHEMA_POSTGRES_COUNT = 17 };
extern const SchemaStep schema_sqlite[SCHEMA_SQLITE_COUNT];
extern const SchemaStep schema_postgres[SCHEMA_POSTGRES_COUNT];
extern const char schema_sqlite_plans[];
