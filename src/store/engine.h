/* engine.h - what a database must do for us; sqlite.c does it, postgres.c will.
 *
 * Only the files of this room include it. A Db is one connection, used by one
 * thread at a time.
 * Needs: sql.  Used by: sql.c, tx.c, lane.c, migrate.c. */
#pragma once
#include "store/store.h"

typedef struct Cell { ValKind kind; i64 i; Str s; } Cell;    /* bytes in s, until the next row */

/* Takes one row; false stops the statement, the fault being set. */
typedef bool RowFn(Ctx *cx, void *arg, const Cell *cells, int n);

typedef enum TxKind { TX_READ, TX_WRITE } TxKind;

typedef struct Engine {
    const char *scheme;                           /* "sqlite"                 */
    int         lanes;                            /* writers that may run side by side */
    struct Db *(*open)(Arena *mem, Str where, bool writer, Str *why);
    void (*close)(struct Db *db);
    /* Runs a listed statement. `changed` may be NULL. */
    bool (*run)(Ctx *cx, const Sql *q, const Val *vals, isize n, RowFn *row, void *arg, i64 *changed);
    bool (*version)(Ctx *cx, i64 *out);           /* of the schema, 0: empty  */
    bool (*prepare)(struct Db *db, const Sql *q, const char **why);
    const char *settle;                           /* script after schema steps: what the planner
                                                     is to expect; NULL: none */
    /* Runs a script of statements without parameters (the schema). */
    bool (*script)(struct Db *db, const char *text, const char **why);
    bool (*begin)(Ctx *cx, TxKind kind);
    bool (*commit)(Ctx *cx);
    void (*rollback)(Ctx *cx);
    bool (*in_tx)(struct Db *db);                 /* false: an error has rolled it back */
    bool (*save)(Ctx *cx);                        /* a savepoint for one function */
    bool (*keep)(Ctx *cx);                        /* release it               */
    void (*undo)(Ctx *cx);                        /* back to it               */
} Engine;

/* Every engine's connection begins with this. */
typedef struct Db {
    const Engine *engine;
    bool writing;                                 /* inside a write_tx        */
    bool told;                                    /* this batch wrote to the outbox */
    bool wrote;                                   /* the function that runs has changed rows */
} Db;

extern const Engine sqlite_engine;

/* The engine of a url, and what stands behind the colon; NULL with *why. */
const Engine *engine_of(Arena *mem, Str url, Str *where, Str *why);

/* lane.c */
void lanes_open(const Engine *engine, struct Db **writers, int count, int batch_most);
void lanes_close(void);

/* schema.c: the steps that are linked into the program. */
typedef struct SchemaStep { i64 version; const char *name, *text; } SchemaStep;
const SchemaStep *schema_steps(isize *count);
extern const char schema_sqlite_plans[];
