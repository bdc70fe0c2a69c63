/* test.c - runs what TEST() listed, prints one line a file, stops at the first lie. */
#include "unit/test.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const Test *const __start_tests[], *const __stop_tests[];

static Arena arena;
Arena *mem = &arena;
static char folder[64];

const char *temp_path(const char *name)
{
    if (folder[0] == '\0') {
        strcpy(folder, "/tmp/tickettoken-test.XXXXXX");
        must(mkdtemp(folder) != NULL);
    }
    return str_z(mem, str_fmt(mem, "%s/%s", folder, name));
}

static void remove_folder(void)
{
    char command[128];
    if (folder[0] == '\0')
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    must(system(command) == 0);
}

/* A broken must() and a test that hangs (`make check` ends it) are told by name. */
static const char *file, *running;

static void name_it(int number)
{
    char line[256];
    int n = snprintf(line, sizeof line, "stopped in %s %s\n", file, running);
    (void)!write(STDERR_FILENO, line, (size_t)n);
    raise(number);
}

int main(int argc, char **argv)
{
    struct sigaction told = { .sa_handler = name_it, .sa_flags = (int)SA_RESETHAND };
    const char *only = argc > 1 ? argv[1] : "";
    int ran = 0;

    file = strrchr(argv[0], '/') + 1;
    sigaction(SIGABRT, &told, NULL);
    for (const Test *const *t = __start_tests; t < __stop_tests; t++) {
        if (strstr((*t)->name, only) == NULL)
            continue;
        if (argc > 1)
            printf("    %s\n", (*t)->name);
        fflush(stdout);
        running = (*t)->name;
        (*t)->run();
        arena_close(&arena);
        ran++;
    }
    remove_folder();
    printf("ok  %-40s %3d tests\n", file, ran);
    return ran == 0;
}
