/* deadletters.c - what the bus refused, from the operator's side. Works while a server
 * runs: what is told anew is a row of the outbox, which its relay finds. */
#include "cli/verb.h"
#include "gateway/deadletter.h"
#include <stdio.h>

enum { LIST_MOST = 1000 };

static const Option options[] = {
    { "--tenant", "ID", NULL, "of which tenant (default the first)" },
    { "--state", "S", NULL, "list: DEAD (default), RETRIED or DISCARDED" },
    { "--type", "T", NULL, "list: only of this type" },
    OPTION_DATA, OPTION_SET,
};

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
    Buf b = buf_in(w->cx.mem, 1024);
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

static Exit read_id(Work *w, i64 *out)
{
    return str_int(w->word, out) && *out > 0 ? EXIT_DONE
                                             : cli_usage("deadletters: ids are numbers");
}

static Exit failed(const Work *w, i64 id)
{
    if (w->cx.fault.code == NOT_FOUND)
        return cli_failed("there is no dead letter %jd in this tenant", (intmax_t)id);
    return (Exit)app_fault(&w->cx);
}

static Exit show(Work *w)
{
    DeadLetter d;
    Buf b = buf_in(w->cx.mem, 1024);
    i64 id;

    if (read_id(w, &id) != EXIT_DONE)
        return EXIT_USAGE;
    if (!deadletter_get(&w->cx, id, &d))
        return failed(w, id);
    shape_write(&b, &deadletter_shape, &d);
    buf_byte(&b, '\n');
    cli_print(&b);
    return EXIT_DONE;
}

static Exit settle(Work *w, bool (*act)(Ctx *, i64, DeadLetter *))
{
    DeadLetter d;
    i64 id;

    if (read_id(w, &id) != EXIT_DONE)
        return EXIT_USAGE;
    if (!act(&w->cx, id, &d))
        return failed(w, id);
    printf("%.*s is %s now\n", STR_ARGS(d.id), dead_state_names.at[d.state]);
    return EXIT_DONE;
}

static Exit retry(Work *w)   { return settle(w, deadletter_retry); }
static Exit discard(Work *w) { return settle(w, deadletter_discard); }

static const Verb verbs[] = {
    { "list", NULL, list, true }, { "show", "id", show, true },
    { "retry", "id", retry, true }, { "discard", "id", discard, true },
};

const Command command_deadletters = {
    .name = "deadletters", .usage = "list | show ID | retry ID | discard ID [OPTIONS]",
    .says = "what the bus refused: look, tell anew, or let go",
    .help =
        "A message that the bus will not take, such as one larger than NATS allows, stands\n"
        "aside so that those behind it go on. Mend the cause, then retry: it is told anew.\n\n"
        "  tickettoken deadletters list\n"
        "  tickettoken deadletters show 4711\n"
        "  tickettoken deadletters retry 4711",
    .options = options, .option_count = countof(options),
    .words_least = 1, .words_most = 2,
    .verbs = &(const Verbs){ verbs, countof(verbs), ENGINES_STORE },
};
