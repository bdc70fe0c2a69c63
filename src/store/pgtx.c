/* pgtx.c - transactions: a batch is one.
 *
 * An error spoils the whole transaction here; the lane then runs the batch again with
 * savepoints. A COMMIT that was not answered may have happened: the transaction's own
 * number, asked for at its end, tells afterwards.
 *
 * Two advisory locks make one system of many nodes: a slot's, so that work on one key is
 * done one after the other on whichever node, and the turn, so that outbox ids rise in
 * the order of commits. Both are taken in one order by everybody (slots rising, the turn
 * last), so nobody waits crosswise. A writer reads what is committed when it asks,
 * whatever the server's default is: with one view for the whole transaction it would not
 * see what those before it in its slot have done. */
#include "store/pg.h"
#include "base/log.h"
#include <postgresql/libpq-fe.h>
#include <string.h>
#include <unistd.h>

enum { LOCK_CLASS = 7474, LOCK_TURN = -2 };          /* -1 is the schema's (pgschema.c) */
#define FATE_WITHIN seconds(15)
#define DO(cx, which)  pgtalk_send((cx), (which), NULL, 0)

static bool renew(Ctx *cx)
{
    Pg *pg = pg_of(cx);
    Str why = { 0 };

    pipe_close(&pg->pipe);
    pg->base.dead = true;
    return pg_attach(pg, cx->mem, &why) ||
           fail(cx, DATABASE_CONNECTION_ERROR, "%.*s", STR_ARGS(why));
}

bool pgtx_begin(Ctx *cx, TxKind kind)
{
    Pg *pg = pg_of(cx);

    if ((pg->base.dead || !pipe_drain(&pg->pipe)) && !renew(cx))
        return false;
    pg->scope = SCOPE_NONE;
    pg->number = 0;
    pg->in_tx = true;
    if (pg->pipe.failed && !pipe_sync(&pg->pipe))
        return pgtalk_broke(cx);
    return DO(cx, kind == TX_READ ? OWN_READ : OWN_WRITE) &&
           (!pg->pipe.pooled || DO(cx, OWN_SETTINGS));
}

static bool lock_number(Ctx *cx, int number)
{
    return pgtalk_send(cx, OWN_LOCK, (const Val[]){ V((i64)LOCK_CLASS), V((i64)number) },
                       2);
}

bool pgtx_claim(Ctx *cx, u64 slots)
{
    for (int i = 0; i < 64; i++)
        if ((slots >> i & 1) != 0 && !lock_number(cx, i))
            return false;
    return true;
}

bool pgtx_turn(Ctx *cx) { return lock_number(cx, LOCK_TURN); }

/* All is well so far, and the transaction's number is known, so that we can ask what
 * became of it. */
static bool is_sound(Ctx *cx)
{
    Pg *pg = pg_of(cx);
    PGresult *r = pgtalk_ask(cx, OWN_NUMBER, NULL, 0);

    if (r != NULL)
        pg->number = pgtype_get(PQftype(r, 0), PQgetvalue(r, 0, 0),
                                PQgetlength(r, 0, 0)).i;
    PQclear(r);
    return r != NULL;
}

bool pgtx_commit(Ctx *cx)
{
    Pg *pg = pg_of(cx);

    if (!is_sound(cx))
        return false;
    PGresult *r = pgtalk_ask(cx, OWN_COMMIT, NULL, 0);
    if (r != NULL) {
        must(strcmp(PQcmdStatus(r), "COMMIT") == 0);
        PQclear(r);
        pg->in_tx = false;
        return true;
    }
    pg->base.unsure = pgtalk_is_over(pg);
    return false;
}

static Fate ask_fate(Ctx *cx, i64 number, bool *settled)
{
    PGresult *r = pgtalk_ask(cx, OWN_FATE, (const Val[]){ V(number) }, 1);
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
Fate pgtx_fate(Ctx *cx)
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
             L("fate", fate == FATE_COMMITTED
               ? "committed" : fate == FATE_UNDONE ? "undone" : "unknown"));
    return fate;
}

/* The answer is nobody's concern: it is taken before the next transaction. */
void pgtx_rollback(Ctx *cx)
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

bool pgtx_in_tx(Db *base)
{
    const Pg *pg = (Pg *)(void *)base;
    return pg->in_tx && !pg->pipe.failed && !base->dead;
}

bool pgtx_save(Ctx *cx) { return DO(cx, OWN_SAVE); }

bool pgtx_keep(Ctx *cx)
{
    PGresult *r = pgtalk_ask(cx, OWN_KEEP, NULL, 0);

    PQclear(r);
    return r != NULL;
}

/* What was set inside the savepoint is undone with it, the scope too. */
void pgtx_undo(Ctx *cx)
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

