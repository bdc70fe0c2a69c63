/* keys.c - the signing keys: which there are, and changing them. */
#include "cli/app.h"
#include "cli/cli.h"
#include "identity/key.h"
#include <stdio.h>
#include <string.h>

static const Option options[] = {
    { "--at-once", NULL, NULL, "rotate although verifiers may not know the next key yet" },
    OPTION_DATA, OPTION_SET,
};

static Exit list(App *app)
{
    Ctx cx = app_ctx(app, TENANT_DEFAULT);
    KeyRow *rows;
    isize n;
    Buf b = buf_in(&app->mem, 1024);

    key_list(&cx, &rows, &n);
    for (isize i = 0; i < n; i++) {
        buf_fmt(&b, "%-9s %.*s ", key_state_names.at[rows[i].state], STR_ARGS(rows[i].kid));
        time_write(&b, rows[i].changedAt);
        buf_byte(&b, '\n');
    }
    cli_print(&b);
    return EXIT_DONE;
}

static Exit rotate(App *app, KeyHaste haste)
{
    Ctx cx = app_ctx(app, TENANT_DEFAULT);

    return key_rotate(&cx, haste) ? list(app) : (Exit)app_fault(&cx);
}

static Exit jwks(App *app)
{
    printf("%.*s\n", STR_ARGS(key_jwks(&app->mem)));
    return EXIT_DONE;
}

static Exit run(Args *a)
{
    App app = { 0 };
    const char *verb = a->word_count > 0 ? a->words[0] : "list";
    KeyHaste haste = args_value(a, "--at-once").at != NULL ? KEY_AT_ONCE : KEY_STAGED;
    Exit code = EXIT_FAILED;

    if (strcmp(verb, "list") != 0 && strcmp(verb, "rotate") != 0 && strcmp(verb, "jwks") != 0)
        return cli_usage("keys: there is no \"%s\"; it is list, rotate or jwks", verb);
    if (!app_config(&app, a))
        return EXIT_FAILED;
    if (app_migrate(&app) && app_open(&app, ENGINES_PEOPLE))
        code = strcmp(verb, "rotate") == 0 ? rotate(&app, haste)
             : strcmp(verb, "jwks") == 0 ? jwks(&app) : list(&app);
    app_close(&app);
    return code;
}

const Command command_keys = {
    .name = "keys", .usage = "[list | rotate | jwks] [--at-once]",
    .says = "list or rotate the keys that sign tokens",
    .help = "A key is published as `next` before it signs (`active`), and verifies on as\n"
            "`retiring` until what it signed has expired. A running server notices a rotation.\n"
            "--at-once is for a key that was stolen: our nodes know the next key after three seconds,\n"
            "but who keeps our JWKS elsewhere may refuse tokens for five minutes.\n\n"
            "  tickettoken keys\n"
            "  tickettoken keys rotate\n"
            "  tickettoken keys jwks | jq .",
    .options = options, .option_count = countof(options), .words_most = 1, .run = run,
};
