/* user.c - people, from the operator's side. Works while a server runs: it writes the
 * same database, and a running server reads people from there at every sign-in. */
#include "base/file.h"
#include "cli/verb.h"
#include "identity/login.h"
#include "identity/tenant.h"
#include <stdio.h>
#include <string.h>

enum { PASSWORD_MOST = 1024, LIST_MOST = 1000 };

static const Option options[] = {
    { "--email", "E", NULL, "who" },
    { "--role", "R", NULL, "customer, venue_manager, admin or super-admin" },
    { "--password-stdin", NULL, NULL, "read the password from stdin (add)" },
    { "--hash-stdin", NULL, NULL,
      "read a bcrypt or Argon2id hash of another system in its place" },
    { "--tenant", "ID", NULL,
      "of which tenant (default the first); add makes a new one" },
    OPTION_DATA, OPTION_SET,
};

static Exit read_email(Work *w, Str *out)
{
    *out = args_value(w->a, "--email");
    return out->len > 0 ? EXIT_DONE
                        : cli_usage("user %s: say who with --email", w->a->words[0]);
}

/* Words of people ("venue-manager") are taken for those of the table. */
static Exit read_role(Work *w, Role *out)
{
    Str text = args_value(w->a, "--role");

    for (int r = CUSTOMER; text.at != NULL && r < ROLE_COUNT; r++) {
        Str name = names_str(&role_names, r);
        bool same = name.len == text.len;
        for (isize i = 0; same && i < name.len; i++)
            same = name.at[i] == text.at[i] ||
                   (strchr("-_", name.at[i]) != NULL && strchr("-_", text.at[i]) != NULL);
        if (same) {
            *out = (Role)r;
            return EXIT_DONE;
        }
    }
    return cli_usage("--role wants one of customer, venue_manager, admin, super-admin");
}

static Exit read_password(Work *w, Str *out)
{
    if (args_value(w->a, "--password-stdin").at == NULL &&
        args_value(w->a, "--hash-stdin").at == NULL)
        return cli_usage("user add: give the password on stdin and say --password-stdin");
    if (!file_read_fd(w->cx.mem, 0, PASSWORD_MOST, out))
        return cli_failed("the password can't be read from stdin");
    Str line = str_cut(out, '\n');
    *out = str_ends(line, S("\r")) ? str_sub(line, 0, line.len - 1) : line;
    return out->len > 0 ? EXIT_DONE : cli_usage("stdin held no password");
}

static Exit add(Work *w)
{
    Role role;
    Str email, password;
    Person p;
    Exit code = read_email(w, &email);

    if (code == EXIT_DONE)
        code = read_role(w, &role);
    if (code == EXIT_DONE)
        code = read_password(w, &password);
    if (code != EXIT_DONE)
        return code;
    bool hashed = args_value(w->a, "--hash-stdin").at != NULL;
    if (!tenant_ensure(&w->cx) ||
        !(hashed ? account_take_over : account_add)(&w->cx, email, password, role, &p))
        return (Exit)app_fault(&w->cx);
    printf("%.*s %.*s %s\n", STR_ARGS(uuid_str(w->cx.mem, p.id.v)), STR_ARGS(p.email),
           role_names.at[p.role]);
    return EXIT_DONE;
}

static Exit find(Work *w, Person *p)
{
    bool found;
    Str email;

    if (read_email(w, &email) != EXIT_DONE)
        return EXIT_USAGE;
    if (!person_look_email(&w->cx, email, p, &found))
        return (Exit)app_fault(&w->cx);
    return found ? EXIT_DONE
                 : cli_failed("nobody here has the email %.*s", STR_ARGS(email));
}

static Exit token(Work *w)
{
    Person p;
    Str t;
    Exit code = find(w, &p);

    if (code != EXIT_DONE)
        return code;
    person_token(&w->cx, p.id, (Role)p.role, &t);
    printf("%.*s\n", STR_ARGS(t));
    return EXIT_DONE;
}

static Exit set_role(Work *w)
{
    Person p;
    Role role;
    Exit code = read_role(w, &role);

    if (code == EXIT_DONE)
        code = find(w, &p);
    if (code != EXIT_DONE)
        return code;
    if (!person_set_role(&w->cx, p.id, role))
        return (Exit)app_fault(&w->cx);
    printf("%.*s is %s now; tokens of the old role are void within a second\n",
           STR_ARGS(p.email), role_names.at[role]);
    return EXIT_DONE;
}

static Exit list(Work *w)
{
    Person *rows;
    isize n;

    if (!person_list(&w->cx, LIST_MOST, &rows, &n))
        return (Exit)app_fault(&w->cx);
    for (isize i = 0; i < n; i++)
        printf("%.*s %-14s %-9s %.*s\n", STR_ARGS(uuid_str(w->cx.mem, rows[i].id.v)),
               role_names.at[rows[i].role], person_status_names.at[rows[i].status],
               STR_ARGS(rows[i].email));
    return EXIT_DONE;
}

static const Verb verbs[] = {
    { "add", NULL, add, false }, { "list", NULL, list, true },
    { "role", NULL, set_role, true }, { "token", NULL, token, true },
};

const Command command_user = {
    .name = "user", .usage = "add | list | role | token [OPTIONS]",
    .says = "add people, list them, change a role, print a token",
    .help =
        "Works on a stopped and on a running installation. A tenant that is not there yet is\n"
        "made by `add`. A token is an access token and lives 15 minutes.\n\n"
        "  echo 'Correct-Horse-7-Battery' |\n"
        "    tickettoken user add --email ann@example.com --role admin --password-stdin\n"
        "  tickettoken user list\n"
        "  tickettoken user role --email ann@example.com --role customer\n"
        "  curl -H \"Authorization: Bearer $(tickettoken user token --email ann@example.com)\" \\\n"
        "    http://127.0.0.1:8080/auth/me",
    .options = options, .option_count = countof(options),
    .words_least = 1, .words_most = 1,
    .verbs = &(const Verbs){ verbs, countof(verbs), ENGINES_PEOPLE },
};
