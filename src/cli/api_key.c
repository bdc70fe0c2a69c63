/* api_key.c - the API keys of a tenant, from the operator's side: for an installation's
 * first programs, and for the night when a key was leaked and no admin can be reached. */
#include "access/api_key.h"
#include "cli/verb.h"
#include "identity/person.h"
#include <stdio.h>

static const Option options[] = {
    { "--as", "EMAIL", NULL, "the admin in whose name it acts (create)" },
    { "--name", "TEXT", NULL, "what it is for (create)" },
    { "--scopes", "WORDS", NULL, "such as events:write,tickets:write (create)" },
    { "--tenant", "ID", NULL, "of which tenant (default the first)" },
    OPTION_DATA, OPTION_SET,
};

static Exit list(Work *w)
{
    ApiKey *rows;
    isize n;
    Buf b = buf_in(w->cx.mem, 1024);

    if (!api_key_list(&w->cx, &rows, &n))
        return (Exit)app_fault(&w->cx);
    for (isize i = 0; i < n; i++)
        buf_fmt(&b, "%.*s %.*s... %.*s %.*s\n", STR_ARGS(uuid_str(w->cx.mem, rows[i].id)),
                STR_ARGS(rows[i].prefix), STR_ARGS(rows[i].scopes),
                STR_ARGS(rows[i].name));
    cli_print(&b);
    return EXIT_DONE;
}

static Exit read_scopes(Work *w, unsigned *out)
{
    Str left = args_value(w->a, "--scopes");

    for (*out = 0; left.len > 0;) {
        Str word = str_trim(str_cut(&left, ','));
        unsigned one = scope_find(word);
        if (one == 0 || one == MAY_ADMIN)
            return cli_usage("--scopes: %.*s is no scope of an API key", STR_ARGS(word));
        *out |= one;
    }
    return *out != 0 ? EXIT_DONE
                     : cli_usage("api-key create: say --scopes, such as events:write");
}

static Exit create(Work *w)
{
    Str name = args_value(w->a, "--name"), email = args_value(w->a, "--as"), secret;
    unsigned scopes;
    Person p;
    bool found;
    ApiKey key;
    Exit code = read_scopes(w, &scopes);

    if (code != EXIT_DONE)
        return code;
    if (name.len == 0 || name.len > 100 || email.len == 0)
        return cli_usage("api-key create: say --name and --as, an admin's email");
    if (!person_look_email(&w->cx, email, &p, &found))
        return (Exit)app_fault(&w->cx);
    if (!found)
        return cli_failed("nobody here has the email %.*s", STR_ARGS(email));
    w->cx.who = (Who){ .user = p.id, .role = (Role)p.role };
    if (!api_key_create(&w->cx, name, scopes, (Instant){ 0 }, &key, &secret))
        return (Exit)app_fault(&w->cx);
    printf("%.*s\n", STR_ARGS(secret));
    return EXIT_DONE;
}

static Exit revoke(Work *w)
{
    Uuid id;

    if (!uuid_read(w->word, &id))
        return cli_usage("api-key revoke: ids are UUIDs");
    if (!api_key_revoke(&w->cx, id))
        return (Exit)app_fault(&w->cx);
    printf("%s is refused everywhere within a second\n", w->a->words[1]);
    return EXIT_DONE;
}

static const Verb verbs[] = {
    { "list", NULL, list, true }, { "create", NULL, create, true },
    { "revoke", "id", revoke, true },
};

const Command command_api_key = {
    .name = "api-key",
    .usage = "[list | create --name TEXT --scopes WORDS --as EMAIL | revoke ID]",
    .says = "the API keys of a tenant's own programs",
    .help =
        "`create` prints the key, this once; only its hash is kept. It acts in the name of the\n"
        "admin it was made for, and ends when he is none any more.\n\n"
        "  tickettoken api-key create --name shop --scopes events:write --as boss@example.com\n"
        "  tickettoken api-key\n"
        "  tickettoken api-key revoke 019ab2c4-5d6e-7f80-9123-456789abcdef",
    .options = options, .option_count = countof(options), .words_most = 2,
    .verbs = &(const Verbs){ verbs, countof(verbs), ENGINES_PEOPLE },
};
