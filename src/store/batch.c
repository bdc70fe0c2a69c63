/* batch.c - the batch runs without savepoints: a refusal that wrote nothing needs none,
 * and most refusals (SOLD_OUT) are of that kind. Only when a function fails after it
 * wrote is the batch undone and run again with a savepoint each, and so are the next
 * CAREFUL batches, so that nobody can make us pay twice for every batch
 * (docs/performance.md has the measurement). */
#include "store/batch.h"
#include "base/histogram.h"
#include "base/log.h"
#include "base/rand.h"
#include "base/trace.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CAREFUL = 64, TRIES = 4 };
enum { DELAY_MS = 25, DELAY_MS_MOST = 1000, KEEP = 64 << 10 };

typedef enum { BATCH_GOOD, BATCH_BROKE, BATCH_AGAIN } Outcome;

/* From w on, all who can be served by one call; at least w itself. */
static isize companions(const Work *w)
{
    isize n = 1;

    for (const Work *v = w->next; w->many != NULL && v != NULL && v->many == w->many &&
                                  uuid_is(v->cx->tenant.v, w->cx->tenant.v); v = v->next)
        n++;
    return n;
}

/* Serves w and those behind it, n in all, in one call. False: nobody was served. */
static bool run_many(Writer *wr, Ctx *own, Work *w, isize n)
{
    Seat *seats = make(own->mem, Seat, n);
    ManyFn *many = w->many;
    Work *v = w;

    for (isize i = 0; i < n; i++, v = v->next) {
        fault_clear(v->cx);
        v->cx->db = wr->db;
        seats[i] = (Seat){ v->cx, v->arg, false };
    }
    own->tenant = w->cx->tenant;
    bool good = many(own, seats, n);
    for (isize i = 0; good && i < n; i++, w = w->next) {
        w->good = seats[i].good;
        must(w->good == (w->cx->fault.code == OK));
    }
    return good;
}

static bool run_one(Writer *wr, Work *w)
{
    fault_clear(w->cx);
    w->cx->db = wr->db;
    bool good = w->many != NULL ? run_many(wr, w->cx, w, 1) && w->good
                                : w->fn(w->cx, w->arg);
    must(good == (w->cx->fault.code == OK));      /* every refusal says why   */
    return good;
}

/* What was told since `mark` was never said. */
static void untell(Db *db, Told **mark)
{
    db->last = mark;
    *mark = NULL;
}

/* One function with a savepoint; false when the savepoint itself can't be had. */
static bool run_saved(Writer *wr, Work *w)
{
    const Engine *e = wr->db->engine;

    w->cx->db = wr->db;
    if (!e->save(w->cx))
        return false;
    w->good = run_one(wr, w) && e->keep(w->cx);
    if (!w->good)
        e->undo(w->cx);
    return true;
}

/* The fault is the database's and not the function's, or it took the transaction with
 * it: what ran next would be committed on its own. So the batch is undone. */
static bool engine_broke(const Writer *wr, const Ctx *cx)
{
    return cx->fault.code == DATABASE_CONNECTION_ERROR || wr->db->again ||
           !wr->db->engine->in_tx(wr->db);
}

/* One function of the batch, with a savepoint when we are careful. */
static Outcome run_alone(Writer *wr, Work *w, bool careful)
{
    Told **mark = wr->db->last;

    wr->db->wrote = false;
    if (!careful)
        w->good = run_one(wr, w);
    else if (!run_saved(wr, w))
        return BATCH_BROKE;
    if (w->good)
        return BATCH_GOOD;
    untell(wr->db, mark);
    if (engine_broke(wr, w->cx))
        return BATCH_BROKE;
    return !careful && wr->db->wrote ? BATCH_AGAIN : BATCH_GOOD;
}

/* Runs the batch. BATCH_AGAIN: somebody failed who must be undone alone. */
static Outcome run_all(Writer *wr, Ctx *own, Work *batch, bool careful)
{
    Outcome out = BATCH_GOOD;
    isize n;

    for (Work *w = batch; w != NULL && out == BATCH_GOOD;) {
        n = careful ? 1 : companions(w);
        if (n == 1)
            out = run_alone(wr, w, careful);
        else if (!run_many(wr, own, w, n))
            out = BATCH_BROKE;
        for (; n > 0; n--)
            w = w->next;
    }
    return out;
}

static u64 slots_of(const Work *batch)
{
    u64 slots = 0;
    for (; batch != NULL; batch = batch->next)
        slots |= (u64)1 << batch->slot;
    return slots;
}

static i64 length(const Work *w)
{
    i64 n = 0;

    for (; w != NULL; w = w->next)
        n++;
    return n;
}

/* What is done once for all stands in the trace of each who is followed. */
static void note(const Work *batch, Mono from, const char *name)
{
    Mono to = mono_now();
    i64 n = trace_on() ? length(batch) : 0;

    for (const Work *w = batch; n > 0 && w != NULL; w = w->next)
        trace_note(w->cx, from, to, TRACE_CLIENT, name,
                   (const LogField[]){ L("batch", n) }, 1);
}

static bool claim(const Engine *e, Ctx *own, const Work *batch)
{
    Mono from = mono_now();

    if (e->claim == NULL)
        return true;
    bool good = e->claim(own, slots_of(batch));
    histogram_add(HISTOGRAM_CLAIM, mono_us(from, mono_now()));
    note(batch, from, "claim");
    return good;
}

static bool commit(Writer *wr, Ctx *own, const Work *batch)
{
    const Engine *e = wr->db->engine;
    Mono from = mono_now();

    if (!outbox_flush(own))
        return false;
    bool good = e->commit(own);
    histogram_add(HISTOGRAM_COMMIT, mono_us(from, mono_now()));
    histogram_add(HISTOGRAM_BATCH, length(batch));
    note(batch, from, "commit");
    if (good)
        return true;
    if (!wr->db->unsure)
        return false;
    Fate fate = e->fate(own);
    wr->db->unsure = fate == FATE_UNKNOWN;
    return fate == FATE_COMMITTED;
}

/* An error of one function that spoils the whole transaction (PostgreSQL does so with
 * every error) is his alone: with savepoints it stays his. */
static Outcome of_failure(const Writer *wr, bool careful)
{
    return careful || wr->db->dead || wr->db->again ? BATCH_BROKE : BATCH_AGAIN;
}

static Outcome try_batch(Writer *wr, Work *batch, Ctx *own, bool careful)
{
    const Engine *e = wr->db->engine;
    Outcome out = BATCH_BROKE;

    own->db = wr->db;
    wr->db->told = NULL;
    wr->db->last = &wr->db->told;
    wr->db->again = wr->db->unsure = false;
    if (!e->begin(own, TX_WRITE))
        return BATCH_BROKE;
    if (claim(e, own, batch)) {
        out = run_all(wr, own, batch, careful);
        if (out == BATCH_GOOD && !commit(wr, own, batch))
            out = BATCH_BROKE;
    }
    if (out == BATCH_BROKE)
        out = of_failure(wr, careful);
    if (out != BATCH_GOOD)
        e->rollback(own);
    return out;
}

/* Everybody hears the same bad news, unless he has worse of his own. */
static void break_all(Work *batch, Ctx *own)
{
    for (Work *w = batch; w != NULL && own->fault.code == OK; w = w->next)
        own->fault = w->cx->fault;
    if (own->fault.code == OK)
        fail(own, DATABASE_CONNECTION_ERROR, "for no reason that it said");
    for (Work *w = batch; w != NULL; w = w->next) {
        w->good = false;
        if (w->cx->fault.code == OK)
            fail(w->cx, own->fault.code, "the batch broke: %.150s", own->fault.why);
    }
    log_error("a batch of writes broke", L("why", own->fault.why));
}

/* 25, 50, 100 ms .. 1 s, and up to half as much again, so that nodes don't march in
 * step. */
static void back_off(int attempt)
{
    i64 ms = DELAY_MS << attempt;

    ms = ms < DELAY_MS_MOST ? ms : DELAY_MS_MOST;
    usleep((useconds_t)(ms * 1000 + rand_below((u32)ms * 500 + 1)));
}

void batch_run(Writer *wr, Work *batch)
{
    Arena mem = { 0 };
    Ctx own = ctx_new(&mem, TENANT_DEFAULT);
    bool careful = wr->careful > 0;
    Outcome out = BATCH_BROKE;

    wr->careful -= careful;
    for (int attempt = 0; attempt < TRIES && out != BATCH_GOOD; attempt++) {
        fault_clear(&own);
        arena_reset(&mem, KEEP);                  /* or several tries would be too much */
        out = try_batch(wr, batch, &own, careful);
        if (out == BATCH_AGAIN)
            wr->careful = CAREFUL;
        if (out == BATCH_BROKE && wr->db->unsure)
            break;                                /* it may be there already  */
        if (out == BATCH_BROKE && attempt + 1 < TRIES)
            back_off(attempt);
        careful |= out != BATCH_GOOD;
    }
    if (out != BATCH_GOOD)
        break_all(batch, &own);
    arena_close(&mem);
}
