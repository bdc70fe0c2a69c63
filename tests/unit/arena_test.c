/* arena_test.c - memory that dies with its work. */
#include "unit/test.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(memory_is_zeroed_and_aligned_also_after_a_reset)
{
    Arena a = { 0 };
    for (int round = 0; round < 2; round++) {
        for (isize i = 1; i < 300; i++) {
            char *odd = make(&a, char, i);
            i64 *n = make(&a, i64, i);
            must((uintptr_t)n % _Alignof(i64) == 0);
            for (isize k = 0; k < i; k++)
                must(odd[k] == 0 && n[k] == 0);
            memset(odd, 0xFF, (size_t)i);
            memset(n, 0xFF, (size_t)i * sizeof *n);
        }
        arena_reset(&a, 1 << 20);
    }
    arena_close(&a);
    must(a.taken == 0);
}

TEST(a_reset_keeps_one_block_and_no_more)
{
    Arena a = { 0 };
    make(&a, char, 3 << 20);
    make(&a, char, 100);
    must(a.taken >= 3 << 20);
    arena_reset(&a, 64 << 10);
    must(a.taken <= 64 << 10);
    make(&a, char, 8);
    arena_close(&a);
    must(a.taken == 0 && a.at == NULL);
}

TEST(nothing_at_all_is_still_a_place)
{
    Arena a = { 0 };
    must(make(&a, i64, 0) != NULL);
    arena_close(&a);
}

TEST(an_arena_says_when_it_is_over_its_soft_ceiling)
{
    Arena a = { 0 };
    make(&a, char, ARENA_SOFT - (1 << 20));
    must(!arena_over(&a));
    make(&a, char, 2 << 20);
    must(arena_over(&a));
    arena_close(&a);
}

static bool stops_the_process(isize size, isize count)
{
    pid_t child = fork();
    int status;
    if (child == 0) {
        Arena a = { 0 };
        must(close(2) == 0);
        arena_take(&a, size, 8, count);
        _exit(0);
    }
    must(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status);
}

TEST(past_the_hard_ceiling_the_process_stops)
{
    must(stops_the_process(ARENA_HARD, 2) && stops_the_process(1, (isize)ARENA_HARD + 1));
    must(stops_the_process(8, PTRDIFF_MAX / 4) && stops_the_process(8, -1));
    must(!stops_the_process(1 << 20, 1));
}
