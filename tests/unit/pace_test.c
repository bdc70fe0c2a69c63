/* pace_test.c - a time of our own. */
#include "unit/test.h"
#include "gateway/pace.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const PaceConfig off = { false, 1, 1, 1 };
static Mono at(i64 ms) { return (Mono){ (i64)1e15 + ms * 1000000 }; }

static int taken(Str key, i64 most, int tries, i64 ms)
{
    int n = 0;

    for (int i = 0; i < tries; i++)
        n += pace_take(key, 1, most, at(ms)) == 0;
    return n;
}

TEST(a_minutes_worth_may_come_at_once_and_then_one_by_one)
{
    pace_open(&off);
    must(taken(S("a"), 60, 100, 0) == 60);
    must(pace_take(S("a"), 1, 60, at(0)) == 1000 && pace_take(S("a"), 1, 60, at(400)) == 600);
    must(taken(S("a"), 60, 5, 1000) == 1 && taken(S("a"), 60, 50, 11000) == 10);
    must(taken(S("a"), 60, 100, 200000) == 60);
    pace_close();
}

TEST(one_who_asks_too_often_costs_nobody_else)
{
    char name[16];

    pace_open(&off);
    must(taken(S("loud"), 5, 1000, 0) == 5);
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "k%d", i);
        must(taken(str_of(name), 5, 6, 1) == 5);
    }
    must(taken(S("loud"), 5, 1, 2) == 0);
    pace_close();
}

TEST(a_flood_of_strangers_costs_no_memory_and_never_refuses_one_who_is_new)
{
    char name[16];

    pace_open(&off);
    for (int i = 0; i < 200000; i++) {
        snprintf(name, sizeof name, "k%d", i);
        must(pace_take(str_of(name), 1, 5, at(0)) == 0);
    }
    pace_close();
}

static _Atomic int won;
static void *race(void *unused)
{
    for (int i = 0; i < 20000; i++)
        won += pace_take(S("shared"), 1, 1000, at(0)) == 0;
    return unused;
}

TEST(many_threads_share_one_bucket)
{
    pthread_t t[4];

    pace_open(&off);
    won = 0;
    for (int i = 0; i < 4; i++)
        must(pthread_create(&t[i], NULL, race, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    must(won == 1000);
    pace_close();
}
