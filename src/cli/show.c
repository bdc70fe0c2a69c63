/* show.c - the commands that only tell: config, routes, openapi. */
#include "cli/app.h"
#include "cli/cli.h"
#include "cli/named.h"
#include "web/openapi.h"
#include "web/routes.h"

static const Option config_options[] = {
    { "--example", NULL, NULL, "print an example .env" },
    { "--manual", NULL, NULL, "print docs/configuration.md" },
    { "--sources", NULL, NULL, "say from where each setting came, not what it is" },
    { "--check", NULL, NULL, "only say whether a start could use them" },
    OPTION_DATA, OPTION_SET,
};

static Exit check_named(Args *a, const Config *c, Buf *b)
{
    Exit end = EXIT_DONE;

    for (isize i = 0; i < named_count; i++) {
        Str detail = { 0 };
        if (!named_settings[i].reads(a->mem, c, &detail))
            end = cli_failed("%s: %.*s", named_settings[i].what, STR_ARGS(detail));
    }
    if (end == EXIT_DONE)
        buf_lit(b, "all settings can be used\n");
    return end;
}

static Exit run_config(Args *a)
{
    Buf b = buf_in(a->mem, 16384);
    App app = { 0 };
    Exit end = EXIT_DONE;

    if (args_value(a, "--example").at != NULL)
        config_print_example(&b);
    else if (args_value(a, "--manual").at != NULL)
        config_print_manual(&b);
    else {
        if (!app_config(&app, a))
            return EXIT_FAILED;
        if (args_value(a, "--check").at != NULL)
            end = check_named(a, &app.config, &b);
        else if (args_value(a, "--sources").at != NULL)
            config_print_sources(&b, &app.config);
        else
            config_print(&b, &app.config);
        app_close(&app);
    }
    cli_print(&b);
    return end;
}

const Command command_config = {
    .name = "config", .usage = "[--example | --manual | --sources | --check]",
    .says = "show the settings as they are, secrets masked",
    .help =
        "Settings come from the command line, the environment, files (NAME_FILE), .env, a folder\n"
        "(SECRETS_DIR), Vault and AWS Secrets Manager, in this order. All mistakes are reported\n"
        "at once.\n\n"
        "  tickettoken config                   what is in force here\n"
        "  tickettoken config --example > .env  a file to start from\n"
        "  PORT=9000 tickettoken config         what if\n"
        "  tickettoken config --sources         from where each came\n"
        "  tickettoken config --check           before a start or a reload: exit code 1 names what\n"
        "                                       is wrong, also in files that settings name",
    .options = config_options, .option_count = countof(config_options), .run = run_config,
};

/* ---- routes ------------------------------------------------------------------- */

static const Option routes_options[] = {
    { "--json", NULL, NULL, "as JSON, one object a route" },
    { "--test-clock", NULL, NULL, "with those that only CLOCK=test has" },
};

static void put_text_route(Arena *mem, Buf *b, const Route *r)
{
    Str scope = route_scope_str(mem, r);

    buf_fmt(b, "%-7s %-48s %-11.*s %-13.*s %s\n", method_names.at[r->method], r->path,
            STR_ARGS(route_access_str(r)), STR_ARGS(scope.len > 0 ? scope : S("-")),
            r->says);
}

static void put_json_route(Arena *mem, Buf *b, const Route *r, bool first)
{
    buf_add(b, first ? S("\n{") : S(",\n{"));
    json_put_text(b, "method", str_of(method_names.at[r->method]));
    json_put_text(b, "path", str_of(r->path));
    json_put_text(b, "access", route_access_str(r));
    json_put_text(b, "scope", route_scope_str(mem, r));
    json_put_int(b, "status", r->status);
    json_put_name(b, "once");
    buf_add(b, (r->is & ONCE) != 0 ? S("true") : S("false"));
    json_put_name(b, "page");
    buf_add(b, (r->is & PAGE) != 0 ? S("true") : S("false"));
    json_put_text(b, "tag", str_of(r->tag));
    json_put_text(b, "says", str_of(r->says));
    buf_byte(b, '}');
}

static Exit run_routes(Args *a)
{
    isize n;
    bool json = args_value(a, "--json").at != NULL;
    const Route *r = routes_table(a->mem, args_value(a, "--test-clock").at != NULL, &n);
    Buf b = buf_in(a->mem, 16384);

    if (json)
        buf_byte(&b, '[');
    for (isize i = 0; i < n; i++)
        if (json)
            put_json_route(a->mem, &b, &r[i], i == 0);
        else
            put_text_route(a->mem, &b, &r[i]);
    if (json)
        buf_lit(&b, "\n]\n");
    cli_print(&b);
    return EXIT_DONE;
}

const Command command_routes = {
    .name = "routes", .usage = "[--json]", .says = "list what can be asked over HTTP",
    .help =
        "One line a route: method, path, who may, with which scope a machine may, what for.\n\n"
        "  tickettoken routes | grep refund\n"
        "  tickettoken routes --json | jq length",
    .options = routes_options, .option_count = countof(routes_options), .run = run_routes,
};

/* ---- openapi ------------------------------------------------------------------ */

static const Option openapi_options[] = {
    { "--server", "URL", NULL, "where the API lives (default /)" },
};

static Exit run_openapi(Args *a)
{
    isize n;
    const Route *r = routes_table(a->mem, false, &n);
    Str server = args_value(a, "--server");
    Buf b = buf_in(a->mem, 64 << 10);

    openapi_write(a->mem, &b, r, n, server.at != NULL ? server : S("/"));
    buf_byte(&b, '\n');
    cli_print(&b);
    return EXIT_DONE;
}

const Command command_openapi = {
    .name = "openapi", .usage = "[--server URL]",
    .says = "print the OpenAPI 3.1 document",
    .help = "The same document is served at /openapi.json.\n\n"
            "  tickettoken openapi --server https://tickets.example > openapi.json",
    .options = openapi_options, .option_count = countof(openapi_options),
    .run = run_openapi,
};
