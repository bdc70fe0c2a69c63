/* verb.c - what was typed wrongly is said before anything is opened. */
#include "cli/verb.h"
#include <string.h>
#include <unistd.h>

static const Verb *find_verb(const Command *c, const Args *a)
{
    const Verbs *v = c->verbs;

    if (a->word_count == 0)
        return &v->at[0];
    for (isize i = 0; i < v->count; i++)
        if (strcmp(v->at[i].name, a->words[0]) == 0)
            return &v->at[i];
    return NULL;
}

static Exit unknown(const Command *c, const Args *a)
{
    Buf names = buf_in(a->mem, 64);

    for (isize i = 0; i < c->verbs->count; i++)
        buf_fmt(&names, "%s%s", i == 0 ? "" : i + 1 < c->verbs->count ? ", " : " or ",
                c->verbs->at[i].name);
    return cli_usage("%s: there is no \"%s\"; it is %.*s", c->name, a->words[0],
                     STR_ARGS(buf_str(&names)));
}

static Exit check_words(const Command *c, const Verb *v, const Args *a)
{
    if (v->wants != NULL && a->word_count < 2)
        return cli_usage("%s %s: say which one, by its %s", c->name, v->name, v->wants);
    if (v->wants == NULL && a->word_count > 1)
        return cli_usage("%s %s: what is \"%s\"?", c->name, v->name, a->words[1]);
    return EXIT_DONE;
}

/* A folder that was misspelt would be begun, and have none of what is looked for. */
static Exit check_folder(const Command *c, const Verb *v, const Args *a)
{
    for (isize i = 0; v->looks && i < a->given_count; i++) {
        const char *folder = str_z(a->mem, a->given[i].value);
        if (strcmp(a->given[i].name, "DATA_DIR") == 0 && access(folder, F_OK) != 0)
            return cli_failed("%s: there is no folder %s; `tickettoken serve --data %s`"
                              " begins one", c->name, folder, folder);
    }
    return EXIT_DONE;
}

static Exit read_tenant(const Args *a, TenantId *out)
{
    Str text = { 0 };

    for (isize i = 0; i < a->option_count; i++)
        if (strcmp(a->options[i].name, "--tenant") == 0)
            text = a->values[i];
    *out = TENANT_DEFAULT;
    if (text.at != NULL && (!uuid_read(text, &out->v) || uuid_zero(out->v)))
        return cli_usage("--tenant wants a UUID");
    return EXIT_DONE;
}

Exit verb_run(const Command *c, Args *a)
{
    const Verb *v = find_verb(c, a);
    TenantId tenant;
    App app = { 0 };

    if (v == NULL)
        return unknown(c, a);
    Exit code = check_words(c, v, a);
    if (code == EXIT_DONE)
        code = read_tenant(a, &tenant);
    if (code == EXIT_DONE)
        code = check_folder(c, v, a);
    if (code != EXIT_DONE)
        return code;
    if (!app_config(&app, a))
        return EXIT_FAILED;
    code = EXIT_FAILED;
    if (app_migrate(&app) && app_open(&app, c->verbs->engines))
        code = v->run(&(Work){ a, app_ctx(&app, tenant),
                               v->wants != NULL ? str_of(a->words[1])
                                                : (Str){ 0 } });
    app_close(&app);
    return code;
}
