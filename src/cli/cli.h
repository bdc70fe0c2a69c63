/* cli.h - the commands: one table makes dispatch, help and hints.
 *
 * Exit codes: 0 done, 1 failed, 2 used wrongly. What was asked for goes to stdout,
 * everything else to stderr.
 * Needs: args.  Used by: main. */
#pragma once
#include "cli/args.h"

typedef enum Exit { EXIT_DONE, EXIT_FAILED, EXIT_USAGE } Exit;

typedef struct Verbs Verbs;                          /* verb.h */

typedef struct Command {
    const char   *name, *usage, *says;            /* usage: what follows the name */
    const char   *help;                           /* paragraphs and examples  */
    const Option *options;
    isize         option_count;
    isize         words_least, words_most;        /* arguments that are no options */
    Exit        (*run)(Args *a);
    const Verbs  *verbs;                          /* in place of run          */
} Command;

Exit cli_main(int argc, char **argv);

/* For commands: an error for the user on stderr; gives the exit code. */
Exit cli_usage(const char *format, ...) PRINTS(1, 2);
Exit cli_failed(const char *format, ...) PRINTS(1, 2);
void cli_print(const Buf *b);                     /* to stdout                */

extern const Command command_serve, command_migrate, command_demo, command_doctor,
                     command_routes, command_openapi, command_keys, command_user,
                     command_service, command_api_key, command_config,
                     command_deadletters;

/* Options that every command with a data directory takes. */
#define OPTION_DATA { "--data", "DIR", "DATA_DIR", "data directory (default ./data)" }
#define OPTION_SET  { "--set", "NAME=VALUE", NULL, "any setting; `tickettoken config` lists them" }
