/* redis_pool.c - a link is lent to one caller at a time; a call that failed in the middle
 * takes its link with it, and the idle ones too, since what broke one has broken all.
 *
 * A link that Redis closed meanwhile (it was restarted, or it counts idle time) is
 * noticed before anything is sent, so that even a command that must not be repeated
 * survives it.
 *
 * Only what Redis does counts against it: a caller whose own deadline ended first says
 * nothing about it. The name is looked up again only by the one caller that tries, so a
 * resolver that hangs holds one worker and not all. */
#include "kv/redis_pool.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/rand.h"
#include <string.h>
#include <time.h>

enum { LINKS_MOST = 32, PATIENCE_MS = 1000, PAUSE_FIRST_MS = 50, PAUSE_MOST_MS = 2000,
       ATTEMPT_MS = 2000 };

static struct {
    RedisAddress   address;
    RedisTls      *tls;
    Str            called;               /* the address, for the log         */
    Lock           lock;
    pthread_cond_t more;
    RedisPlaces    places;
    RedisLink     *idle[LINKS_MOST];
    isize          idle_count, count;    /* count: lent ones too             */
    bool           away, trying;         /* trying: one caller is about it   */
    int            failures;             /* in a row                         */
    Mono           next_try, since;
} pool;

/* ---- away and back -------------------------------------------------------- */

static bool reached(Mono t) { return mono_now().ns >= t.ns; }

/* 50 ms, 100 ms ... 2 s, up to half of it taken off by chance, so that nodes which lost
 * Redis together do not come back together. */
static Span pause_after(int failures)
{
    i64 ms = failures < 7 ? (i64)PAUSE_FIRST_MS << failures : PAUSE_MOST_MS;

    ms = ms < PAUSE_MOST_MS ? ms : PAUSE_MOST_MS;
    return (Span){ ms - (i64)rand_below((u32)ms / 2) };
}

/* Under the lock. Gives true when it is news. */
static bool set_away(Span pause)
{
    bool news = !pool.away;

    if (news)
        pool.since = mono_now();
    pool.away = true;
    pool.next_try = mono_after(mono_now(), pause);
    metric_set(METRIC_KV_UP, 0);
    return news;
}

static bool set_back(void)
{
    bool news = pool.away;

    pool.away = false;
    pool.failures = 0;
    metric_set(METRIC_KV_UP, 1);
    return news;
}

static void tell_away(const char *why)
{
    log_warn("kv is away", L("redis", pool.called), L("why", why));
}

static void tell_back(void)
{
    metric_add(METRIC_KV_RECONNECTS, 1);
    log_info("kv is back", L("redis", pool.called),
             L("away_ms", mono_us(pool.since, mono_now()) / 1000));
}

/* ---- lending -------------------------------------------------------------- */

static void close_all(RedisLink **links, isize n)
{
    for (isize i = 0; i < n; i++)
        redis_link_close(links[i]);
}

typedef struct Loan {
    RedisLink  *link;                    /* NULL: it could not be made       */
    bool        fresh, tries;            /* tries: looks whether Redis is back */
    RedisPlaces places;
} Loan;

typedef enum LoanEnd {
    KEEP,                                /* it worked                        */
    LOSE_ONE,                            /* this link is over, and that says nothing */
    LOSE_IDLE,                           /* what broke it has broken the idle ones */
    LOSE_ALL                             /* and Redis is away                */
} LoanEnd;

static isize take_idle(RedisLink **out)
{
    isize n = pool.idle_count;

    memcpy(out, pool.idle, (size_t)n * sizeof *out);
    pool.idle_count = 0;
    pool.count -= n;
    return n;
}

static void end_well(Loan *loan)
{
    lock(&pool.lock);
    bool news = set_back();
    if (loan->tries)
        pool.trying = false;
    pool.idle[pool.idle_count++] = loan->link;
    unlock(&pool.lock);
    pthread_cond_signal(&pool.more);
    if (news)
        tell_back();
}

/* Of many who fail at once only the first makes the pause longer, and then only who
 * tries. */
static void end_badly(Loan *loan, LoanEnd how, const char *why)
{
    RedisLink *gone[LINKS_MOST];
    bool news = false;

    lock(&pool.lock);
    bool away = how == LOSE_ALL || (how == LOSE_IDLE && loan->tries);
    isize n = how == LOSE_ONE ? 0 : take_idle(gone);
    pool.count--;
    if (away && (!pool.away || loan->tries))
        news = set_away(pause_after(pool.failures++));
    if (loan->tries)
        pool.trying = false;
    unlock(&pool.lock);
    pthread_cond_broadcast(&pool.more);
    if (loan->link != NULL)
        redis_link_close(loan->link);
    close_all(gone, n);
    if (news)
        tell_away(why);
}

static void end_loan(Loan *loan, LoanEnd how, const char *why)
{
    if (how == KEEP)
        end_well(loan);
    else
        end_badly(loan, how, why);
}

/* However it failed, who was let down hears when to come again. */
static bool fail_ask(Ctx *cx, const RedisAsk *ask, const char *why)
{
    bool first = cx->fault.code == OK;

    fail(cx, KV_UNAVAILABLE, "redis %s: %s", ask->name, why);
    if (first)
        cx->fault.retry_after = PAUSE_MOST_MS / 1000;
    return false;
}

/* Under the lock: an idle link, the right to make one, or why not. */
static bool may_lend(Ctx *cx, const RedisAsk *ask, Mono until, Loan *loan)
{
    for (;;) {
        if (pool.idle_count > 0) {
            loan->link = pool.idle[--pool.idle_count];
            return true;
        }
        if (pool.away && (pool.trying || !reached(pool.next_try)))
            return fail_ask(cx, ask, "it is away");
        if (pool.count < LINKS_MOST)
            break;
        if (!lock_wait(&pool.lock, &pool.more, until.ns))
            return fail_ask(cx, ask, "no link became free");
    }
    pool.count++;
    loan->tries = pool.trying = pool.away;
    loan->places = pool.places;
    return true;
}

/* The one that tries looks the name up again: Redis may have moved. */
static bool look_again(Loan *loan, RedisTrouble *t)
{
    if (!redis_look_up(&pool.address, &loan->places, t))
        return false;
    lock(&pool.lock);
    pool.places = loan->places;
    unlock(&pool.lock);
    return true;
}

/* A caller whose own deadline came first has learnt nothing about Redis. */
static LoanEnd end_of(const Ctx *cx, Mono until, RedisEnd end)
{
    if (end == REDIS_LATE)
        return until.ns == cx->deadline.ns ? LOSE_ONE : LOSE_ALL;
    return LOSE_IDLE;
}

static bool make_link(Ctx *cx, const RedisAsk *ask, Mono until, Loan *loan)
{
    RedisTrouble t;

    loan->fresh = true;
    if (!loan->tries || look_again(loan, &t))
        loan->link = redis_link_open(&pool.address, &loan->places, pool.tls, until, &t);
    if (loan->link != NULL)
        return true;
    LoanEnd how = end_of(cx, until, t.end);
    end_loan(loan, how == LOSE_ONE ? LOSE_ONE : LOSE_ALL, t.why);
    return fail_ask(cx, ask, t.why);
}

static bool borrow(Ctx *cx, const RedisAsk *ask, Mono until, Loan *loan)
{
    for (;;) {
        *loan = (Loan){ 0 };
        lock(&pool.lock);
        bool may = may_lend(cx, ask, until, loan);
        unlock(&pool.lock);
        if (!may)
            return false;
        if (loan->link == NULL)
            return make_link(cx, ask, until, loan);
        if (redis_link_idle(loan->link))
            return true;
        end_loan(loan, LOSE_ONE, NULL);
    }
}

/* ---- asking --------------------------------------------------------------- */

static Mono patience_of(const Ctx *cx)
{
    Mono until = mono_after(mono_now(), (Span){ PATIENCE_MS });
    return cx->deadline.ns < until.ns ? cx->deadline : until;
}

/* A replica that was the primary, or a Redis that still loads: what we are linked to is
 * not what we want, so links and name are made anew. */
static bool is_elsewhere(const RedisAnswer *a)
{
    static const char *const words[] = { "READONLY", "LOADING", "MASTERDOWN", "NOAUTH" };

    for (isize i = 0; a->kind == ANSWER_ERROR && i < countof(words); i++)
        if (strcmp(a->error, words[i]) == 0)
            return true;
    return false;
}

static bool ask_once(Ctx *cx, const RedisAsk *ask, RedisAnswer *out, bool *stale)
{
    Mono until = patience_of(cx);
    RedisTrouble t = { 0 };
    Loan loan;

    *stale = false;
    if (reached(until))
        return fail_ask(cx, ask, "the deadline is over");
    if (!borrow(cx, ask, until, &loan))
        return false;
    bool heard = redis_link_ask(loan.link, cx->mem, ask->words, ask->count, until, out,
                                &t);
    if (heard && !is_elsewhere(out)) {
        end_loan(&loan, KEEP, NULL);
        return true;
    }
    const char *why = heard ? out->error : t.why;
    end_loan(&loan, heard ? LOSE_ALL : end_of(cx, until, t.end), why);
    *stale = !heard && t.end == REDIS_BROKEN && !loan.fresh;
    return fail_ask(cx, ask, why);
}

bool redis_ask(Ctx *cx, const RedisAsk *ask, RedisAnswer *out)
{
    Fault before = cx->fault;
    bool stale;

    if (ask_once(cx, ask, out, &stale))
        return true;
    if (stale && ask->reads) {
        cx->fault = before;
        if (ask_once(cx, ask, out, &stale))
            return true;
    }
    metric_add(METRIC_KV_ERRORS, 1);
    return false;
}

bool redis_refuses(Ctx *cx, const RedisAsk *ask, const RedisAnswer *a)
{
    metric_add(METRIC_KV_ERRORS, 1);
    return fail_ask(cx, ask,
                    a->error[0] != '\0' ? a->error : "an answer of another kind");
}

/* ---- start and end -------------------------------------------------------- */

static bool connect_first(RedisTrouble *t)
{
    Mono until = mono_after(mono_now(), (Span){ ATTEMPT_MS });

    if (!redis_look_up(&pool.address, &pool.places, t))
        return false;
    RedisLink *l = redis_link_open(&pool.address, &pool.places, pool.tls, until, t);
    if (l == NULL)
        return false;
    pool.idle[pool.idle_count++] = l;
    pool.count++;
    metric_set(METRIC_KV_UP, 1);
    return true;
}

static bool connect_patiently(int attempts, RedisTrouble *t)
{
    for (int i = 1;; i++) {
        if (connect_first(t))
            return true;
        if (t->end == REDIS_REFUSED || i >= attempts)
            return false;
        i64 ms = (i64)ATTEMPT_MS * i;
        ms += rand_below((u32)ms / 2);
        log_warn("kv does not answer; trying again", L("redis", pool.called),
                 L("why", (const char *)t->why), L("attempt", i), L("in_ms", ms));
        wait_at_start((Span){ ms });
    }
}

bool redis_pool_open(Arena *mem, Str url, int attempts, Str *why)
{
    RedisTrouble t = { 0 };

    memset(&pool, 0, sizeof pool);
    if (!redis_address_read(mem, url, &pool.address, why))
        return false;
    pool.called = redis_address_str(mem, &pool.address);
    lock_init(&pool.lock, RANK_KV);
    cond_init(&pool.more);
    pool.tls = redis_tls_open(&pool.address, &t);
    if (t.end == REDIS_FINE && connect_patiently(attempts, &t))
        return true;
    *why = str_fmt(mem, "REDIS_URL: Redis at %.*s: %s", STR_ARGS(pool.called), t.why);
    redis_pool_close();
    return false;
}

void redis_pool_close(void)
{
    must(pool.idle_count == pool.count);          /* nobody asks any more     */
    close_all(pool.idle, pool.idle_count);
    redis_tls_close(pool.tls);
    pthread_cond_destroy(&pool.more);
    lock_close(&pool.lock);
}
