/* demo.c - an installation with something to look at. It speaks the product's own API,
 * in this process, so what it shows is what anybody can do.
 *
 * demo.json in the data directory keeps the logins; they are made for this directory
 * and are nowhere else. */
#include "base/file.h"
#include "base/log.h"
#include "base/rand.h"
#include "cli/app.h"
#include "cli/cli.h"
#include "cli/running.h"
#include "identity/login.h"
#include "web/serve.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { DEMO_MOST = 4096 };

static const Option options[] = { OPTION_DATA, OPTION_SET };

typedef struct Demo {
    App  app;
    Str  path, organiser_password, buyer_password;
    Str  event, type;                             /* ids                      */
    Str  token;
} Demo;

#define ORGANISER_EMAIL S("admin@demo.local")
#define BUYER_EMAIL     S("buyer@demo.local")

/* 18 random letters and one of each class that the policy asks for. */
static Str new_password(Arena *mem)
{
    u8 bytes[12];

    rand_bytes(bytes, sizeof bytes);
    Str s = base64url_write(mem, bytes, sizeof bytes);
    char *at = (char *)(uintptr_t)s.at;
    for (isize i = 1; i < s.len; i++)             /* no letter thrice in a row */
        if (at[i] == at[i - 1])
            at[i] = at[i] == 'x' ? 'y' : 'x';
    return str_fmt(mem, "Tt7-%.*s", STR_ARGS(s));
}

/* ---- making it through the API ----------------------------------------------------- */

static bool post(Demo *d, const char *path, Str body, const Json **answer)
{
    Ctx cx = app_ctx(&d->app, TENANT_DEFAULT);
    Header bearer = { S("Authorization"),
                      str_fmt(&d->app.mem, "Bearer %.*s", STR_ARGS(d->token)) };
    SelfCall call = { M_POST, str_of(path), &bearer, 1, body };
    int status;
    Str text, why;

    serve_self(&cx, &call, &status, &text);
    if (status >= 300) {
        cli_failed("demo: POST %s gave %d: %.*s", path, status, STR_ARGS(text));
        return false;
    }
    *answer = json_read(&d->app.mem, text, &why);
    return *answer != NULL;
}

static bool id_of(const Json *answer, const char *thing, Str *out)
{
    const Json *j = json_member(answer, thing);
    return j != NULL && json_get_str(j, "id", out);
}

static bool make_event(Demo *d)
{
    Arena *mem = &d->app.mem;
    Instant now = time_now();
    Buf body = buf_in(mem, 512);
    const Json *answer;
    Str venue;

    if (!post(d, "/api/v1/venues",
              S("{\"name\":\"Rote Fabrik\",\"timezone\":\"Europe/Zurich\","
                "\"capacity\":1200,\"country\":\"CH\",\"city\":\"Z\xC3\xBCrich\"}"),
              &answer) ||
        !id_of(answer, "venue", &venue))
        return false;
    buf_fmt(&body, "{\"name\":\"Night of the Long Strings\",\"venueId\":\"%.*s\","
            "\"description\":"
            "\"A demo concert: buy a ticket, nobody will charge you.\",\"startsAt\":\"",
            STR_ARGS(venue));
    time_write(&body, later(now, days(30)));
    buf_lit(&body, "\",\"endsAt\":\"");
    time_write(&body, later(now, hours(30 * 24 + 4)));
    buf_lit(&body, "\"}");
    return post(d, "/api/v1/events", buf_str(&body), &answer) &&
           id_of(answer, "event", &d->event);
}

static bool make_type(Demo *d, const char *name, int cents, int quantity, Str *id)
{
    const Json *answer;
    Str body = str_fmt(&d->app.mem,
                       "{\"eventId\":\"%.*s\",\"name\":\"%s\",\"priceCents\":%d,"
                       "\"currency\":\"CHF\",\"quantity\":%d,\"maxPerPurchase\":8}",
                       STR_ARGS(d->event), name, cents, quantity);

    return post(d, "/api/v1/tickets/types", body, &answer) &&
           id_of(answer, "ticketType", id);
}

static bool move(Demo *d, const char *action)
{
    const Json *answer;
    const char *path = str_fmt(&d->app.mem, "/api/v1/events/%.*s/transitions",
                               STR_ARGS(d->event)).at;

    return post(d, path, str_fmt(&d->app.mem, "{\"action\":\"%s\"}", action), &answer);
}

/* Somebody of this email may be there already, when a demo broke off half way. */
static bool make_person(Demo *d, Str email, Role role, Str password, UserId *id)
{
    Ctx cx = app_ctx(&d->app, TENANT_DEFAULT);
    Person p;
    bool found;

    if (!person_look_email(&cx, email, &p, &found) ||
        (!found && !account_add(&cx, email, password, role, &p))) {
        app_fault(&cx);
        return false;
    }
    *id = p.id;
    return true;
}

static bool make_people(Demo *d)
{
    Ctx cx = app_ctx(&d->app, TENANT_DEFAULT);
    UserId organiser, buyer;

    if (!make_person(d, ORGANISER_EMAIL, ADMIN, d->organiser_password, &organiser) ||
        !make_person(d, BUYER_EMAIL, CUSTOMER, d->buyer_password, &buyer))
        return false;
    person_token(&cx, organiser, ADMIN, &d->token);
    return true;
}

/* The logins are kept before anybody has them: without them nothing could be mended. */
static bool keep(Demo *d)
{
    Str text = str_fmt(&d->app.mem,
        "{\n  \"organiser\": { \"email\": \"%.*s\", \"password\": \"%.*s\" },\n"
        "  \"buyer\": { \"email\": \"%.*s\", \"password\": \"%.*s\" },\n"
        "  \"eventId\": \"%.*s\",\n  \"ticketTypeId\": \"%.*s\"\n}\n",
        STR_ARGS(ORGANISER_EMAIL), STR_ARGS(d->organiser_password), STR_ARGS(BUYER_EMAIL),
        STR_ARGS(d->buyer_password), STR_ARGS(d->event), STR_ARGS(d->type));

    if (file_write_private(&d->app.mem, d->path, text))
        return true;
    cli_failed("%.*s: %s", STR_ARGS(d->path), strerror(errno));
    return false;
}

static bool make_demo(Demo *d)
{
    Str second;

    return keep(d) && make_people(d) && make_event(d) &&
           make_type(d, "Standing", 4200, 1000, &d->type) &&
           make_type(d, "Balcony", 6800, 200, &second) &&
           move(d, "PUBLISH") && move(d, "START_SALES") && keep(d);
}

/* ---- showing it -------------------------------------------------------------------- */

static bool password_in(const Json *j, const char *who, Str *out)
{
    const Json *one = json_member(j, who);
    return one != NULL && json_get_str(one, "password", out);
}

/* Absent: there is no demo here yet. */
static bool read_kept(Demo *d, bool *found)
{
    Str text, why = { 0 };

    *found = file_read(&d->app.mem, d->path, DEMO_MOST, &text);
    if (!*found)
        return true;
    const Json *j = json_read(&d->app.mem, text, &why);
    if (j != NULL && password_in(j, "organiser", &d->organiser_password) &&
        password_in(j, "buyer", &d->buyer_password) &&
        json_get_str(j, "eventId", &d->event) &&
        json_get_str(j, "ticketTypeId", &d->type))
        return true;
    cli_failed("%.*s can't be read: %.*s", STR_ARGS(d->path), STR_ARGS(why));
    return false;
}

static void print_lines(Demo *d, Str url)
{
    printf("Three lines to try:\n");
    const char *login = str_fmt(&d->app.mem,
        "curl -s %.*s/auth/login -H 'Content-Type: application/json'"
        " -d '{\"email\":\"%.*s\",\"password\":\"%.*s\"}'", STR_ARGS(url),
        STR_ARGS(BUYER_EMAIL), STR_ARGS(d->buyer_password)).at;
    printf("  curl -s %.*s/api/v1/tickets/events/%.*s/types\n  %s\n", STR_ARGS(url),
           STR_ARGS(d->event), login);
    printf("  curl -s %.*s/api/v1/tickets/purchase -H \"Authorization: Bearer $(%s |"
           " sed 's/.*\"accessToken\":\"\\([^\"]*\\)\".*/\\1/')\""
           " -H 'Content-Type: application/json' -d '{\"eventId\":\"%.*s\",\"tickets\":"
           "[{\"ticketTypeId\":\"%.*s\",\"quantity\":2}]}'\n\n", STR_ARGS(url), login,
           STR_ARGS(d->event), STR_ARGS(d->type));
}

static void print_demo(Demo *d)
{
    Str url = running_find(&d->app.mem, &d->app.config);

    if (url.len == 0)
        url = app_public_url(&d->app);
    printf("Demo logins, made for this data directory (%.*s):\n"
           "  organiser  %.*s  %.*s\n  buyer      %.*s  %.*s\n\n",
           STR_ARGS(d->path), STR_ARGS(ORGANISER_EMAIL), STR_ARGS(d->organiser_password),
           STR_ARGS(BUYER_EMAIL), STR_ARGS(d->buyer_password));
    if (url.len > 0)
        print_lines(d, url);
    else                                          /* PORT=0, and nobody serves yet */
        printf("Once it serves, `tickettoken demo` has three lines to try.\n\n");
}

static Exit show_or_make(Demo *d)
{
    ServeConfig sc = { .cors_origins = S("") };
    bool found, good = true;

    if (!read_kept(d, &found))
        return EXIT_FAILED;
    if (!found) {
        d->organiser_password = new_password(&d->app.mem);
        d->buyer_password = new_password(&d->app.mem);
    }
    if (d->event.len == 0) {
        serve_open(&d->app.mem, &sc, false);
        good = make_demo(d);
        serve_close();
    }
    if (good)
        print_demo(d);
    return good ? EXIT_DONE : EXIT_FAILED;
}

static Exit run(Args *a)
{
    Demo d = { 0 };
    Exit code = EXIT_FAILED;

    if (!app_config(&d.app, a))
        return EXIT_FAILED;
    if (d.app.config.log_level == LEVEL_AUTO)
        log_setup(LOG_WARN, false, 2);            /* its own requests are no news */
    d.path = str_fmt(&d.app.mem, "%.*s/demo.json", STR_ARGS(d.app.config.data_dir));
    if (d.app.config.environment == ENV_PRODUCTION)
        cli_failed("demo data is not made in production");
    else if (app_migrate(&d.app) && app_open(&d.app, ENGINES_ALL))
        code = show_or_make(&d);
    app_close(&d.app);
    return code;
}

const Command command_demo = {
    .name = "demo", .usage = "[--data DIR]",
    .says = "make an event on sale to play with, and print the logins",
    .help = "Makes, once: an organiser and a buyer with random passwords (kept in\n"
            "DATA_DIR/demo.json, mode 0600), a venue, and an event on sale with two ticket types.\n"
            "Run again, it prints the same. Refused in production.\n\n"
            "  tickettoken demo --data ./data",
    .options = options, .option_count = countof(options), .run = run,
};
