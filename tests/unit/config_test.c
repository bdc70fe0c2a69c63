/* config_test.c - the settings, their mistakes, and the secrets made once. */
#include "unit/test.h"
#include "base/config.h"
#include "cli/reload.h"
#include "base/file.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Read { bool good; Config c; Str mistakes, made; } Read;

/* What was read is wiped when the next test begins, and after the last. */
static Config read_before[8];
static int reads;

static void forget(void)
{
    while (reads > 0)
        config_wipe(&read_before[--reads]);
}

/* Every test reads in a folder of its own, without a setting from outside. */
static void in_folder(const char *name)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);

    for (isize i = 0; i < n; i++)
        if (f[i].name != NULL)
            unsetenv(f[i].name);
    forget();
    const char *path = temp_path(name);
    must(folder_make(mem, str_of(path)) && chdir(path) == 0);
}

static Read reading(const ConfigGiven *given, isize n)
{
    Buf mistakes = buf_in(mem, 256), made = buf_in(mem, 256);
    Read r = { 0 };

    r.good = config_read(mem, given, n, &r.c, &mistakes, &made);
    must(reads < 8);
    read_before[reads++] = r.c;
    r.mistakes = buf_str(&mistakes);
    r.made = buf_str(&made);
    return r;
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    must(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}


static Str origin(const Read *r, const char *name)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);

    for (isize i = 0; i < n; i++)
        if (f[i].name != NULL && strcmp(f[i].name, name) == 0)
            return r->c.from[i];
    return (Str){ 0 };
}

static void give_secrets(void)
{
    setenv("QR_ENCRYPTION_KEY", "0123456789012345678901234567890123456789", 1);
    setenv("INTERNAL_SERVICE_SECRET", "1123456789012345678901234567890123456789", 1);
    setenv("INTERNAL_WEBHOOK_SECRET", "2123456789012345678901234567890123456789", 1);
}

TEST(nothing_given_means_the_defaults)
{
    in_folder("defaults");
    Read r = reading(NULL, 0);
    must(r.good && r.mistakes.len == 0);
    must(r.c.port == 8080 && str_is(r.c.host, S("127.0.0.1")));
    must(r.c.environment == ENV_DEVELOPMENT && r.c.clock == CLOCK_SYSTEM);
    must(r.c.access_lasts.ms == 15 * 60000 && r.c.refresh_lasts.ms == 7 * 86400000);
    must(str_is(r.c.database_url, S("sqlite:./data/tickettoken.db")));
    must(str_is(r.c.mail_url, S("folder:./data/mail")));
}

TEST(the_command_line_wins_over_the_environment_and_that_over_the_file)
{
    in_folder("order");
    write_text(".env", "PORT=1001\nHOST=file.example\nWORKERS=7\n");
    setenv("PORT", "1002", 1);
    setenv("HOST", "env.example", 1);
    Read r = reading((ConfigGiven[]){ { "PORT", S("1003") } }, 1);
    must(r.good && r.c.port == 1003 && r.c.workers == 7);
    must(str_is(r.c.host, S("env.example")));
}

TEST(an_empty_value_counts_as_none)
{
    in_folder("empty");
    setenv("PORT", "", 1);
    must(reading(NULL, 0).c.port == 8080);
}

TEST(a_dot_env_file_may_quote_and_comment)
{
    in_folder("quotes");
    write_text(".env", "# a comment\n\nexport PORT = 99 # inline\r\n"
               "JWT_ISSUER=\"a # b\"\nJWT_AUDIENCE='it is'\nMAIL_FROM=a#b@example.com\n");
    Read r = reading(NULL, 0);
    must(r.good && r.c.port == 99);
    must(str_is(r.c.jwt_issuer, S("a # b")) && str_is(r.c.jwt_audience, S("it is")));
    must(str_is(r.c.mail_from, S("a#b@example.com")));
}

TEST(all_mistakes_are_told_at_once)
{
    in_folder("mistakes");
    write_text(".env", "this is no setting\n");
    setenv("PORT", "65536", 1);
    setenv("NODE_ENV", "prod", 1);
    setenv("WORKERS", "12x", 1);
    setenv("RESERVATION_TIMEOUT", "soon", 1);
    setenv("CORS_ORIGINS", "https://a.example, *", 1);
    setenv("TLS_CERT_FILE", "/x", 1);
    Read r = reading(NULL, 0);
    must(!r.good);
    must(str_has(r.mistakes, S(".env line 1")) && str_has(r.mistakes, S("PORT: must be 0 to")));
    must(str_has(r.mistakes, S("NODE_ENV: must be one of: development production")));
    must(str_has(r.mistakes, S("WORKERS:")) && str_has(r.mistakes, S("RESERVATION_TIMEOUT:")));
    must(str_has(r.mistakes, S("CORS_ORIGINS: \"*\"")) && str_has(r.mistakes, S("TLS_KEY_FILE")));
}

TEST(missing_secrets_are_made_once_and_kept)
{
    in_folder("secrets");
    Read one = reading(NULL, 0), two = reading(NULL, 0);
    struct stat st;

    must(one.good && two.good && two.made.len == 0);
    must(str_has(one.made, S("QR_ENCRYPTION_KEY")) &&
         str_has(one.made, S("INTERNAL_WEBHOOK_SECRET")));
    must(one.c.qr_key.len == two.c.qr_key.len && one.c.qr_key.len >= 32);
    must(memcmp(one.c.qr_key.at, two.c.qr_key.at, (size_t)one.c.qr_key.len) == 0);
    must(memcmp(one.c.qr_key.at, one.c.webhook_key.at, 32) != 0);
    must(stat("data/secrets.env", &st) == 0 && (st.st_mode & 0777) == 0600);
}

TEST(a_secret_that_was_given_is_not_made)
{
    in_folder("given");
    setenv("QR_ENCRYPTION_KEY", "0123456789012345678901234567890123456789", 1);
    Read r = reading(NULL, 0);
    must(r.good && !str_has(r.made, S("QR_ENCRYPTION_KEY")));
    unsetenv("QR_ENCRYPTION_KEY");
    Read later_on = reading(NULL, 0);
    must(later_on.good && str_is(later_on.made, S("QR_ENCRYPTION_KEY")));
    must(same_bytes(r.c.webhook_key.at, later_on.c.webhook_key.at, r.c.webhook_key.len));
}

TEST(a_short_secret_is_refused_and_not_shown)
{
    in_folder("short");
    setenv("QR_ENCRYPTION_KEY", "hunter2hunter2", 1);
    Read r = reading(NULL, 0);
    must(!r.good && str_has(r.mistakes, S("QR_ENCRYPTION_KEY: must have 32")));
    must(!str_has(r.mistakes, S("hunter2")));
}

TEST(secrets_that_others_can_read_are_refused)
{
    in_folder("open");
    must(reading(NULL, 0).good && chmod("data/secrets.env", 0644) == 0);
    Read r = reading(NULL, 0);
    must(!r.good && str_has(r.mistakes, S("chmod 600")));
}

TEST(production_lists_every_missing_secret_and_makes_none)
{
    in_folder("production");
    setenv("NODE_ENV", "production", 1);
    Read r = reading(NULL, 0);
    must(!r.good && r.made.len == 0 && access("data/secrets.env", F_OK) != 0);
    must(str_has(r.mistakes, S("QR_ENCRYPTION_KEY: is required")) &&
         str_has(r.mistakes, S("INTERNAL_SERVICE_SECRET: is required")) &&
         str_has(r.mistakes, S("INTERNAL_WEBHOOK_SECRET: is required")));
    give_secrets();
    must(reading(NULL, 0).good);
}

TEST(a_file_may_hold_one_value)
{
    in_folder("files");
    give_secrets();
    unsetenv("QR_ENCRYPTION_KEY");
    must(mkdir("held", 0700) == 0);
    write_text("named", "3123456789012345678901234567890123456789\n");
    write_text("held/INTERNAL_SERVICE_SECRET", "4123456789012345678901234567890123456789");
    write_text("held/PORT", "1234\n");
    write_text("held/HOST", "held.example");
    setenv("QR_ENCRYPTION_KEY_FILE", "named", 1);
    setenv("SECRETS_DIR", "held", 1);
    setenv("HOST", "env.example", 1);
    setenv("NODE_ENV", "production", 1);
    Read r = reading(NULL, 0);
    must(r.good && r.c.qr_key.len == 40 && r.c.qr_key.at[0] == '3');
    must(r.c.cursor_key.at[0] == '1');            /* the environment wins     */
    must(r.c.port == 1234 && str_is(r.c.host, S("env.example")));
    must(str_is(origin(&r, "QR_ENCRYPTION_KEY"), S("file named")));
    must(str_is(origin(&r, "INTERNAL_SERVICE_SECRET"), S("environment")));
    must(str_is(origin(&r, "PORT"), S("file held/PORT")));
    must(str_is(origin(&r, "WORKERS"), S("default")));

    setenv("QR_ENCRYPTION_KEY", "5123456789012345678901234567890123456789", 1);
    r = reading(NULL, 0);
    must(!r.good && str_has(r.mistakes, S("QR_ENCRYPTION_KEY_FILE: give one of them")));
    unsetenv("QR_ENCRYPTION_KEY");
    setenv("QR_ENCRYPTION_KEY_FILE", "nowhere", 1);
    r = reading(NULL, 0);
    unsetenv("QR_ENCRYPTION_KEY_FILE");
    must(!r.good && str_has(r.mistakes, S("QR_ENCRYPTION_KEY_FILE: nowhere: No such file")));
}

static bool far_away(Arena *where, const Config *c, ConfigPair **out, Buf *mistakes)
{
    static ConfigPair key = { NULL, { "QR_ENCRYPTION_KEY", 17 },
                              { "6123456789012345678901234567890123456789", 40 }, { "afar", 4 } };
    (void)where;
    must(str_is(c->vault_addr, S("https://vault.example")) && c->vault_token.len == 5);
    *out = &key;
    if (c->port != 0)
        buf_lit(mistakes, "the place is asked first\n");
    return true;
}

TEST(a_place_afar_is_asked_with_its_own_settings_alone)
{
    in_folder("afar");
    setenv("VAULT_ADDR", "https://vault.example", 1);
    setenv("VAULT_TOKEN", "token", 1);
    config_place(far_away);
    Read r = reading(NULL, 0);
    config_place(NULL);
    must(r.good && r.c.qr_key.at[0] == '6' && str_is(origin(&r, "QR_ENCRYPTION_KEY"), S("afar")));
    must(!str_has(r.made, S("QR_ENCRYPTION_KEY")) && str_has(r.made, S("INTERNAL_SERVICE_SECRET")));
    must(!str_has(r.made, S("VAULT")));
}

TEST(who_only_looks_makes_no_secret)
{
    in_folder("looking");
    Arena *own = mem;
    Buf mistakes = buf_in(own, 256);
    Config c;

    must(config_read(own, NULL, 0, &c, &mistakes, NULL));
    must(c.qr_key.len == 0 && access("data", F_OK) != 0);
    config_wipe(&c);
}

TEST(production_takes_no_secret_from_the_generated_file)
{
    in_folder("copied");
    must(reading(NULL, 0).good);
    setenv("NODE_ENV", "production", 1);
    must(!reading(NULL, 0).good);
}

TEST(production_refuses_the_test_clock)
{
    in_folder("clock");
    setenv("NODE_ENV", "production", 1);
    setenv("CLOCK", "test", 1);
    give_secrets();
    Read r = reading(NULL, 0);
    must(!r.good && str_has(r.mistakes, S("CLOCK: test is refused in production")));
    setenv("NODE_ENV", "test", 1);
    must(reading(NULL, 0).good);
}

static void *start(void *arg)
{
    Arena own = { 0 };
    Buf mistakes = buf_in(&own, 256), made = buf_in(&own, 256);
    Config c;

    must(config_read(&own, NULL, 0, &c, &mistakes, &made));
    must(c.qr_key.len < 100);
    memcpy(arg, c.qr_key.at, (size_t)c.qr_key.len);
    config_wipe(&c);
    arena_close(&own);
    return NULL;
}

TEST(starters_in_a_race_get_the_same_secrets)
{
    enum { STARTERS = 8 };
    pthread_t t[STARTERS];
    char key[STARTERS][100] = { 0 };

    in_folder("race");
    for (int i = 0; i < STARTERS; i++)
        must(pthread_create(&t[i], NULL, start, key[i]) == 0);
    for (int i = 0; i < STARTERS; i++)
        must(pthread_join(t[i], NULL) == 0);
    for (int i = 1; i < STARTERS; i++)
        must(strcmp(key[0], key[i]) == 0);
}

TEST(what_is_shown_has_no_secret_in_it)
{
    in_folder("shown");
    give_secrets();
    setenv("QR_ENCRYPTION_KEY", "plantedplantedplantedplantedplantedplanted", 1);
    setenv("DATABASE_URL", "sqlite://user:planted@host/db", 1);
    Read r = reading(NULL, 0);
    Buf b = buf_in(mem, 4096);
    config_print(&b, &r.c);
    must(str_has(buf_str(&b), S("QR_ENCRYPTION_KEY=[redacted]")));
    must(str_has(buf_str(&b), S("JWT_REFRESH_EXPIRES_IN=7d\n")));
    must(str_has(buf_str(&b), S("NODE_ENV=development\n")));
    must(!str_has(buf_str(&b), S("planted")));
}

TEST(spans_are_read_strictly)
{
    Span s;

    must(span_read(S("15m"), &s) && s.ms == 900000);
    must(span_read(S("7d"), &s) && s.ms == 7 * 86400000);
    must(span_read(S("300"), &s) && s.ms == 300000);
    must(span_read(S("0s"), &s) && s.ms == 0);
    must(!span_read(S(""), &s) && !span_read(S("m"), &s) && !span_read(S("-1s"), &s));
    must(!span_read(S("1.5h"), &s) && !span_read(S("10 m"), &s) && !span_read(S("1w"), &s));
    must(!span_read(S("9223372036854775807d"), &s));
}

/* The folder that make check starts in. */
static char home[4096];
__attribute__((constructor)) static void remember(void) { must(getcwd(home, sizeof home) != NULL); }

static void same_as_committed(const char *path, void print(Buf *))
{
    Buf b = buf_in(mem, 8192);
    Str file;

    must(chdir(home) == 0 && file_read(mem, str_of(path), 1 << 20, &file));
    print(&b);
    must(str_is(buf_str(&b), file));              /* make docs writes it anew */
}

TEST(what_the_manual_says_changes_at_once_is_what_a_reload_takes)
{
    isize n, live = 0;
    const ConfigFacts *f = config_facts(&n);

    for (isize i = 0; i < n; i++) {
        if (f[i].name == NULL)
            continue;
        must(f[i].live == reload_takes(f[i].name));
        live += f[i].live;
    }
    must(live >= 11 && live < n / 2);
}

static isize row_of(const char *name)
{
    isize n, i = 0;
    const ConfigFacts *f = config_facts(&n);

    while (f[i].name == NULL || strcmp(f[i].name, name) != 0)
        must(++i < n);
    return i;
}

TEST(a_row_that_is_taken_is_the_same_then_and_its_old_secret_goes_with_the_other)
{
    static Str none;
    Config a = { .from = &none }, b = { .from = &none };
    isize n;

    config_facts(&n);
    a.from = make(mem, Str, n);
    b.from = make(mem, Str, n);
    a.services_file = S("one"), b.services_file = S("two");
    a.service_key = secret_copy(S("old")), b.service_key = secret_copy(S("new"));
    b.port = 7;
    const char *rows[] = { "SERVICES_FILE", "SERVICE_SECRET", "PORT" };
    for (isize i = 0; i < countof(rows); i++) {
        must(!config_same(&a, &b, row_of(rows[i])));
        config_take(mem, &a, &b, row_of(rows[i]));
    }
    must(str_is(a.services_file, S("two")) && a.port == 7);
    must(same_bytes(a.service_key.at, "new", 3) && same_bytes(b.service_key.at, "old", 3));
    config_wipe(&a);
    config_wipe(&b);
}

TEST(the_committed_example_and_manual_are_those_of_the_table)
{
    forget();
    same_as_committed(".env.example", config_print_example);
    same_as_committed("docs/configuration.md", config_print_manual);
}
