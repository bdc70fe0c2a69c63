/* lane.c - many functions, one commit.
 *
 * A lane's thread takes everything that waits, runs it inside one transaction and
 * commits once. While it commits, the next batch gathers by itself, so the busier
 * the sale the fewer fsyncs a buyer pays for; with one buyer it is a plain commit.
 *
 *   worker: queue, sleep ......................... wake, answer
 *   lane:          BEGIN  f1 f2 f3 ... fn  COMMIT  wake all
 *
 * A function runs on its caller's Ctx while the caller sleeps, so the two never
 * use it at once. The batch runs without savepoints: a refusal that wrote nothing
 * needs none, and most refusals (SOLD_OUT) are of that kind. Only when a function
 * fails after it wrote is the batch undone and run again with a savepoint each,
 * and so are the next CAREFUL batches, so that nobody can make us pay twice for
 * every batch (docs/performance.md has the measurement). */
#include "store/engine.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/rand.h"
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SLOTS = 64, CAREFUL = 64, TRIES = 4 };
enum { DELAY_MS = 25, DELAY_MS_MOST = 1000, KEEP = 64 << 10 };
enum { WAITING, FINISHED };                      /* what a bell says         */

/* One function that waits; it lives on its caller's stack. */
typedef struct Work {
    struct Work *next;
    Ctx  *cx;
    TxFn *fn;                                     /* one of the two           */
    ManyFn *many;
    void *arg;
    int   slot;
    bool  good;
    _Atomic(u32) *bell;                           /* the caller sleeps on it  */
} Work;

typedef struct LaneState {
    Lock           lock;
    pthread_cond_t more;
    Work          *first, **last;
    isize          waiting;
    bool           closed, idle;
    int            careful;                       /* batches left with savepoints */
    Db            *db;
    pthread_t      thread;
    _Atomic i64    commits, writes, refused, largest;
} LaneState;

static struct {
    LaneState lane[LANES_MOST];
    int count, batch_most;
    void (*_Atomic wake)(void);
} all;

Lane lane_of(Uuid key)
{
    u32 h = 2166136261u;                          /* FNV-1a                   */
    for (int i = 0; i < 16; i++)
        h = (h ^ key.b[i]) * 16777619u;
    return (Lane){ h };
}

void store_on_outbox(void (*wake)(void)) { all.wake = wake; }

/* ---- sleeping and waking -------------------------------------------------- */

static void ring(_Atomic(u32) *bell)
{
    atomic_store_explicit(bell, FINISHED, memory_order_release);
    syscall(SYS_futex, bell, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void sleep_on(_Atomic(u32) *bell, i64 for_ns)
{
    u32 seen = atomic_load_explicit(bell, memory_order_acquire);
    struct timespec t = { for_ns / 1000000000, for_ns % 1000000000 };

    if (seen != FINISHED)
        syscall(SYS_futex, bell, FUTEX_WAIT_PRIVATE, seen, &t, NULL, 0);
}

/* Takes a work that has not begun out of the line; false when it has. */
static bool withdraw(LaneState *l, Work *w)
{
    lock(&l->lock);
    Work **at = &l->first;
    while (*at != NULL && *at != w)
        at = &(*at)->next;
    bool found = *at == w;
    if (found) {
        *at = w->next;
        if (l->last == &w->next)
            l->last = at;
        l->waiting--;
    }
    unlock(&l->lock);
    return found;
}

/* A work that waits past its deadline goes away; one that runs is waited for, since
 * it is using our stack. */
static bool await(LaneState *l, Work *w)
{
    while (atomic_load_explicit(w->bell, memory_order_acquire) != FINISHED) {
        i64 left = w->cx->deadline.ns - mono_now().ns;
        if (left <= 0 && withdraw(l, w))
            return fail(w->cx, BUSY, "the write lane took too long");
        sleep_on(w->bell, left > 0 ? left : 10000000);
    }
    return w->good;
}

/* Puts a work at the end of its lane's line and sleeps until it is done. */
static bool stand_in_line(Lane lane, Work *w)
{
    static _Thread_local _Atomic(u32) bell;       /* outlives every late wake */
    LaneState *l;
    bool wake = false, open;

    must(w->cx->db == NULL && all.count > 0);
    w->slot = (int)(lane.v % SLOTS);
    w->bell = &bell;
    l = &all.lane[w->slot % all.count];
    atomic_store(&bell, WAITING);
    lock(&l->lock);
    open = !l->closed;
    if (open) {
        *l->last = w;
        l->last = &w->next;
        l->waiting++;
        wake = l->idle;
        l->idle = false;
    }
    unlock(&l->lock);
    if (!open)
        return fail(w->cx, BUSY, "the store is closing");
    if (wake)
        pthread_cond_signal(&l->more);
    return await(l, w);
}

bool write_tx(Ctx *cx, Lane lane, TxFn *fn, void *arg)
{
    return stand_in_line(lane, &(Work){ .cx = cx, .fn = fn, .arg = arg });
}

bool write_many(Ctx *cx, Lane lane, ManyFn *fn, void *arg)
{
    return stand_in_line(lane, &(Work){ .cx = cx, .many = fn, .arg = arg });
}

/* ---- the lane's thread ---------------------------------------------------- */

/* The first batch_most that wait, cut off the line; NULL when closed and empty. */
static Work *gather(LaneState *l)
{
    lock(&l->lock);
    while (l->first == NULL && !l->closed) {
        l->idle = true;
        lock_wait(&l->lock, &l->more, 0);
    }
    l->idle = false;
    Work *batch = l->first, **end = &l->first;
    isize n = 0;
    for (; *end != NULL && n < all.batch_most; n++)
        end = &(*end)->next;
    l->first = *end;
    *end = NULL;
    if (l->first == NULL)
        l->last = &l->first;
    l->waiting -= n;
    unlock(&l->lock);
    if (n > l->largest)
        l->largest = n;
    return batch;
}

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
static bool run_many(LaneState *l, Ctx *own, Work *w, isize n)
{
    Seat *seats = make(own->mem, Seat, n);
    ManyFn *many = w->many;
    Work *v = w;

    for (isize i = 0; i < n; i++, v = v->next) {
        fault_clear(v->cx);
        v->cx->db = l->db;
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

static bool run_one(LaneState *l, Work *w)
{
    fault_clear(w->cx);
    w->cx->db = l->db;
    bool good = w->many != NULL ? run_many(l, w->cx, w, 1) && w->good : w->fn(w->cx, w->arg);
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
static bool run_saved(LaneState *l, Work *w)
{
    const Engine *e = l->db->engine;

    w->cx->db = l->db;
    if (!e->save(w->cx))
        return false;
    w->good = run_one(l, w) && e->keep(w->cx);
    if (!w->good)
        e->undo(w->cx);
    return true;
}

/* The fault is the database's and not the function's, or it took the transaction with
 * it: what ran next would be committed on its own. So the batch is undone. */
static bool engine_broke(const LaneState *l, const Ctx *cx)
{
    return cx->fault.code == DATABASE_CONNECTION_ERROR || l->db->again ||
           !l->db->engine->in_tx(l->db);
}

/* One function of the batch, with a savepoint when we are careful. */
static Outcome run_alone(LaneState *l, Work *w, bool careful)
{
    Told **mark = l->db->last;

    l->db->wrote = false;
    if (!careful)
        w->good = run_one(l, w);
    else if (!run_saved(l, w))
        return BATCH_BROKE;
    if (w->good)
        return BATCH_GOOD;
    untell(l->db, mark);
    if (engine_broke(l, w->cx))
        return BATCH_BROKE;
    return !careful && l->db->wrote ? BATCH_AGAIN : BATCH_GOOD;
}

/* Runs the batch. BATCH_AGAIN: somebody failed who must be undone alone. */
static Outcome run_all(LaneState *l, Ctx *own, Work *batch, bool careful)
{
    Outcome out = BATCH_GOOD;
    isize n;

    for (Work *w = batch; w != NULL && out == BATCH_GOOD;) {
        n = careful ? 1 : companions(w);
        if (n == 1)
            out = run_alone(l, w, careful);
        else if (!run_many(l, own, w, n))
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

static bool commit(LaneState *l, Ctx *own)
{
    const Engine *e = l->db->engine;

    if (!outbox_flush(own))
        return false;
    if (e->commit(own))
        return true;
    if (!l->db->unsure)
        return false;
    Fate fate = e->fate(own);
    l->db->unsure = fate == FATE_UNKNOWN;
    return fate == FATE_COMMITTED;
}

/* An error of one function that spoils the whole transaction (PostgreSQL does so with
 * every error) is his alone: with savepoints it stays his. */
static Outcome of_failure(const LaneState *l, bool careful)
{
    return careful || l->db->dead || l->db->again ? BATCH_BROKE : BATCH_AGAIN;
}

static Outcome try_batch(LaneState *l, Work *batch, Ctx *own, bool careful)
{
    const Engine *e = l->db->engine;
    Outcome out = BATCH_BROKE;

    own->db = l->db;
    l->db->told = NULL;
    l->db->last = &l->db->told;
    l->db->again = l->db->unsure = false;
    if (!e->begin(own, TX_WRITE))
        return BATCH_BROKE;
    if (e->claim == NULL || e->claim(own, slots_of(batch))) {
        out = run_all(l, own, batch, careful);
        if (out == BATCH_GOOD && !commit(l, own))
            out = BATCH_BROKE;
    }
    if (out == BATCH_BROKE)
        out = of_failure(l, careful);
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

/* 25, 50, 100 ms .. 1 s, and up to half as much again, so that nodes don't march in step. */
static void back_off(int attempt)
{
    i64 ms = DELAY_MS << attempt;

    ms = ms < DELAY_MS_MOST ? ms : DELAY_MS_MOST;
    usleep((useconds_t)(ms * 1000 + rand_below((u32)ms * 500 + 1)));
}

static void settle(LaneState *l, Work *batch)
{
    Arena mem = { 0 };
    Ctx own = ctx_new(&mem, TENANT_DEFAULT);
    bool careful = l->careful > 0;
    Outcome out = BATCH_BROKE;

    l->careful -= careful;
    for (int attempt = 0; attempt < TRIES && out != BATCH_GOOD; attempt++) {
        fault_clear(&own);
        arena_reset(&mem, KEEP);                  /* or several tries would be too much */
        out = try_batch(l, batch, &own, careful);
        if (out == BATCH_AGAIN)
            l->careful = CAREFUL;
        if (out == BATCH_BROKE && l->db->unsure)
            break;                                /* it may be there already  */
        if (out == BATCH_BROKE && attempt + 1 < TRIES)
            back_off(attempt);
        careful |= out != BATCH_GOOD;
    }
    if (out != BATCH_GOOD)
        break_all(batch, &own);
    l->commits++;
    arena_close(&mem);
}

static void finish(LaneState *l, Work *batch)
{
    for (Work *w = batch, *next; w != NULL; w = next) {
        next = w->next;                           /* w is gone once its bell rings */
        w->cx->db = NULL;
        if (w->good)
            l->writes++;
        else
            l->refused++;
        ring(w->bell);
    }
}

static void *lane_main(void *arg)
{
    LaneState *l = arg;
    Work *batch;

    pthread_setname_np(pthread_self(), "lane");
    while ((batch = gather(l)) != NULL) {
        settle(l, batch);
        bool told = l->db->told != NULL;
        finish(l, batch);
        if (told && all.wake != NULL)
            all.wake();
    }
    return NULL;
}

/* ---- opening and closing -------------------------------------------------- */

void lanes_open(const Engine *engine, Db **writers, int count, int batch_most)
{
    must(count >= 1 && count <= LANES_MOST && count <= engine->lanes);
    all.batch_most = batch_most;
    for (int i = 0; i < count; i++) {
        LaneState *l = &all.lane[i];
        memset(l, 0, sizeof *l);
        l->last = &l->first;
        l->db = writers[i];
        l->db->writing = true;
        lock_init(&l->lock, RANK_LANE);
        cond_init(&l->more);
        must(pthread_create(&l->thread, NULL, lane_main, l) == 0);
    }
    all.count = count;
}

void lanes_close(void)
{
    for (int i = 0; i < all.count; i++) {
        LaneState *l = &all.lane[i];
        lock(&l->lock);
        l->closed = true;
        unlock(&l->lock);
        pthread_cond_signal(&l->more);
        pthread_join(l->thread, NULL);
        pthread_cond_destroy(&l->more);
        lock_close(&l->lock);
        l->db->engine->close(l->db);
    }
    all.count = 0;
    all.wake = NULL;
}

StoreCounts store_counts(void)
{
    StoreCounts c = { 0 };

    for (int i = 0; i < all.count; i++) {
        LaneState *l = &all.lane[i];
        c.commits += l->commits;
        c.writes += l->writes;
        c.refused += l->refused;
        c.batch_largest = l->largest > c.batch_largest ? l->largest : c.batch_largest;
        lock(&l->lock);
        c.waiting += l->waiting;
        unlock(&l->lock);
    }
    return c;
}
