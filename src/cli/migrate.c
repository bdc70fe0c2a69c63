/* migrate.c - brings the schema of the database to this program's version. */
#include "cli/app.h"
#include "cli/cli.h"
#include "store/store.h"
#include <stdio.h>

static const Option options[] = { OPTION_DATA, OPTION_SET };

static Exit run(Args *a)
{
    App app = { 0 };
    i64 from, to;
    Str why = { 0 };
    Exit code = EXIT_DONE;

    if (!app_config(&app, a))
        return EXIT_FAILED;
    StoreConfig config = app_store(&app);
    if (!store_migrate(&app.mem, &config, &from, &to, &why))
        code = cli_failed("%.*s", STR_ARGS(why));
    else if (from == to)
        printf("schema is at version %jd already\n", (intmax_t)to);
    else
        printf("schema brought from version %jd to %jd\n", (intmax_t)from, (intmax_t)to);
    app_close(&app);
    return code;
}

const Command command_migrate = {
    .name = "migrate", .usage = "[--data DIR]",
    .says = "bring the database schema up to date",
    .help =
        "One transaction a step, forward only; safe to run again and while a server runs.\n"
        "A database of a program that is too new is refused. `serve` does it too.\n"
        "With PostgreSQL it needs DATABASE_OWNER_URL, and gives the role in DATABASE_URL\n"
        "the rights that a server needs and no more.\n\n"
        "  tickettoken migrate --data /var/lib/tickettoken",
    .options = options, .option_count = countof(options), .run = run,
};
