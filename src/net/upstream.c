/* upstream.c - the set of upstreams is fixed when the server starts, so io threads find
 * them without a lock. What a name stands for may change; lines to an address that is
 * not the name's any more are closed when they are next to be used (generation).
 *
 * A look-up that hangs may not hold up the end of the process: its thread is waited for
 * a second, and what it uses stays if it does not come. */
#include "net/upstream.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/log.h"

enum { LOOK_EVERY_S = 30, DOWN_MS = 1000, JOIN_S = 1 };

const int latency_ms[LATENCY_STEPS] = { 1, 2, 5, 10, 25, 50, 100, 500, 2000, 10000 };

static struct {
    Upstream      *all[UPSTREAMS_MOST];
    int            count;
    bool           looking, ending;
    Lock           lock;
    pthread_cond_t ring;
    pthread_t      thread;
} own = { .lock = LOCK_OF(RANK_SERVER) };

/* ---- addresses -------------------------------------------------------------- */

static bool host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_';
}

static bool host_read(Str text, Str *host, Str *port)
{
    bool six = text.len > 0 && text.at[0] == '[';
    isize end = six ? str_find(text, ']') : str_find(text, ':');

    if (six && end < 0)
        return false;
    if (end < 0)
        end = text.len;
    *host = str_sub(text, six, end);
    *port = str_sub(text, end + six, text.len);
    for (isize i = 0; i < host->len; i++)
        if (!host_byte(host->at[i]) && !(six && host->at[i] == ':'))
            return false;
    return host->len > 0 && host->len <= 253 && (port->len == 0 || port->at[0] == ':');
}

static bool path_good(Str path)
{
    for (isize i = 0; i < path.len; i++) {
        char c = path.at[i];
        if (!host_byte(c) && c != '/' && c != '~')
            return false;
    }
    return !str_has(path, S("..")) && !str_has(path, S("//"));
}

bool url_read(Arena *mem, Str text, Url *out)
{
    bool secure = str_starts(text, S("https://"));
    Str rest = str_sub(text, secure ? 8 : 7, text.len), port;
    isize slash = str_find(rest, '/');
    i64 number = secure ? 443 : 80;

    *out = (Url){ .secure = secure, .path = S("") };
    if (!secure && !str_starts(text, S("http://")))
        return false;
    if (slash >= 0)
        out->path = str_copy(mem, str_sub(rest, slash, rest.len));
    while (str_ends(out->path, S("/")))
        out->path.len--;
    Str authority = slash >= 0 ? str_sub(rest, 0, slash) : rest;
    if (!host_read(authority, &out->host, &port) || !path_good(out->path) ||
        (port.len > 0 && !str_int(str_sub(port, 1, port.len), &number)) || number < 1 ||
        number > 65535)
        return false;
    out->authority = str_copy(mem, authority);
    out->host = str_copy(mem, out->host);
    out->port = (int)number;
    return true;
}

static void take_addresses(Endpoint *e, const struct addrinfo *found)
{
    struct sockaddr_storage at[ADDRESSES_MOST] = { 0 };
    socklen_t len[ADDRESSES_MOST] = { 0 };
    int n = 0;

    for (; found != NULL && n < ADDRESSES_MOST; found = found->ai_next) {
        memcpy(&at[n], found->ai_addr, found->ai_addrlen);
        len[n++] = found->ai_addrlen;
    }
    lock(&e->lock);
    if (n != e->count || memcmp(at, e->at, sizeof at) != 0) {
        memcpy(e->at, at, sizeof at);
        memcpy(e->len, len, sizeof len);
        e->count = n;
        e->generation++;
    }
    unlock(&e->lock);
}

/* What was known stays when nothing is found now. */
static void look_up(const Upstream *u, Endpoint *e)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICSERV | (e->numeric ? AI_NUMERICHOST : 0) };
    struct addrinfo *found;
    Arena mem = { 0 };
    const char *port = str_z(&mem, str_fmt(&mem, "%d", e->url.port));
    int wrong = getaddrinfo(str_z(&mem, e->url.host), port, &hints, &found);

    if (wrong == 0) {
        take_addresses(e, found);
        freeaddrinfo(found);
    } else
        log_warn("upstream's name not found", L("upstream", u->config.name),
                 L("host", e->url.host), L("why", gai_strerror(wrong)));
    arena_close(&mem);
}

static void *look(void *unused)
{
    lock(&own.lock);
    while (!own.ending) {
        lock_wait(&own.lock, &own.ring, mono_after(mono_now(), seconds(LOOK_EVERY_S)).ns);
        bool ending = own.ending;
        unlock(&own.lock);
        for (int i = 0; i < own.count && !ending; i++)
            for (int k = 0; k < own.all[i]->count; k++)
                if (!own.all[i]->endpoints[k].numeric)
                    look_up(own.all[i], &own.all[i]->endpoints[k]);
        lock(&own.lock);
    }
    unlock(&own.lock);
    return unused;
}

bool endpoint_address(Endpoint *e, struct sockaddr_storage *at, socklen_t *len)
{
    lock(&e->lock);
    bool any = e->count > 0;
    if (any) {
        int i = e->next++ % e->count;
        *at = e->at[i];
        *len = e->len[i];
        e->next %= e->count;
    }
    unlock(&e->lock);
    return any;
}

void endpoint_failed(Endpoint *e, Mono now)
{
    e->down_until_ns = mono_after(now, (Span){ DOWN_MS }).ns;
}

void endpoint_fine(Endpoint *e)
{
    if (e->down_until_ns != 0)
        e->down_until_ns = 0;
}

bool endpoint_down(const Endpoint *e, Mono now)
{
    return e->down_until_ns > now.ns;
}

/* ---- upstreams --------------------------------------------------------------- */

static bool is_numeric(Arena *mem, Str host)
{
    u8 at[16];
    const char *z = str_z(mem, host);

    return inet_pton(AF_INET, z, at) == 1 || inet_pton(AF_INET6, z, at) == 1;
}

Upstream *upstream_open(Arena *mem, const UpstreamConfig *config, Str *why)
{
    Upstream *u = calloc(1, sizeof *u);

    must(u != NULL && config->url_count > 0 && config->url_count <= ENDPOINTS_MOST &&
         own.count < UPSTREAMS_MOST);
    u->config = *config;
    u->count = config->url_count;
    u->number = own.count;
    if (config->urls[0].secure) {
        u->tls = tls_client_open(mem, config->ca_file, config->cert_file, config->key_file,
                                 why);
        if (u->tls == NULL) {
            free(u);
            return NULL;
        }
    }
    breaker_init(&u->breaker, config->breaker);
    for (int i = 0; i < u->count; i++) {
        Endpoint *e = &u->endpoints[i];
        e->url = config->urls[i];
        e->host_line = str_fmt(mem, "Host: %.*s\r\n", STR_ARGS(e->url.authority));
        e->numeric = is_numeric(mem, e->url.host);
        lock_init(&e->lock, RANK_SERVER);
        look_up(u, e);
    }
    own.all[own.count++] = u;
    return u;
}

void upstreams_start(void)
{
    bool names = false;

    for (int i = 0; i < own.count; i++)
        for (int k = 0; k < own.all[i]->count; k++)
            names |= !own.all[i]->endpoints[k].numeric;
    if (!names)
        return;
    cond_init(&own.ring);
    own.ending = false;
    own.looking = true;
    must(pthread_create(&own.thread, NULL, look, NULL) == 0);
}

static bool stop_looking(void)
{
    struct timespec until;

    if (!own.looking)
        return true;
    lock(&own.lock);
    own.ending = true;
    pthread_cond_broadcast(&own.ring);
    unlock(&own.lock);
    must(clock_gettime(CLOCK_REALTIME, &until) == 0);
    until.tv_sec += JOIN_S;
    own.looking = pthread_timedjoin_np(own.thread, NULL, &until) != 0;
    return !own.looking;
}

void upstreams_close(void)
{
    if (!stop_looking())
        return;
    for (int i = 0; i < own.count; i++) {
        Upstream *u = own.all[i];
        for (int k = 0; k < u->count; k++)
            lock_close(&u->endpoints[k].lock);
        breaker_close(&u->breaker);
        tls_client_close(u->tls);
        free(u);
    }
    own.count = 0;
}

