/* worker_test.c - threads that wake, work and are stopped. */
#include "base/worker.h"
#include "unit/test.h"
#include <stdatomic.h>
#include <unistd.h>

static atomic_int left, done, at_once, most;

static bool take(Arena *unused)
{
    (void)unused;
    int now = ++at_once;
    if (now > most)
        most = now;
    usleep(2000);
    at_once--;
    if (left <= 0 || --left < 0)
        return false;
    done++;
    return true;
}

static void begin(int pieces)
{
    left = pieces;
    done = at_once = most = 0;
}

static void await(int pieces)
{
    for (int ms = 0; done < pieces; ms++) {
        must(ms < 60000);
        usleep(1000);
    }
}

TEST(work_that_is_there_at_the_start_is_done_without_a_ring)
{
    static Worker w = WORKER("test", 60000, take);

    begin(3);
    worker_start(&w, 1);
    await(3);
    worker_stop(&w);
}

TEST(a_ring_wakes_and_one_that_comes_during_work_is_kept)
{
    static Worker w = WORKER("test", 60000, take);

    begin(0);
    worker_start(&w, 1);
    for (int round = 1; round <= 200; round++) {
        left = 1;
        worker_ring(&w);
        await(round);
    }
    worker_stop(&w);
}

TEST(without_a_ring_it_looks_after_a_while)
{
    static Worker w = WORKER("test", 20, take);

    begin(1);
    worker_start(&w, 1);
    await(1);
    left = 1;
    await(2);
    worker_stop(&w);
}

TEST(stopping_waits_for_the_piece_in_hand_and_leaves_the_rest)
{
    static Worker w = WORKER("test", 60000, take);

    begin(1000000);
    worker_start(&w, 3);
    await(5);
    worker_stop(&w);
    must(at_once == 0 && most > 1);
    int was = done;
    worker_ring(&w);
    usleep(20000);
    must(done == was);
    worker_stop(&w);
}

TEST(it_starts_again_after_it_was_stopped)
{
    static Worker w = WORKER("test", 60000, take);

    begin(1);
    worker_start(&w, 2);
    await(1);
    worker_stop(&w);
    left = 1;
    worker_start(&w, 1);
    await(2);
    worker_stop(&w);
}
