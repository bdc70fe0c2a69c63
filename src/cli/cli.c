/* cli.c - help is written by the table too, so no option can be missing in it. */
#include "cli/cli.h"
#include "cli/verb.h"
#include "secret/secret.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const Command *const commands[] = {
    &command_serve, &command_migrate, &command_demo, &command_doctor, &command_routes,
    &command_openapi, &command_keys, &command_user, &command_service, &command_api_key,
    &command_deadletters, &command_config,
};

static const Command *at_work;      /* whose help is offered to who got it wrong */

static Exit say(Exit code, const char *format, va_list args)
{
    fputs("tickettoken: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    return code;
}

Exit cli_usage(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(EXIT_USAGE, format, args);
    va_end(args);
    fprintf(stderr, "Try: tickettoken help%s%s\n", at_work != NULL ? " " : "",
            at_work != NULL ? at_work->name : "");
    return EXIT_USAGE;
}

Exit cli_failed(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(EXIT_FAILED, format, args);
    va_end(args);
    return EXIT_FAILED;
}

void cli_print(const Buf *b)
{
    fwrite(b->at, 1, (size_t)b->len, stdout);
    fflush(stdout);
}

static void print_overview(FILE *to)
{
    fputs("TicketToken runs an event business end to end.\n\n"
          "Usage: tickettoken COMMAND [OPTIONS]\n\n", to);
    for (isize i = 0; i < countof(commands); i++)
        fprintf(to, "  %-11s %s\n", commands[i]->name, commands[i]->says);
    fputs("  help        this, or the help of a command\n"
          "  version     the version\n\n"
          "Start with:\n"
          "  tickettoken serve --data ./data      serve on http://127.0.0.1:8080\n"
          "  tickettoken demo --data ./data       fill it with an event on sale\n"
          "  tickettoken help user                what a command does, with examples\n",
          to);
}

static void print_command(const Command *c)
{
    printf("tickettoken %s: %s\n\nUsage: tickettoken %s %s\n\n%s\n", c->name, c->says,
           c->name, c->usage, c->help);
    if (c->option_count > 0)
        printf("\nOptions:\n");
    for (isize i = 0; i < c->option_count; i++) {
        const Option *o = &c->options[i];
        char left[64];
        snprintf(left, sizeof left, "%s %s", o->name, o->value != NULL ? o->value : "");
        printf("  %-22s %s\n", left, o->says);
    }
}

static const char *command_name(const void *list, isize i)
{
    return ((const Command *const *)list)[i]->name;
}

static const Command *find_command(const char *name)
{
    for (isize i = 0; i < countof(commands); i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static Exit unknown(const char *name)
{
    const char *near = nearest(name, commands, countof(commands), command_name);

    return cli_usage("there is no command \"%s\"%s%s%s", name,
                     near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                     near != NULL ? "?" : "");
}

static Exit run(const Command *c, int argc, char **argv)
{
    Arena mem = { 0 };
    Args a = { .mem = &mem, .options = c->options, .option_count = c->option_count };
    Str why;
    Exit code = EXIT_DONE;

    at_work = c;
    if (!args_read(&a, argc, argv, &why))
        code = cli_usage("%s: %.*s", c->name, STR_ARGS(why));
    else if (a.help)
        print_command(c);
    else if (a.word_count > c->words_most)
        code = cli_usage("%s: what is \"%s\"? usage: tickettoken %s %s", c->name,
                         a.words[c->words_most], c->name, c->usage);
    else if (a.word_count < c->words_least)
        code = cli_usage("%s: usage: tickettoken %s %s", c->name, c->name, c->usage);
    else
        code = c->verbs != NULL ? verb_run(c, &a) : c->run(&a);
    if (fflush(stdout) != 0 && code == EXIT_DONE)
        code = cli_failed("can't write: %s", strerror(errno));
    arena_close(&mem);
    return code;
}

static bool is_any(const char *s, const char *a, const char *b, const char *c)
{
    return strcmp(s, a) == 0 || strcmp(s, b) == 0 || strcmp(s, c) == 0;
}

static bool is_help(const char *s) { return is_any(s, "help", "--help", "-h"); }
static bool is_version(const char *s) { return is_any(s, "version", "--version", "-V"); }

Exit cli_main(int argc, char **argv)
{
    config_place(secret_read);
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_USAGE;
    }
    if (is_version(argv[1])) {
        printf("tickettoken %s\n", VERSION);
        return EXIT_DONE;
    }
    bool help = is_help(argv[1]);
    if (help && (argc < 3 || is_help(argv[2]) || is_version(argv[2]))) {
        print_overview(stdout);
        return EXIT_DONE;
    }
    const Command *c = find_command(argv[help ? 2 : 1]);
    if (c == NULL)
        return unknown(argv[help ? 2 : 1]);
    if (help) {
        print_command(c);
        return EXIT_DONE;
    }
    return run(c, argc - 2, argv + 2);
}
