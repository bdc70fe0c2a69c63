/* ending_test.c - stages end in their order, and one that hangs holds nobody up for ever. */
#include "unit/test.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/ending.h"
#include <sys/wait.h>
#include <unistd.h>

static char order[8];
static int ran;

static Span short_while(const void *arg) { (void)arg; return (Span){ 200 }; }
static bool one(void *arg)   { (void)arg; order[ran++] = '1'; return true; }
static bool two(void *arg)   { (void)arg; order[ran++] = '2'; return false; }
static bool three(void *arg) { (void)arg; order[ran++] = '3'; return true; }
static bool hang(void *arg)  { (void)arg; sleep(20); return true; }

TEST(stages_run_in_order_and_one_that_was_cut_off_is_told)
{
    const Stage clean[] = { { "one", short_while, one }, { "three", short_while, three } };
    const Stage cut[] = { { "one", short_while, one }, { "two", short_while, two },
                          { "three", short_while, three } };

    log_setup(LOG_SILENT, false, 2);
    must(stages_run(clean, 2, NULL) && ran == 2 && order[0] == '1' && order[1] == '3');
    ran = 0;
    must(!stages_run(cut, 3, NULL) && ran == 3 && order[1] == '2' && order[2] == '3');
}

TEST(one_that_hangs_ends_the_process)
{
    const Stage stages[] = { { "one", short_while, one }, { "hang", short_while, hang } };
    Mono from = mono_now();
    int status;
    pid_t child = fork();

    if (child == 0) {
        stages_run(stages, 2, NULL);
        _exit(EXIT_DONE);
    }
    must(child > 0 && waitpid(child, &status, 0) == child);
    must(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILED);
    must(mono_us(from, mono_now()) < 5000000);
}
