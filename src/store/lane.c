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
 * use it at once; batch.c runs it. */
#include "store/batch.h"
#include "base/lock.h"
#include "base/trace.h"
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SLOTS = 64 };
enum { WAITING, FINISHED };                      /* what a bell says         */

typedef struct LaneState {
    Lock           lock;
    pthread_cond_t more;
    Work          *first, **last;
    isize          waiting;
    bool           closed, idle;
    Writer         writer;
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

/* The step covers the waiting; what the lane does for us becomes its children. */
static bool write_in(Lane lane, Work *w)
{
    Step step = trace_begin(w->cx);
    bool good = stand_in_line(lane, w);

    trace_end(w->cx, &step, TRACE_INTERNAL, "write_tx", L("lane", w->slot % all.count));
    return good;
}

bool write_tx(Ctx *cx, Lane lane, TxFn *fn, void *arg)
{
    return write_in(lane, &(Work){ .cx = cx, .fn = fn, .arg = arg });
}

bool write_many(Ctx *cx, Lane lane, ManyFn *fn, void *arg)
{
    return write_in(lane, &(Work){ .cx = cx, .many = fn, .arg = arg });
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
        batch_run(&l->writer, batch);
        l->commits++;
        bool told = l->writer.db->told != NULL;
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
        l->writer.db = writers[i];
        l->writer.db->writing = true;
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
        l->writer.db->engine->close(l->writer.db);
    }
    all.count = 0;
    all.wake = NULL;
}

StoreCounts lane_counts(void)
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
