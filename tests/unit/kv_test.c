/* kv_test.c - the meaning of the kv port. Every engine is held to it: the embedded one, and
 * a Redis when TEST_REDIS_URL says where one is. Each fact has a tenant of its own, so what
 * others keep there is left alone. */
#include "unit/test.h"
#include "kv/kv.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static TenantId tenant;                           /* of the running fact      */

static void open_kv(const char *url, i64 bytes_most)
{
    Str why = { 0 };
    KvConfig config = { str_of(url), bytes_most, 1 };

    if (!kv_open(mem, &config, &why))
        must_failed(str_z(mem, why), __FILE__, __LINE__);
}

static void with(const char *url, void (*facts)(Ctx *cx))
{
    tenant.v = uuid_new(time_now());
    Ctx cx = ctx_new(mem, tenant);

    open_kv(url, 0);
    facts(&cx);
    kv_close();
}

/* Runs `facts` with a fresh unit of work against each engine. */
static void with_each(void (*facts)(Ctx *cx))
{
    static bool told;
    const char *redis = getenv("TEST_REDIS_URL");
    bool given = redis != NULL && redis[0] != '\0';

    with("embedded:", facts);
    if (given)
        with(redis, facts);
    else if (!told)
        printf("kv_test: no redis, embedded only\n");
    told = true;
}

static bool there(Ctx *cx, Key key, Str want)
{
    Str value = { 0 };
    bool found;
    must(kv_get(cx, key, &value, &found));
    return found && str_is(value, want);
}

static bool absent(Ctx *cx, Key key)
{
    Str value;
    bool found;
    must(kv_get(cx, key, &value, &found));
    return !found;
}

static bool taken(Ctx *cx, Key key)
{
    Str value;
    bool found;
    must(kv_take(cx, key, &value, &found));
    return found;
}

static void values_facts(Ctx *cx)
{
    Key k = kv_key(cx, "nonce", S("a"));

    must(absent(cx, k));
    must(kv_put(cx, k, S("one"), seconds(10)) && there(cx, k, S("one")));
    must(kv_put(cx, k, S("two"), seconds(10)) && there(cx, k, S("two")));
    must(kv_delete(cx, k) && absent(cx, k) && kv_delete(cx, k));
    must(kv_put(cx, k, S(""), seconds(10)) && there(cx, k, S("")));
    must(kv_put(cx, k, (Str){ "a\0b", 3 }, seconds(10)) && there(cx, k, (Str){ "a\0b", 3 }));
    must(kv_put(cx, k, S("1 2 3\r\n$-1\r\n"), seconds(10)) && there(cx, k, S("1 2 3\r\n$-1\r\n")));
    Key odd = kv_key(cx, "nonce", (Str){ "a\0b\r\n *{}", 9 });
    must(absent(cx, odd) && kv_put(cx, odd, S("v"), seconds(10)) && there(cx, odd, S("v")));
    must(absent(cx, kv_key(cx, "nonce", S("a\0"))));
}
TEST(a_value_is_there_until_it_is_replaced_or_deleted) { with_each(values_facts); }

static void expiry_facts(Ctx *cx)
{
    Key k = kv_key(cx, "nonce", S("a"));
    bool made;

    must(kv_put(cx, k, S("v"), seconds(10)));
    cx->now = later(cx->now, (Span){ 9999 });
    must(there(cx, k, S("v")));
    must(kv_put_new(cx, k, S("w"), seconds(10), &made) && !made);
    cx->now = later(cx->now, (Span){ 1 });
    must(absent(cx, k));
    must(!taken(cx, k));
    must(kv_put_new(cx, k, S("w"), seconds(10), &made) && made && there(cx, k, S("w")));
    cx->now = later(cx->now, seconds(10));        /* an ended one gives way   */
    must(kv_put_new(cx, k, S("x"), seconds(10), &made) && made && there(cx, k, S("x")));
    must(taken(cx, k) && !taken(cx, k));
}
TEST(a_value_ends_at_its_ttl_by_the_clock_of_the_work) { with_each(expiry_facts); }

static void tenant_facts(Ctx *cx)
{
    Key mine = kv_key(cx, "nonce", S("a")), all = kv_key_global(cx, "nonce", S("a"));

    must(kv_put(cx, mine, S("mine"), seconds(10)));
    must(absent(cx, all));
    cx->tenant.v = uuid_new(cx->now);
    must(absent(cx, kv_key(cx, "nonce", S("a"))));
    must(absent(cx, kv_key(cx, "other", S("a"))));
}
TEST(a_key_of_one_tenant_is_not_there_for_another) { with_each(tenant_facts); }

static void window_facts(Ctx *cx)
{
    Key k = kv_key(cx, "login", S("ada"));
    Instant first = cx->now, reset;
    i64 n;

    for (i64 i = 1; i <= 3; i++) {
        must(kv_count(cx, k, seconds(60), 3, &n, &reset) && n == i);
        cx->now = later(cx->now, seconds(10));
    }
    must(kv_count(cx, k, seconds(60), 3, &n, &reset) && n == 4);
    must(kv_count(cx, k, seconds(60), 3, &n, &reset) && n == 4);
    must(reset.ms == first.ms + 60000);
    must(kv_counted(cx, k, &n) && n == 3);
    must(kv_uncount(cx, k) && kv_counted(cx, k, &n) && n == 2);
    must(kv_count(cx, k, seconds(60), 3, &n, &reset) && n == 3 && reset.ms == first.ms + 60000);
    Key none = kv_key(cx, "login", S("eve"));
    must(kv_uncount(cx, none) && kv_counted(cx, none, &n) && n == 0);
    cx->now = reset;
    must(kv_counted(cx, k, &n) && n == 0);
    must(kv_count(cx, k, seconds(60), 3, &n, &reset) && n == 1);
    must(kv_put(cx, k, S("beside it"), seconds(10)) && kv_counted(cx, k, &n) && n == 1);
    must(kv_delete(cx, k) && kv_counted(cx, k, &n) && n == 0 && absent(cx, k));
}
TEST(a_window_counts_to_its_most_and_a_refused_one_does_not_prolong_it) { with_each(window_facts); }

static void limit_facts(Ctx *cx)
{
    Key k = kv_key(cx, "login", S("eve"));

    for (int i = 0; i < 3; i++)
        must(kv_limit(cx, k, seconds(60), 3, METRIC_KV_OPEN_LOGIN));
    must(!kv_limit(cx, k, seconds(60), 3, METRIC_KV_OPEN_LOGIN));
    must_fault(cx, RATE_LIMIT_EXCEEDED);
    must(cx->fault.retry_after == 60 && !kv_do_without(cx, METRIC_KV_OPEN_LOGIN));
    must(metric_get(METRIC_KV_OPEN_LOGIN) == 0 && metric_get(METRIC_KV_UP) == 1);
    fault_clear(cx);
    must(kv_answers(cx));
}
TEST(a_limit_tells_one_too_many_when_to_come_back) { with_each(limit_facts); }

/* A node whose clock is a second ahead: nothing lives longer, nothing is lost by more. */
static void skew_facts(Ctx *cx)
{
    Key k = kv_key(cx, "nonce", S("a"));
    Instant reset;
    i64 n;
    Ctx ahead = *cx, behind = *cx;

    ahead.now = later(cx->now, seconds(1));
    behind.now = earlier(cx->now, seconds(1));
    must(kv_put(cx, k, S("v"), seconds(10)) && there(&ahead, k, S("v")) && there(&behind, k, S("v")));
    must(kv_count(cx, k, seconds(10), 2, &n, &reset) && n == 1);
    must(kv_count(&ahead, k, seconds(10), 2, &n, &reset) && n == 2);
    must(kv_count(&behind, k, seconds(10), 2, &n, &reset) && n == 3);
    must(reset.ms == cx->now.ms + 10000);
}
TEST(clocks_a_second_apart_share_windows_and_values) { with_each(skew_facts); }

/* ---- races ---------------------------------------------------------------- */

enum { RACERS = 32 };
typedef enum Race { TAKE, TAKE_IN_TWO, PUT_NEW, COUNT } Race;
static Race race;
static Instant start;
static pthread_barrier_t gate;

static bool win(Ctx *cx)
{
    Key k = kv_key(cx, "race", S("k"));
    Str value;
    bool won;
    i64 n;
    Instant reset;

    switch (race) {
    case TAKE:
        must(kv_take(cx, k, &value, &won));
        return won;
    case TAKE_IN_TWO:                             /* the negative control     */
        must(kv_get(cx, k, &value, &won));
        pthread_barrier_wait(&gate);
        must(kv_delete(cx, k));
        return won;
    case PUT_NEW:
        must(kv_put_new(cx, k, S("v"), seconds(60), &won));
        return won;
    case COUNT:
        must(kv_count(cx, k, seconds(60), 5, &n, &reset));
        return n <= 5;
    }
    return false;
}

static void *racer(void *arg)
{
    Arena own = { 0 };
    Ctx cx = ctx_new(&own, tenant);
    cx.now = start;
    pthread_barrier_wait(&gate);
    *(bool *)arg = win(&cx);
    arena_close(&own);
    return NULL;
}

static int winners(Race of)
{
    pthread_t threads[RACERS];
    bool won[RACERS];
    int count = 0;

    race = of;
    pthread_barrier_init(&gate, NULL, RACERS);
    for (int i = 0; i < RACERS; i++)
        must(pthread_create(&threads[i], NULL, racer, &won[i]) == 0);
    for (int i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        count += won[i];
    }
    pthread_barrier_destroy(&gate);
    return count;
}

static void race_facts(Ctx *cx)
{
    Key k = kv_key(cx, "race", S("k"));

    start = cx->now;
    must(kv_put(cx, k, S("v"), seconds(60)) && winners(TAKE) == 1);
    must(kv_put(cx, k, S("v"), seconds(60)) && winners(TAKE_IN_TWO) == RACERS);
    must(winners(PUT_NEW) == 1);
    must(winners(COUNT) == 5);
}
TEST(of_many_at_once_one_takes_one_makes_and_five_of_five_count) { with_each(race_facts); }

/* ---- the embedded engine -------------------------------------------------- */

TEST(the_embedded_kv_keeps_to_its_memory_and_drops_what_expires_first)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    isize early = 0, late = 0;
    enum { EACH = 4000 };

    open_kv("embedded:", 1 << 20);
    for (int i = 0; i < EACH; i++) {
        Str name = str_fmt(mem, "%d", i);
        must(kv_put(&cx, kv_key(&cx, "late", name), S("0123456789abcdef"), hours(2)));
        must(kv_put(&cx, kv_key(&cx, "early", name), S("0123456789abcdef"), hours(1)));
    }
    for (int i = 0; i < EACH; i++) {
        Str name = str_fmt(mem, "%d", i);
        early += !absent(&cx, kv_key(&cx, "early", name));
        late += !absent(&cx, kv_key(&cx, "late", name));
    }
    must(late == EACH && early > 0 && early < EACH);
    kv_close();
}

TEST(an_entry_larger_than_its_shard_is_a_fault_and_not_a_silent_loss)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Str big = { make(mem, char, 8000), 8000 };

    open_kv("embedded:", 64 << 10);
    must(!kv_put(&cx, kv_key(&cx, "big", S("a")), big, hours(1)));
    must_fault(&cx, INTERNAL_ERROR);
    kv_close();
}

TEST(a_snapshot_survives_a_stop_once_and_a_damaged_one_is_left_out)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    const char *path = temp_path("kv.snapshot");
    const char *url = str_z(mem, str_fmt(mem, "embedded:%s", path));
    Key k = kv_key(&cx, "nonce", S("a")), gone = kv_key(&cx, "nonce", S("b"));
    Instant reset;
    struct stat st;
    i64 n;

    open_kv(url, 0);
    must(kv_put(&cx, k, S("kept"), hours(1)) && kv_put(&cx, gone, S("x"), (Span){ 1 }));
    must(kv_count(&cx, k, hours(1), 9, &n, &reset) && kv_count(&cx, k, hours(1), 9, &n, &reset));
    kv_close();
    must(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    usleep(2000);

    open_kv(url, 0);
    must(stat(path, &st) != 0);                   /* it can't come back twice */
    must(there(&cx, k, S("kept")) && kv_counted(&cx, k, &n) && n == 2);
    cx.now = time_now();
    must(absent(&cx, gone));
    kv_close();

    FILE *f = fopen(path, "r+");
    must(f != NULL && fseek(f, 20, SEEK_SET) == 0 && fputc('!', f) == '!' && fclose(f) == 0);
    open_kv(url, 0);
    must(absent(&cx, k));
    kv_close();
}

TEST(an_unknown_engine_is_named_in_the_reason)
{
    Str why = { 0 };
    must(!kv_open(mem, &(KvConfig){ S("memcached://u:secret@x"), 0, 1 }, &why) && str_has(why, S("memcached")) &&
         !str_has(why, S("secret")));
}
