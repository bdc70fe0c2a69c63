/* keys.c - the signing keys: which there are, and changing them. */
#include "cli/verb.h"
#include "identity/key.h"
#include <stdio.h>

static const Option options[] = {
    { "--at-once", NULL, NULL,
      "rotate although verifiers may not know the next key yet" },
    OPTION_DATA, OPTION_SET,
};

static Exit list(Work *w)
{
    KeyRow *rows;
    isize n;
    Buf b = buf_in(w->cx.mem, 1024);

    key_list(&w->cx, &rows, &n);
    for (isize i = 0; i < n; i++) {
        buf_fmt(&b, "%-9s %.*s ", key_state_names.at[rows[i].state],
                STR_ARGS(rows[i].kid));
        time_write(&b, rows[i].changedAt);
        buf_byte(&b, '\n');
    }
    cli_print(&b);
    return EXIT_DONE;
}

static Exit rotate(Work *w)
{
    KeyHaste haste = args_value(w->a, "--at-once").at != NULL ? KEY_AT_ONCE : KEY_STAGED;

    return key_rotate(&w->cx, haste) ? list(w) : (Exit)app_fault(&w->cx);
}

static Exit jwks(Work *w)
{
    printf("%.*s\n", STR_ARGS(key_jwks(w->cx.mem)));
    return EXIT_DONE;
}

static const Verb verbs[] = {
    { "list", NULL, list, false }, { "rotate", NULL, rotate, false },
    { "jwks", NULL, jwks, false },
};

const Command command_keys = {
    .name = "keys", .usage = "[list | rotate | jwks] [--at-once]",
    .says = "list or rotate the keys that sign tokens",
    .help =
        "A key is published as `next` before it signs (`active`), and verifies on as\n"
        "`retiring` until what it signed has expired. A running server notices a rotation.\n"
        "--at-once is for a key that was stolen: our nodes know the next key after three seconds,\n"
        "but who keeps our JWKS elsewhere may refuse tokens for five minutes.\n\n"
        "  tickettoken keys\n"
        "  tickettoken keys rotate\n"
        "  tickettoken keys jwks | jq .",
    .options = options, .option_count = countof(options), .words_most = 1,
    .verbs = &(const Verbs){ verbs, countof(verbs), ENGINES_PEOPLE },
};
