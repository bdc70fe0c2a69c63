/* doctor.c - looks at an installation from the outside and says what to do.
 *
 * It changes nothing: no secret is made, no schema migrated. Each check stands alone,
 * so one that fails hides none of the others. */
#include "base/file.h"
#include "cli/app.h"
#include "cli/cli.h"
#include "cli/named.h"
#include "cli/probe.h"
#include "cli/running.h"
#include "gateway/proxy.h"
#include "kv/kv.h"
#include "net/link.h"
#include "store/store.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { DISK_LEAST_MB = 512, CLOCK_LEAST_YEAR = 2025, CERTIFICATE_LEAST_DAYS = 14,
       PROBE_MS = 3000 };

static const Option options[] = { OPTION_DATA, OPTION_SET };

typedef struct Patient {
    Arena  *mem;
    Config  config;
    bool    configured;
    Str     mistakes, running;
    int     bad;
} Patient;

static void good(const char *what, Str detail)
{
    printf("  ok    %-12s %.*s\n", what, STR_ARGS(detail));
}

static void bad(Patient *p, const char *what, Str detail, const char *cure)
{
    printf("  FAIL  %-12s %.*s\n        %-12s %s\n", what, STR_ARGS(detail), "", cure);
    p->bad++;
}

static void note(const char *what, Str detail, const char *cure)
{
    printf("  note  %-12s %.*s\n        %-12s %s\n", what, STR_ARGS(detail), "", cure);
}

/* ---- the checks -------------------------------------------------------------------- */

/* Each on a line of its own, under the first. */
static Str in_one(const Patient *p)
{
    Buf b = buf_in(p->mem, p->mistakes.len + 256);

    Str left = p->mistakes;

    while (left.len > 0) {
        Str line = str_cut(&left, '\n');
        buf_fmt(&b, "%s%*s%.*s", b.len > 0 ? "\n" : "", b.len > 0 ? 21 : 0, "",
                STR_ARGS(line));
    }
    return buf_str(&b);
}

static void check_settings(Patient *p)
{
    if (p->configured)
        good("settings", S("all of them can be used"));
    else
        bad(p, "settings", in_one(p), "docs/configuration.md says what each may be");
    if (p->config.strangers.len > 0)
        note(".env", str_fmt(p->mem, "names that are no settings: %.*s",
                             STR_ARGS(p->config.strangers)),
             "another program's, or misspelt: `tickettoken config` lists ours");
    Str wrong = misspelt(p->mem, &p->config);
    if (wrong.len > 0)
        note("misspelt", wrong, "set, but no setting");
}

static void check_folder(Patient *p)
{
    Str dir = p->config.data_dir;
    struct stat st;

    if (stat(str_z(p->mem, dir), &st) != 0)
        note("data folder", str_fmt(p->mem, "%.*s is not there", STR_ARGS(dir)),
             "`tickettoken serve` makes it");
    else if (access(str_z(p->mem, dir), R_OK | W_OK | X_OK) != 0)
        bad(p, "data folder",
            str_fmt(p->mem, "%.*s can't be written by this user", STR_ARGS(dir)),
            "run as the user that owns it, or chown it");
    else if ((st.st_mode & 077) != 0)
        bad(p, "data folder", str_fmt(p->mem, "%.*s can be read by others (mode %03o)",
            STR_ARGS(dir), (unsigned)(st.st_mode & 0777)), "chmod 700 it");
    else
        good("data folder", dir);
}

/* From where each came; never what it is. What is nowhere is told once, by check_settings
 * or as not made yet. */
static void tell_origins(Patient *p)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);

    for (isize i = 0; i < n; i++)
        if (f[i].name != NULL && strcmp(f[i].kind, "SECRET") == 0 &&
            !str_is(p->config.from[i], S("nowhere")))
            good("secret", str_fmt(p->mem, "%s from %.*s", f[i].name,
                                   STR_ARGS(p->config.from[i])));
}

static void check_secrets(Patient *p)
{
    Str path = str_fmt(p->mem, "%.*s/secrets.env", STR_ARGS(p->config.data_dir));
    struct stat st;

    tell_origins(p);
    if (p->config.environment == ENV_PRODUCTION)
        good("secrets", S("none is taken from secrets.env in production"));
    else if (stat(path.at, &st) != 0)
        note("secrets", S("none kept yet"), "`tickettoken serve` makes them once");
    else if ((st.st_mode & 077) != 0)
        bad(p, "secrets", str_fmt(p->mem, "%s can be read by others", path.at),
            "chmod 600 it");
    else
        good("secrets", path);
}

/* What a setting NAME_FILE points to, as this user finds it. */
static void check_named_files(Patient *p)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);

    for (isize i = 0; i < n; i++) {
        Buf path = buf_in(p->mem, 64);
        if (f[i].name == NULL || !str_ends(str_of(f[i].name), S("_FILE")))
            continue;
        config_raw(&path, &p->config, i);
        if (path.len > 0 && access(str_z(p->mem, buf_str(&path)), R_OK) != 0)
            bad(p, "file",
                str_fmt(p->mem, "%s %.*s: %s", f[i].name, STR_ARGS(buf_str(&path)),
                        strerror(errno)),
                "give the right path, or let this user read it");
    }
}

static void check_tls(Patient *p)
{
    TlsFiles files = { .cert = p->config.tls_cert, .key = p->config.tls_key };
    Instant ends;
    Str why = { 0 };

    if (files.cert.len == 0 || !tls_look(p->mem, &files, &ends, &why))
        return;                                   /* check_named says why not  */
    i64 left = (ends.ms - time_now().ms) / days(1).ms;
    Str detail = str_fmt(p->mem, "%.*s, good for %jd days", STR_ARGS(files.cert),
                         (intmax_t)left);
    if (before(ends, time_now()))
        bad(p, "certificate", str_fmt(p->mem, "%.*s has expired", STR_ARGS(files.cert)),
            "renew it; a running server takes the new one by itself");
    else if (left < CERTIFICATE_LEAST_DAYS)
        note("certificate", detail,
             "renew it; a running server takes the new one by itself");
    else
        good("certificate", detail);
}

static void check_disk(Patient *p)
{
    struct statvfs v;

    if (statvfs(str_z(p->mem, p->config.data_dir), &v) != 0)
        return;
    i64 mb = (i64)v.f_bavail * (i64)v.f_frsize >> 20;
    Str detail = str_fmt(p->mem, "%jd MiB free", (intmax_t)mb);
    if (mb < DISK_LEAST_MB)
        bad(p, "disk", detail, "make room: a full disk stops every sale");
    else
        good("disk", detail);
}

static void check_clock(Patient *p)
{
    time_t now = time(NULL);
    struct tm tm;
    char text[40] = "";

    if (gmtime_r(&now, &tm) != NULL)
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm);
    if (tm.tm_year + 1900 < CLOCK_LEAST_YEAR)
        bad(p, "clock", str_of(text),
            "set the time: tokens and ticket codes depend on it");
    else if (p->config.clock == CLOCK_TEST)
        note("clock", S("CLOCK=test: anybody may move it"), "for tests only");
    else
        good("clock", str_copy(p->mem, str_of(text)));
}

static void check_files(Patient *p)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return;
    Str detail = str_fmt(p->mem, "%jd open files, %jd connections wanted",
                         (intmax_t)l.rlim_max, (intmax_t)p->config.conns_most);
    if (l.rlim_max != RLIM_INFINITY && (i64)l.rlim_max < p->config.conns_most + 200)
        note("open files", detail,
             "raise the limit (LimitNOFILE=) or lower CONNECTIONS_MAX");
    else
        good("open files", detail);
}

static void check_keys(Patient *p)
{
    Str path = str_fmt(p->mem, "%.*s/index.json", STR_ARGS(p->config.keys_dir)), text,
        why;

    if (!file_read(p->mem, path, 1 << 20, &text)) {
        if (errno == ENOENT)
            note("keys", S("none yet"), "`tickettoken serve` makes them");
        else
            bad(p, "keys", str_fmt(p->mem, "%s: %s", path.at, strerror(errno)),
                "mend its permissions");
    } else if (json_read(p->mem, text, &why) == NULL)
        bad(p, "keys", str_fmt(p->mem, "%s: %.*s", path.at, STR_ARGS(why)),
            "bring the folder back from a backup; without it nobody stays signed in");
    else
        good("keys", S("`tickettoken keys` lists them"));
}

static void check_store(Patient *p)
{
    StoreConfig config = { .url = p->config.database_url, .readers = 1, .lanes = 1,
                           .batch_most = 1,
                           .strict = p->config.environment == ENV_PRODUCTION };
    Str detail = { 0 };

    switch (probe_store(p->mem, &config, &detail)) {
    case PROBE_GOOD:   good("database", detail); break;
    case PROBE_ABSENT: note("database", detail, "`tickettoken migrate` makes it"); break;
    case PROBE_BAD:    bad(p, "database", detail,
                           "`tickettoken migrate` brings an old schema up to date; a "
                           "damaged file comes back from a backup"); break;
    }
}

static void check_kv(Patient *p)
{
    KvConfig k = { p->config.redis_url, 0, 1 };
    Str why = { 0 };

    if (k.url.len == 0)
        good("kv", S("in the server's process"));
    else if (!kv_open(p->mem, &k, &why))
        bad(p, "kv", why,
            "mend REDIS_URL or start Redis: the server does not start without it");
    else {
        good("kv", S("Redis answers, and this user may do what is needed"));
        kv_close();
    }
}

static void check_bus(Patient *p)
{
    BusConfig b = app_bus(&p->config);
    Str detail = { 0 };

    if (bus_check(p->mem, &b, &detail))
        good("bus", detail);
    else if (str_has(detail, S("no stream")))
        note("bus", detail, "`tickettoken serve` makes it");
    else
        bad(p, "bus", detail,
            "start NATS with JetStream (nats-server -js), or mend NATS_URL");
}

static void check_proxy(Patient *p)
{
    Str why = { 0 };
    int n;
    const ProxyRow *rows = proxy_read(p->mem, p->config.proxy_file, &n, &why);

    if (rows != NULL && n == 0)
        good("proxy", S("no services behind"));
    for (int i = 0; rows != NULL && i < n; i++)
        good("proxy",
             str_fmt(p->mem, "%.*s goes to %.*s (%.*s)", STR_ARGS(rows[i].prefix),
                     STR_ARGS(rows[i].urls), STR_ARGS(rows[i].name)));
}

static void check_named(Patient *p)
{
    for (isize i = 0; p->configured && i < named_count; i++) {
        const Named *n = &named_settings[i];
        Str detail = { 0 };
        if (!n->reads(p->mem, &p->config, &detail))
            bad(p, n->what, detail, n->cure);
        else if (detail.len > 0)
            good(n->what, detail);
    }
}

static void check_port(Patient *p)
{
    Str why = { 0 };

    if (p->running.len > 0)
        return;
    if (probe_port(p->mem, p->config.host, (int)p->config.port, &why))
        good("port", str_fmt(p->mem, "%jd is free", (intmax_t)p->config.port));
    else
        bad(p, "port", why, "stop what listens there, or give another --set PORT=");
}

static void check_server(Patient *p)
{
    int status;

    if (p->running.len == 0) {
        note("server", S("none runs on this data folder"), "tickettoken serve");
        return;
    }
    if (str_starts(p->running, S("https:"))) {
        note("server", p->running, "speaks TLS; ask it yourself: curl .../health/ready");
        return;
    }
    status = probe_ready(p->mem, p->running, PROBE_MS);
    if (status == 200)
        good("server", str_fmt(p->mem, "%.*s is ready", STR_ARGS(p->running)));
    else
        bad(p, "server",
            str_fmt(p->mem, "%.*s/health/ready gives %d", STR_ARGS(p->running), status),
            "its log (stderr) says why");
}

/* ---- */

static void read_settings(Patient *p, Args *a)
{
    Buf mistakes = buf_in(p->mem, 512);

    p->configured = config_read(p->mem, a->given, a->given_count, &p->config, &mistakes,
                                NULL);
    p->mistakes = str_trim(buf_str(&mistakes));
}

static Exit run(Args *a)
{
    static void (*const checks[])(Patient *) = {
        check_settings, check_folder, check_secrets, check_named_files, check_tls,
        check_store, check_kv, check_bus, check_keys, check_named, check_proxy,
        check_disk, check_clock, check_files, check_port, check_server };
    Patient p = { .mem = a->mem };

    read_settings(&p, a);
    p.running = running_find(a->mem, &p.config);
    printf("tickettoken %s, data in %.*s\n", VERSION, STR_ARGS(p.config.data_dir));
    for (isize i = 0; i < countof(checks); i++)
        checks[i](&p);
    printf(p.bad == 0 ? "All is well.\n" : "%d to mend.\n", p.bad);
    config_wipe(&p.config);
    return p.bad == 0 ? EXIT_DONE : EXIT_FAILED;
}

const Command command_doctor = {
    .name = "doctor", .usage = "[--data DIR]",
    .says = "check an installation, running or stopped, and say what to do",
    .help =
        "Looks at settings, the files that they name, folder, secrets, certificate, database\n"
        "(schema and integrity), kv, bus, keys, disk, clock, open files, the port and the\n"
        "running server. Changes nothing. Exit code 1 when something must be mended.\n\n"
        "  tickettoken doctor --data /var/lib/tickettoken",
    .options = options, .option_count = countof(options), .run = run,
};
