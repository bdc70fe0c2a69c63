/* breaker_test.c - a time of our own: every call is told what time it is. */
#include "unit/test.h"
#include "net/breaker.h"

static const BreakerRules rules = { 3, { 1000 }, { 500 } };

static Mono at(i64 ms) { return (Mono){ ms * 1000000 }; }

static Leave ask(Breaker *b, i64 ms)
{
    int wait_s;
    return breaker_ask(b, at(ms), &wait_s);
}

static void went(Breaker *b, i64 ms, Outcome how)
{
    Leave leave = ask(b, ms);

    must(leave != LEAVE_NONE);
    breaker_tell(b, leave, how, at(ms));
}

TEST(it_opens_when_enough_goes_wrong_within_the_window)
{
    Breaker b;

    breaker_init(&b, rules);
    went(&b, 1000, WENT_WRONG);
    went(&b, 1100, WENT_WRONG);
    went(&b, 2500, WENT_WRONG);                   /* another window           */
    went(&b, 2600, WENT_WRONG);
    must(ask(&b, 2650) == LEAVE_USUAL);
    went(&b, 2700, WENT_WRONG);
    must(ask(&b, 2800) == LEAVE_NONE);
    must(breaker_view(&b, at(2800)).state == BREAKER_OPEN && breaker_view(&b, at(2800)).wait_ms == 400);
    breaker_close(&b);
}

TEST(a_few_failures_among_many_answers_don_t_open_it)
{
    Breaker b;

    breaker_init(&b, rules);
    for (int i = 0; i < 10; i++)
        went(&b, 1000, WENT_WELL);
    for (int i = 0; i < 9; i++)
        went(&b, 1000, WENT_WRONG);
    must(ask(&b, 1000) == LEAVE_USUAL);
    went(&b, 1000, WENT_WRONG);
    must(ask(&b, 1000) == LEAVE_NONE);
    breaker_close(&b);
}

static void trip(Breaker *b, i64 ms)
{
    for (int i = 0; i < 3; i++)
        went(b, ms, WENT_WRONG);
    must(ask(b, ms) == LEAVE_NONE);
}

TEST(one_probe_decides_and_who_went_before_has_no_say)
{
    Breaker b;

    breaker_init(&b, rules);
    Leave early = ask(&b, 1000);
    trip(&b, 1000);
    must(ask(&b, 1499) == LEAVE_NONE);
    must(ask(&b, 1501) == LEAVE_PROBE && ask(&b, 1502) == LEAVE_NONE);
    breaker_tell(&b, early, WENT_WELL, at(1503));
    must(ask(&b, 1504) == LEAVE_NONE);
    breaker_tell(&b, LEAVE_PROBE, WENT_WRONG, at(1505));
    must(ask(&b, 2004) == LEAVE_NONE && ask(&b, 2006) == LEAVE_PROBE);
    breaker_tell(&b, LEAVE_PROBE, WENT_WELL, at(2007));
    must(ask(&b, 2008) == LEAVE_USUAL && breaker_view(&b, at(2008)).opened == 2);
    breaker_close(&b);
}

TEST(who_went_before_it_opened_neither_closes_it_nor_keeps_it_open)
{
    Breaker b;
    Leave early[9];

    breaker_init(&b, rules);
    for (int i = 0; i < 9; i++)
        must((early[i] = ask(&b, 1000)) == LEAVE_USUAL);
    trip(&b, 1000);
    for (int i = 0; i < 4; i++)
        breaker_tell(&b, early[i], WENT_WRONG, at(1400));
    must(breaker_view(&b, at(1400)).wait_ms == 100 && breaker_view(&b, at(1400)).opened == 1);
    for (int i = 4; i < 9; i++)
        breaker_tell(&b, early[i], WENT_WELL, at(1600));
    must(ask(&b, 1601) == LEAVE_PROBE && ask(&b, 1602) == LEAVE_NONE);
    breaker_close(&b);
}

TEST(a_probe_that_saw_nothing_leaves_the_place_to_the_next)
{
    Breaker b;

    breaker_init(&b, rules);
    trip(&b, 1000);
    must(ask(&b, 1600) == LEAVE_PROBE);
    breaker_tell(&b, LEAVE_PROBE, WENT_UNSEEN, at(1700));
    must(ask(&b, 1701) == LEAVE_PROBE && ask(&b, 1702) == LEAVE_NONE);
    breaker_close(&b);
}

TEST(a_probe_that_lasts_keeps_others_out_only_so_long)
{
    Breaker b;

    breaker_init(&b, rules);
    trip(&b, 1000);
    must(ask(&b, 1600) == LEAVE_PROBE && ask(&b, 2099) == LEAVE_NONE);
    must(ask(&b, 2101) == LEAVE_PROBE && ask(&b, 2102) == LEAVE_NONE);
    breaker_tell(&b, LEAVE_PROBE, WENT_WELL, at(2110));
    must(ask(&b, 2111) == LEAVE_USUAL);
    breaker_tell(&b, LEAVE_PROBE, WENT_WRONG, at(9000));       /* the first one, at last */
    must(ask(&b, 9001) == LEAVE_USUAL);
    breaker_close(&b);
}

TEST(by_hand_it_is_closed_at_once)
{
    Breaker b;

    breaker_init(&b, rules);
    trip(&b, mono_now().ns / 1000000);
    breaker_reset(&b);
    must(ask(&b, mono_now().ns / 1000000) == LEAVE_USUAL);
    breaker_close(&b);
}

/* ---- many at once ---------------------------------------------------------------- */

enum { TELLERS_AT_ONCE = 4, EACH = 20000, WRONG_EACH = 100 };

static void *tell(void *arg)
{
    Breaker *b = arg;

    for (int i = 0; i < EACH; i++)
        went(b, 1000, WENT_WELL);
    for (int i = 0; i < WRONG_EACH; i++)
        went(b, 1000, WENT_WRONG);
    return NULL;
}

TEST(of_many_threads_each_answer_counts_once_within_a_window)
{
    Breaker b;
    pthread_t threads[TELLERS_AT_ONCE];

    breaker_init(&b, rules);
    went(&b, 1000, WENT_WELL);                    /* the window begins        */
    for (int i = 0; i < TELLERS_AT_ONCE; i++)
        must(pthread_create(&threads[i], NULL, tell, &b) == 0);
    for (int i = 0; i < TELLERS_AT_ONCE; i++)
        pthread_join(threads[i], NULL);
    BreakerView v = breaker_view(&b, at(1000));
    must(v.state == BREAKER_CLOSED && v.good == 1 + TELLERS_AT_ONCE * EACH &&
         v.bad == TELLERS_AT_ONCE * WRONG_EACH);
    breaker_close(&b);
}
