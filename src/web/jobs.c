/* jobs.c - a node that is the clock says so with every pass that has work for all; when
 * it stands still for LEASE another takes over, and its own rest of a pass does no harm,
 * as each job finds its work by state and moves it by state.
 *
 * Beats are measured on the machine's clock that only runs forward; what is
 * due is asked of cx->now, which a test may move. The lock covers the two counters
 * and nothing else: no job runs under it. */
#include "web/jobs.h"
#include "base/lock.h"
#include "base/trace.h"
#include "store/lease.h"

#define LEASE seconds(5)
enum { JOBS_MOST = 32, KEEP = 256 << 10 };

static struct {
    Lock           lock;
    pthread_cond_t changed;
    pthread_t      thread;
    const Job     *jobs;
    isize          count;
    i64            asked, done;                   /* passes over the whole table */
    _Atomic bool   ours;                          /* the clock's lease        */
    _Atomic bool   running;                       /* asked by workers, too     */
    bool           stop;
    Mono           due[JOBS_MOST];                /* the thread's own         */
} own = { .lock = LOCK_OF(RANK_SERVER) };

static void run(Arena *mem, const Job *job)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Mono from = mono_now();

    trace_follow(&cx, (Str){ 0 });
    bool good = job->run(&cx);
    if (cx.trace.on)
        trace_whole(&cx, mono_us(from, mono_now()), TRACE_INTERNAL, job->name, NULL, 0);
    if (!good)
        log_error("job failed", L("job", job->name),
                  L("fault", cx.fault.code == OK ? "" : fault_facts(cx.fault.code)->code),
                  L("why", (const char *)cx.fault.why));
    arena_reset(mem, KEEP);
}

static bool is_clock(Arena *mem)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    bool ours = false;

    if (!lease_take(&cx, "clock", LEASE, &ours))
        log_warn("the clock's lease can't be had", L("why", (const char *)cx.fault.why));
    arena_reset(mem, KEEP);
    return ours;
}

static void run_due(Arena *mem, bool all)
{
    bool asked = false, ours = false;

    for (isize i = 0; i < own.count; i++) {
        if (!all && own.due[i].ns > mono_now().ns)
            continue;
        if (own.jobs[i].of == OF_ALL && !asked) {
            own.ours = ours = is_clock(mem);
            asked = true;
        }
        if (own.jobs[i].of == OF_THIS_NODE || ours)
            run(mem, &own.jobs[i]);
        own.due[i] = mono_after(mono_now(), own.jobs[i].every);
    }
}

/* So that another node need not wait for its end. */
static void leave_lease(Arena *mem)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);

    if (!lease_give_up(&cx, "clock"))
        log_warn("the clock's lease stays until it is over",
                 L("why", (const char *)cx.fault.why));
}

bool jobs_are_ours(void) { return own.ours; }

static i64 next_due(void)
{
    i64 first = INT64_MAX;

    for (isize i = 0; i < own.count; i++)
        if (own.due[i].ns < first)
            first = own.due[i].ns;
    return first;
}

/* Waits for the next beat or a wish; gives the pass that is wished for. */
static bool wait_for_work(i64 *pass)
{
    lock(&own.lock);
    while (!own.stop && own.asked == own.done && mono_now().ns < next_due())
        lock_wait(&own.lock, &own.changed, next_due());
    *pass = own.asked;
    bool go_on = !own.stop;
    unlock(&own.lock);
    return go_on;
}

static void *clock_thread(void *arg)
{
    Arena mem = { 0 };
    i64 pass, done = 0;

    (void)arg;
    while (wait_for_work(&pass)) {
        run_due(&mem, pass != done);
        done = pass;
        lock(&own.lock);
        own.done = done;
        unlock(&own.lock);
        pthread_cond_broadcast(&own.changed);
    }
    leave_lease(&mem);
    arena_close(&mem);
    return NULL;
}

void jobs_start(const Job *jobs, isize count)
{
    must(count > 0 && count <= JOBS_MOST && !own.running);
    cond_init(&own.changed);
    own.jobs = jobs;
    own.count = count;
    own.asked = own.done = 0;
    own.stop = false;
    for (isize i = 0; i < count; i++)
        own.due[i] = mono_after(mono_now(), jobs[i].every);
    own.running = true;
    must(pthread_create(&own.thread, NULL, clock_thread, NULL) == 0);
}

void jobs_stop(void)
{
    if (!own.running)
        return;
    lock(&own.lock);
    own.stop = true;
    unlock(&own.lock);
    pthread_cond_broadcast(&own.changed);
    must(pthread_join(own.thread, NULL) == 0);
    own.running = false;
    pthread_cond_destroy(&own.changed);
}

void jobs_run_all(void)
{
    if (!own.running)
        return;
    lock(&own.lock);
    i64 mine = ++own.asked;
    pthread_cond_broadcast(&own.changed);
    while (own.done < mine && !own.stop)
        lock_wait(&own.lock, &own.changed, 0);
    unlock(&own.lock);
}
