/* pg.h - one connection of the PostgreSQL engine, for the files it is made of.
 * Needs: pgconn, pgpipe.  Used by: postgres.c, pgtalk.c, pgtx.c. */
#pragma once
#include "store/pgconn.h"
#include "store/pgpipe.h"
#include "store/pgtype.h"

struct pg_result;

/* The engine's own statements, beside those that are listed. */
typedef enum Own { OWN_READ, OWN_WRITE, OWN_SETTINGS, OWN_SCOPE, OWN_NUMBER, OWN_LOCK,
                   OWN_COMMIT, OWN_ROLLBACK, OWN_SAVE, OWN_KEEP, OWN_BACK, OWN_FATE,
                   OWN_RIGHTS, OWN_COUNT } Own;

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

static inline Pg *pg_of(const Ctx *cx) { return (Pg *)(void *)cx->db; }

/* ---- pgtalk.c: statements, sent and answered ------------------------------------- */

/* How many statements a connection may have to keep in mind. */
int  pgtalk_statements(void);

bool pgtalk_run(Ctx *cx, const Sql *q, const Val *vals, isize n, RowFn *row, void *arg,
                i64 *changed);
bool pgtalk_each(Ctx *cx, const Sql *q, const Val *vals, isize width, isize rows,
                 RowFn *row, void *arg, i64 *changed);

/* Sends one of our own and doesn't wait. */
bool pgtalk_send(Ctx *cx, Own which, const Val *vals, int n);

/* Sends it and waits; NULL when it failed. The answer is for PQclear. */
struct pg_result *pgtalk_ask(Ctx *cx, Own which, const Val *vals, int n);

/* The first error of the pipeline becomes the fault; gives false. */
bool pgtalk_broke(Ctx *cx);
/* Whether the session has ended with that error. */
bool pgtalk_is_over(const Pg *pg);

/* Learns a statement's types and its set form, at boot on the first connection. */
bool pgtalk_prepare(Db *base, const Sql *q, const char **why);

/* ---- pgtx.c: transactions ---------------------------------------------------------- */

bool pgtx_begin(Ctx *cx, TxKind kind);
bool pgtx_claim(Ctx *cx, u64 slots);
bool pgtx_turn(Ctx *cx);
bool pgtx_commit(Ctx *cx);
Fate pgtx_fate(Ctx *cx);
void pgtx_rollback(Ctx *cx);
bool pgtx_in_tx(Db *base);
bool pgtx_save(Ctx *cx);
bool pgtx_keep(Ctx *cx);
void pgtx_undo(Ctx *cx);

/* ---- postgres.c -------------------------------------------------------------------- */

/* Connects; false with *why. */
bool pg_attach(Pg *pg, Arena *mem, Str *why);
