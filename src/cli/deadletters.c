/* deadletters.c - what the bus refused, from the operator's side. Works while a server
 * runs: what is told anew is a row of the outbox, which its relay finds. */
#include "cli/app.h"
#include "cli/cli.h"
#include "gateway/deadletter.h"
#include <stdio.h>
#include <string.h>

enum { LIST_MOST = 1000 };

static const Option options[] = {
    { "--tenant", "ID", NULL, "of which tenant (default the first)" },
    { "--state", "S", NULL, "list: DEAD (default), RETRIED or DISCARDED" },
    { "--type", "T", NULL, "list: only of this type" },
    OPTION_DATA, OPTION_SET,
};

typedef struct Work { Args *a; App app; Ctx cx; i64 id; } Work;

static Exit read_list(Work *w, DeadLetter **rows, isize *n)
{
    Str state = args_value(w->a, "--state");
    int s = state.at == NULL ? DEAD : names_find(&dead_state_names, state);
    DeadWish wish = { .type = args_value(w->a, "--type"), .most = LIST_MOST };

    if (s < 0)
        return cli_usage("--state wants DEAD, RETRIED or DISCARDED");
    wish.state = (DeadState)s;
    return deadletter_list(&w->cx, &wish, rows, n) ? EXIT_DONE : (Exit)app_fault(&w->cx);
}

static Exit list(Work *w)
{
    DeadLetter *rows;
    isize n;
    Buf b = buf_in(&w->app.mem, 1024);
    Exit code = read_list(w, &rows, &n);

    for (isize i = 0; code == EXIT_DONE && i < n; i++) {
        buf_fmt(&b, "%-8.*s ", STR_ARGS(rows[i].id));
        time_write(&b, rows[i].movedToDlqAt);
        buf_fmt(&b, " %-24.*s %jd tries: %.*s\n", STR_ARGS(rows[i].type),
                (intmax_t)rows[i].attempts, STR_ARGS(rows[i].lastError));
    }
    cli_print(&b);
    return code;
}

static Exit show(Work *w)
{
    DeadLetter d;
    Buf b = buf_in(&w->app.mem, 1024);

    if (!deadletter_get(&w->cx, w->id, &d))
        return (Exit)app_fault(&w->cx);
    shape_write(&b, &deadletter_shape, &d);
    buf_byte(&b, '\n');
    cli_print(&b);
    return EXIT_DONE;
}

static Exit settle(Work *w, bool (*act)(Ctx *, i64, DeadLetter *))
{
    DeadLetter d;

    if (!act(&w->cx, w->id, &d))
        return (Exit)app_fault(&w->cx);
    printf("%.*s is %s now\n", STR_ARGS(d.id), dead_state_names.at[d.state]);
    return EXIT_DONE;
}

static Exit retry(Work *w)   { return settle(w, deadletter_retry); }
static Exit discard(Work *w) { return settle(w, deadletter_discard); }

static const struct { const char *name; int words; Exit (*run)(Work *w); } verbs[] = {
    { "list", 1, list }, { "show", 2, show }, { "retry", 2, retry }, { "discard", 2, discard },
};

static Exit run_verb(Args *a, isize v)
{
    Work w = { .a = a };
    Str tenant = args_value(a, "--tenant");
    TenantId id = TENANT_DEFAULT;

    if (a->word_count != verbs[v].words)
        return cli_usage("deadletters %s: %s", verbs[v].name,
                         verbs[v].words == 1 ? "takes no id" : "say which one, by its id");
    if (verbs[v].words == 2 && (!str_int(str_of(a->words[1]), &w.id) || w.id < 1))
        return cli_usage("deadletters: ids are numbers");
    if (tenant.at != NULL && (!uuid_read(tenant, &id.v) || uuid_zero(id.v)))
        return cli_usage("--tenant wants a UUID");
    if (!app_config(&w.app, a))
        return EXIT_FAILED;
    w.cx = app_ctx(&w.app, id);
    Exit code = app_migrate(&w.app) && app_open(&w.app, ENGINES_STORE) ? verbs[v].run(&w)
                                                                     : EXIT_FAILED;
    app_close(&w.app);
    return code;
}

static Exit run(Args *a)
{
    for (isize v = 0; v < countof(verbs); v++)
        if (strcmp(a->words[0], verbs[v].name) == 0)
            return run_verb(a, v);
    return cli_usage("deadletters: there is no \"%s\"; it is list, show, retry or discard",
                     a->words[0]);
}

const Command command_deadletters = {
    .name = "deadletters", .usage = "list | show ID | retry ID | discard ID [OPTIONS]",
    .says = "what the bus refused: look, tell anew, or let go",
    .help = "A message that the bus will not take, such as one larger than NATS allows, stands\n"
            "aside so that those behind it go on. Mend the cause, then retry: it is told anew.\n\n"
            "  tickettoken deadletters list\n"
            "  tickettoken deadletters show 4711\n"
            "  tickettoken deadletters retry 4711",
    .options = options, .option_count = countof(options),
    .words_least = 1, .words_most = 2, .run = run,
};
