/* pgconn.c - what is decided about a connection before the first statement.
 *
 * In production the wire is either a local socket or TLS with a certificate that was
 * verified for this host; anything less is refused here, not left to a default. The mode
 * is forced on every connection, because a url can name its host in many ways (hostaddr,
 * a list, a service file); libpq uses no TLS on a local socket whatever the mode.
 *
 * A pooler in transaction mode (PgBouncer) lends us another session for each
 * transaction. It gives us a process id of its own, so the two numbers differ: then
 * nothing may be kept in the session, and statements are parsed each time. */
#include "store/pgconn.h"
#include "base/log.h"
#include "base/rand.h"
#include <postgresql/libpq-fe.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SERVER_LEAST = 150000, RETRY_MS = 2000 };

/* Time-outs: a statement, a wait for another's lock, and a transaction whose node has
 * fallen asleep and must not keep the others waiting. Each statement has its index
 * (plan_test), so a plan that reads a whole table could only come from a table that
 * looked small when the plan was made; and a plan is made once. */
#define SETTINGS(SET) \
    SET("statement_timeout", "30s") SET("lock_timeout", "10s") \
    SET("idle_in_transaction_session_timeout", "5s") SET("enable_seqscan", "off") \
    SET("jit", "off") SET("plan_cache_mode", "force_generic_plan")
#define SET_SESSION(name, value) "SET " name " = '" value "';"
#define SET_LOCAL(name, value) ", set_config('" name "', '" value "', true)"

static const char session_settings[] = SETTINGS(SET_SESSION);
const char pgconn_settings[] = "SELECT 1" SETTINGS(SET_LOCAL);

/* ---- what the url says ---------------------------------------------------- */

static const char *value_of(const PQconninfoOption *options, const char *name)
{
    for (; options->keyword != NULL; options++)
        if (strcmp(options->keyword, name) == 0)
            return options->val != NULL ? options->val : "";
    return "";
}

/* libpq's own variables (PGHOST..) count as settings, and its own defaults come last. */
static const char *value_or_env(const PQconninfoOption *options, const char *name,
                                const char *env)
{
    const char *v = value_of(options, name), *e = getenv(env);
    return v[0] != '\0' || e == NULL ? v : e;
}

static bool is_local(const char *host) { return host[0] == '\0' || host[0] == '/'; }

static bool check_tls(Arena *mem, const char *host, const char *sslmode, Str *why)
{
    if (is_local(host) || sslmode[0] == '\0' || strcmp(sslmode, "verify-full") == 0)
        return true;
    *why = str_fmt(mem, "sslmode=%s is refused in production: write verify-full (and "
                   "sslrootcert=FILE), or connect through a local socket", sslmode);
    return false;
}

/* Only says it: libpq looks the name up itself and has the last word. */
static void warn_if_unknown(const char *host)
{
    struct addrinfo *found = NULL;

    if (is_local(host) || getaddrinfo(host, NULL, NULL, &found) == 0) {
        if (found != NULL)
            freeaddrinfo(found);
        return;
    }
    log_warn("the database's name can't be resolved; it is tried as it is",
             L("host", host));
}

static Str first_line(Arena *mem, const char *text)
{
    Str s = str_of(text);
    return str_copy(mem, str_cut(&s, '\n'));
}

/* ---- connecting ----------------------------------------------------------- */

static void hear_notice(void *arg, const char *text)
{
    (void)arg;
    log_debug("database notice", L("text", text));
}

/* What stands before "dbname" may be overruled by the url, what stands after may not. */
static PGconn *connect_once(const char *url, bool verify)
{
    const char *keys[] = { "connect_timeout", "application_name", "tcp_user_timeout",
                           "keepalives_idle", "gssencmode", "dbname", "client_encoding",
                           verify ? "sslmode" : NULL, NULL };
    const char *values[] = { "5", "tickettoken", "10000", "10", "disable", url, "UTF8",
                             verify ? "verify-full" : NULL, NULL };
    PGconn *at = PQconnectdbParams(keys, values, 1);

    must(at != NULL);
    PQsetNoticeProcessor(at, hear_notice, NULL);
    return at;
}

static bool is_pooled(PGconn *at, bool *pooled)
{
    PGresult *r = PQexec(at, "SELECT pg_backend_pid()");
    bool good = PQresultStatus(r) == PGRES_TUPLES_OK;

    *pooled = good && atoi(PQgetvalue(r, 0, 0)) != PQbackendPID(at);
    PQclear(r);
    return good;
}

/* A pooler that lends a session for one statement ends the connection here. */
static bool can_transact(PGconn *at)
{
    PGresult *r = PQexec(at, "BEGIN");
    bool good = PQresultStatus(r) == PGRES_COMMAND_OK &&
                PQtransactionStatus(at) == PQTRANS_INTRANS;

    PQclear(r);
    if (good)
        PQclear(PQexec(at, "COMMIT"));
    return good;
}

static bool settle_session(PGconn *at)
{
    PGresult *r = PQexec(at, session_settings);
    bool good = PQresultStatus(r) == PGRES_COMMAND_OK;

    PQclear(r);
    return good;
}

static bool greet(Arena *mem, PGconn *at, DbUse use, bool *pooled, Str *why)
{
    if (PQstatus(at) == CONNECTION_OK && PQserverVersion(at) < SERVER_LEAST) {
        *why = str_fmt(mem, "the server is PostgreSQL %d; 15 or newer is needed",
                       PQserverVersion(at) / 10000);
        return false;
    }
    if (PQstatus(at) == CONNECTION_OK && is_pooled(at, pooled) &&
        (*pooled ? can_transact(at) : use == DB_OWNS || settle_session(at)))
        return true;
    *why = first_line(mem, PQerrorMessage(at));
    return false;
}

/* A wrong password stays wrong, and so do a certificate, and a pooler without
 * transactions; libpq has only words for some of it. */
static bool worth_trying(PGconn *at)
{
    static const char *const hopeless[] = { "certificate", "does not support SSL",
                                            "pooling mode" };
    const char *said = PQerrorMessage(at);

    for (isize i = 0; i < countof(hopeless); i++)
        if (strstr(said, hopeless[i]) != NULL)
            return false;
    return PQconnectionUsedPassword(at) == 0 || PQstatus(at) != CONNECTION_BAD;
}

static void wait_before(int attempt, Str why)
{
    i64 ms = (i64)RETRY_MS * attempt + rand_below(RETRY_MS / 2);

    log_warn("the database can't be reached yet", L("attempt", attempt),
             L("again_in_ms", ms), L("why", why));
    wait_at_start((Span){ ms });
}

static PGconn *connect_patiently(Arena *mem, const char *url, bool verify, int attempts,
                                 DbUse use, bool *pooled, Str *why)
{
    for (int attempt = 1;; attempt++) {
        PGconn *at = connect_once(url, verify);
        if (greet(mem, at, use, pooled, why))
            return at;
        bool again = attempt < attempts && worth_trying(at);
        PQfinish(at);
        if (!again)
            return NULL;
        wait_before(attempt, *why);
    }
}

static const char *_Atomic login;
void pgconn_login(const char *url) { login = url; }

PGconn *pgconn_open(Arena *mem, const StoreConfig *config, DbUse use, bool *pooled,
                    Str *why)
{
    const char *changed = use == DB_OWNS ? NULL : login;
    const char *url = changed != NULL ? changed
                    : str_z(mem, use == DB_OWNS ? config->owner_url : config->url);
    char *said = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &said);
    PGconn *at = NULL;

    if (options == NULL) {
        PQfreemem(said);                          /* it may repeat the password */
        *why = S("the url can't be read; write "
                 "postgresql://ROLE:PASSWORD@HOST:PORT/NAME");
        return NULL;
    }
    const char *host = value_or_env(options, "host", "PGHOST");
    const char *sslmode = value_or_env(options, "sslmode", "PGSSLMODE");
    if (!config->strict || check_tls(mem, host, sslmode, why)) {
        if (config->attempts > 1)
            warn_if_unknown(host);
        at = connect_patiently(mem, url, config->strict, config->attempts, use, pooled,
                               why);
    }
    PQconninfoFree(options);
    return at;
}
