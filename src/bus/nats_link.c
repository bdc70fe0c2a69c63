/* nats_link.c - the library reconnects by itself and for ever, with a delay that doubles
 * from a tenth of a second to two and a half random. What it does not survive is to be
 * refused twice for its credentials (a server that is being reconfigured): it closes
 * the connection for good, so link_mend makes another. A closed connection answers
 * every call with an error and is kept to the end, so no thread ever holds a dead one.
 *
 * A subscription is never freed while its connection lives: library 3.4.1, Debian's,
 * looks it up for a message and goes on without holding it, so that freeing it at that
 * moment corrupts the heap (nats.c pull request 638, seen here once in sixty runs of a
 * test whose answers came late). Answers have one for the life of a connection, the
 * tail's are retired.
 *
 * Passwords stand in the url; only link_where() is ever shown. */
#include "bus/nats.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/rand.h"
#include <nats/nats.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_WITHIN_MS = 3000, ANSWER_WITHIN_MS = 1500, PING_EVERY_MS = 5000,
       PINGS_UNANSWERED = 2, DELAY_LEAST_MS = 100, DELAY_DOUBLINGS = 4,
       SERVERS_MOST = 16 };
#define NUDGE_SUBJECT "tickettoken.nudge"

typedef struct Retired { natsSubscription *sub; struct Retired *next; } Retired;

static struct {
    natsOptions     *options;
    Retired         *retired;
    Str              where;
    _Atomic(Link *)  now;
    _Atomic bool     closing;
    _Atomic i64      times, lost_at;              /* lost_at: ns, 0: not lost */
} link_;

/* The library says more where it knows more, after "(conn.c:2088): ". */
void link_why(Buf *b, const char *doing, int status)
{
    const char *text = status == NATS_NO_SERVER ? "nobody listens there"
                     : status == NATS_NO_RESPONDERS
                     ? "nobody answers; is it started with -js?"
                     : natsStatus_GetText((natsStatus)status);
    const char *more = nats_GetLastError(NULL),
                *after = more == NULL ? NULL : strstr(more, "): ");

    buf_fmt(b, "%s: %s", doing, text);
    if (after != NULL && status != NATS_NO_SERVER && status != NATS_NO_RESPONDERS &&
        strcmp(after + 3, text) != 0)
        buf_fmt(b, " (%s)", after + 3);
}

/* ---- what the library tells, in its own threads ------------------------------------ */

static int64_t delay(natsConnection *nc, int attempts, void *arg)
{
    int doublings = attempts < DELAY_DOUBLINGS ? attempts : DELAY_DOUBLINGS;
    u32 ms = (u32)DELAY_LEAST_MS << doublings;

    (void)nc, (void)arg;
    return ms + rand_below(ms / 2 + 1);
}

static void lost(natsConnection *nc, void *arg)
{
    const char *why = NULL;
    i64 none = 0;

    (void)arg;
    if (link_.closing ||
        !atomic_compare_exchange_strong(&link_.lost_at, &none, mono_now().ns))
        return;                                   /* one line an outage      */
    metric_add(METRIC_BUS_OUTAGES, 1);
    metric_set(METRIC_BUS_UP, 0);
    natsConnection_GetLastError(nc, &why);
    log_warn("NATS is away; the outbox keeps what is to be told", L("where", link_.where),
             L("why", why == NULL ? "" : why));
}

static void back(natsConnection *nc, void *arg)
{
    (void)nc, (void)arg;
    i64 since = atomic_exchange(&link_.lost_at, 0);

    link_.times++;
    metric_set(METRIC_BUS_UP, 1);
    log_info("NATS is back", L("where", link_.where),
             L("away_ms", since == 0 ? (i64)0 : (mono_now().ns - since) / 1000000));
}

/* Without a handler the library would write to stderr. */
static void note(natsConnection *nc, natsSubscription *sub, natsStatus status, void *arg)
{
    (void)nc, (void)sub, (void)arg;
    if (!link_.closing)
        log_warn("NATS says", L("what", natsStatus_GetText(status)));
}

static void nudged(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *arg)
{
    (void)nc, (void)sub, (void)arg;
    natsMsg_Destroy(msg);
    bus_nudged();
}

/* ---- the url ----------------------------------------------------------------------- */

/* "//[USER:PASSWORD@]HOST:PORT,HOST:PORT": the first one's credentials are everyone's. */
static int read_servers(Arena *mem, Str scheme, Str list, const char **servers,
                        Buf *where)
{
    Str who = { 0 };
    int n = 0;

    while (list.len > 0 && n < SERVERS_MOST) {
        Str host = str_cut(&list, ','), before = host, rest = host;
        while (str_find(rest, '@') >= 0)
            str_cut(&rest, '@');
        before.len = rest.at - host.at;           /* with its '@'; 0: none    */
        who = before.len > 0 ? before : who;
        buf_fmt(where, "%s%.*s", where->len > 0 ? "," : "", STR_ARGS(rest));
        servers[n++] = str_z(mem,
                             str_fmt(mem, "%.*s://%.*s%.*s", STR_ARGS(scheme),
                                     (int)who.len, who.len > 0 ? who.at : "",
                                     STR_ARGS(rest)));
    }
    return n;
}

/* "ca=FILE" is all that may follow the '?'. */
static natsStatus set_tls(Arena *mem, Str query)
{
    natsStatus s = natsOptions_SetSecure(link_.options, true);

    if (s == NATS_OK && query.len > 0)
        s = natsOptions_LoadCATrustedCertificates(link_.options,
                                                  str_z(mem, str_sub(query, 3,
                                                                     query.len)));
    else if (s == NATS_OK)
        s = natsOptions_LoadCATrustedCertificates(link_.options,
                                                  "/etc/ssl/certs/ca-certificates.crt");
    return s;
}

static natsStatus set_options(const char **servers, int count)
{
    natsOptions *o = link_.options;
    natsStatus s = natsOptions_SetServers(o, servers, count);

    if (s == NATS_OK) s = natsOptions_SetName(o, "tickettoken");
    if (s == NATS_OK) s = natsOptions_SetTimeout(o, CONNECT_WITHIN_MS);
    if (s == NATS_OK) s = natsOptions_SetPingInterval(o, PING_EVERY_MS);
    if (s == NATS_OK) s = natsOptions_SetMaxPingsOut(o, PINGS_UNANSWERED);
    if (s == NATS_OK) s = natsOptions_SetMaxReconnect(o, -1);
    if (s == NATS_OK) s = natsOptions_SetCustomReconnectDelay(o, delay, NULL);
    if (s == NATS_OK) s = natsOptions_SetWriteDeadline(o, CONNECT_WITHIN_MS);
    if (s == NATS_OK) s = natsOptions_SetFailRequestsOnDisconnect(o, true);
    if (s == NATS_OK) s = natsOptions_SetNoEcho(o, true);
    if (s == NATS_OK) s = natsOptions_SetDisconnectedCB(o, lost, NULL);
    if (s == NATS_OK) s = natsOptions_SetReconnectedCB(o, back, NULL);
    if (s == NATS_OK) s = natsOptions_SetErrorHandler(o, note, NULL);
    return s;
}

bool link_setup(Arena *mem, Str url, Str *why)
{
    Str query = url, rest = str_cut(&query, '?'), scheme = str_cut(&rest, ':');
    bool tls = str_is(scheme, S("tls"));
    const char *servers[SERVERS_MOST];
    Buf where = buf_in(mem, 64), b = buf_in(mem, 128);

    if (!str_starts(rest, S("//")) || rest.len < 3 ||
        (query.len > 0 && (!tls || !str_starts(query, S("ca=")) || query.len < 4))) {
        *why = S("write nats://HOST:PORT or tls://HOST:PORT?ca=FILE");
        return false;
    }
    int n = read_servers(mem, scheme, str_sub(rest, 2, rest.len), servers, &where);
    natsStatus s = natsOptions_Create(&link_.options);
    if (s == NATS_OK)
        s = set_options(servers, n);
    if (s == NATS_OK && tls)
        s = set_tls(mem, query);
    link_.where = buf_str(&where);
    link_.times = link_.lost_at = 0;
    link_.closing = false;
    if (s == NATS_OK)
        return true;
    link_why(&b, "the url can't be used", s);
    *why = buf_str(&b);
    natsOptions_Destroy(link_.options);
    link_.options = NULL;
    return false;
}

/* ---- the connection ---------------------------------------------------------------- */

/* Closing first ends the thread that reads; then nobody looks at a subscription. */
static void free_link(Link *l)
{
    natsConnection_Close(l->nc);
    natsSubscription_Destroy(l->answers);
    natsSubscription_Destroy(l->nudges);
    natsInbox_Destroy(l->inbox);
    jsCtx_Destroy(l->js);
    natsConnection_Destroy(l->nc);
    free(l);
}

static natsStatus subscribe(Link *l)
{
    char all[64];
    natsStatus s = natsInbox_Create(&l->inbox);

    if (s == NATS_OK && snprintf(all, sizeof all, "%s.>", l->inbox) >= (int)sizeof all)
        s = NATS_INVALID_SUBJECT;
    if (s == NATS_OK)
        s = natsConnection_SubscribeSync(&l->answers, l->nc, all);
    if (s == NATS_OK)
        s = natsConnection_Subscribe(&l->nudges, l->nc, NUDGE_SUBJECT, nudged, NULL);
    return s;
}

static natsStatus connect_one(Link **out)
{
    Link *l = calloc(1, sizeof *l);

    must(l != NULL);
    natsStatus s = natsConnection_Connect(&l->nc, link_.options);
    if (s == NATS_OK)
        s = natsConnection_JetStream(&l->js, l->nc, NULL);
    if (s == NATS_OK)
        s = subscribe(l);
    if (s == NATS_OK)
        *out = l;
    else
        free_link(l);
    return s;
}

bool link_open(Arena *mem, Str *why, bool *hopeless)
{
    Link *l = NULL;
    natsStatus s = connect_one(&l);

    *hopeless = s == NATS_CONNECTION_AUTH_FAILED || s == NATS_NOT_PERMITTED;
    if (s == NATS_OK) {
        link_.now = l;
        link_.times = 1;
        metric_set(METRIC_BUS_UP, 1);
        return true;
    }
    Buf b = buf_in(mem, 128);
    buf_fmt(&b, "%.*s ", STR_ARGS(link_.where));
    link_why(&b, "can't be reached", s);
    *why = buf_str(&b);
    return false;
}

void link_mend(void)
{
    Link *old = link_.now, *l = NULL;

    if (old == NULL || !natsConnection_IsClosed(old->nc) || connect_one(&l) != NATS_OK)
        return;
    l->older = old;
    link_.now = l;
    back(NULL, NULL);
}

void link_retire(natsSubscription *sub)
{
    Retired *r = calloc(1, sizeof *r);
    natsMsg *msg = NULL;

    must(r != NULL);
    while (natsSubscription_NextMsg(&msg, sub, 0) == NATS_OK)
        natsMsg_Destroy(msg);
    natsSubscription_Unsubscribe(sub);
    *r = (Retired){ sub, link_.retired };
    link_.retired = r;
}

static void free_retired(void)
{
    while (link_.retired != NULL) {
        Retired *r = link_.retired;
        link_.retired = r->next;
        natsSubscription_Destroy(r->sub);
        free(r);
    }
}

void link_close(void)
{
    Link *l = atomic_exchange(&link_.now, NULL), *older = l;

    link_.closing = true;
    for (Link *c = l; c != NULL; c = c->older)
        natsConnection_Close(c->nc);
    free_retired();
    for (; l != NULL; l = older) {
        older = l->older;
        free_link(l);
    }
    natsOptions_Destroy(link_.options);
    link_.options = NULL;
}

Link *link_now(void)
{
    Link *l = link_.now;
    return l != NULL && natsConnection_Status(l->nc) == NATS_CONN_STATUS_CONNECTED
           ? l : NULL;
}

i64 link_times(void) { return link_.times; }
Str link_where(void) { return link_.where; }

/* A PING and its PONG. */
bool link_answers(Ctx *cx)
{
    Link *l = link_now();
    i64 left = mono_us(mono_now(), cx->deadline) / 1000;

    if (l == NULL)
        return fail(cx, BUSY, "NATS can't be reached");
    if (left > ANSWER_WITHIN_MS)
        left = ANSWER_WITHIN_MS;
    natsStatus s = natsConnection_FlushTimeout(l->nc, left > 0 ? left : 1);
    return s == NATS_OK || fail(cx, BUSY, "NATS: %s", natsStatus_GetText(s));
}

void link_nudge(void)
{
    Link *l = link_now();

    if (l != NULL)
        natsConnection_Publish(l->nc, NUDGE_SUBJECT, "", 0);
}
