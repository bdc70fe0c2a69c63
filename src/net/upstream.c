/* upstream.c - an upstream keeps its place (number) as long as anybody holds it, so what
 * an io thread has for that place is never another's. What a name stands for may change;
 * lines to an address that is not the name's any more are closed when they are next to be
 * used (generation). Of more addresses than there is room for the same are taken each
 * time.
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
    Upstream      *all[UPSTREAM_PLACES];          /* NULL: free               */
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

typedef struct Found {
    struct sockaddr_storage at[ADDRESSES_MOST];
    socklen_t len[ADDRESSES_MOST];
    int count;
} Found;

/* Into its place by its bytes; twice the same, or after the last there is room for,
 * not. */
static void sort_in(Found *f, const struct sockaddr *at, socklen_t len)
{
    struct sockaddr_storage one = { 0 };
    int i = 0, way = 1;

    memcpy(&one, at, len);
    while (i < f->count && (way = memcmp(&one, &f->at[i], sizeof one)) > 0)
        i++;
    if (i == ADDRESSES_MOST || (i < f->count && way == 0))
        return;
    f->count += f->count < ADDRESSES_MOST;
    for (int k = f->count - 1; k > i; k--) {
        f->at[k] = f->at[k - 1];
        f->len[k] = f->len[k - 1];
    }
    f->at[i] = one;
    f->len[i] = len;
}

void endpoint_take(Endpoint *e, const struct addrinfo *found)
{
    Found f = { 0 };

    for (; found != NULL; found = found->ai_next)
        sort_in(&f, found->ai_addr, found->ai_addrlen);
    lock(&e->lock);
    if (f.count != e->count || memcmp(f.at, e->at, sizeof f.at) != 0) {
        memcpy(e->at, f.at, sizeof f.at);
        memcpy(e->len, f.len, sizeof f.len);
        e->count = f.count;
        e->generation++;
    }
    unlock(&e->lock);
}

/* What was known stays when nothing is found now. */
static void look_up(const Upstream *u, Endpoint *e)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICSERV |
                              (e->numeric ? AI_NUMERICHOST : 0) };
    struct addrinfo *found;
    Arena mem = { 0 };
    const char *port = str_z(&mem, str_fmt(&mem, "%d", e->url.port));
    int wrong = getaddrinfo(str_z(&mem, e->url.host), port, &hints, &found);

    if (wrong == 0) {
        endpoint_take(e, found);
        freeaddrinfo(found);
    } else
        log_warn("upstream's name not found", L("upstream", u->config.name),
                 L("host", e->url.host), L("why", gai_strerror(wrong)));
    arena_close(&mem);
}

/* Held; NULL: none is in that place, or it is just being let go. */
static Upstream *take(int place)
{
    lock(&own.lock);
    Upstream *u = own.all[place];
    int users = u == NULL ? 0 : atomic_load(&u->users);
    while (users > 0 && !atomic_compare_exchange_weak(&u->users, &users, users + 1))
        continue;
    unlock(&own.lock);
    return users > 0 ? u : NULL;
}

static void look_all_up(void)
{
    for (int i = 0; i < UPSTREAM_PLACES; i++) {
        Upstream *u = take(i);
        if (u == NULL)
            continue;
        for (int k = 0; k < u->count && !u->retired; k++)
            if (!u->endpoints[k].numeric)
                look_up(u, &u->endpoints[k]);
        upstream_let_go(u);
    }
}

static void *look(void *unused)
{
    lock(&own.lock);
    while (!own.ending) {
        lock_wait(&own.lock, &own.ring, mono_after(mono_now(), seconds(LOOK_EVERY_S)).ns);
        bool ending = own.ending;
        unlock(&own.lock);
        if (!ending)
            look_all_up();
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

static void free_upstream(Upstream *u)
{
    for (int i = 0; i < u->count; i++)
        lock_close(&u->endpoints[i].lock);
    breaker_close(&u->breaker);
    tls_client_close(u->tls);
    arena_close(&u->mem);
    free(u);
}

void upstream_hold(Upstream *u) { atomic_fetch_add(&u->users, 1); }

void upstream_let_go(Upstream *u)
{
    if (atomic_fetch_sub(&u->users, 1) > 1)
        return;
    lock(&own.lock);
    own.all[u->number] = NULL;
    unlock(&own.lock);
    free_upstream(u);
}

void upstream_retire(Upstream *u)
{
    u->retired = true;
    upstream_let_go(u);
}

static void copy_config(Upstream *u, const UpstreamConfig *c)
{
    Url *urls = make(&u->mem, Url, c->url_count);
    Str *texts[] = { &u->config.name, &u->config.ca_file, &u->config.cert_file,
                     &u->config.key_file };

    u->config = *c;
    for (isize i = 0; i < countof(texts); i++)
        *texts[i] = str_copy(&u->mem, *texts[i]);
    for (int i = 0; i < c->url_count; i++) {
        urls[i] = c->urls[i];
        urls[i].host = str_copy(&u->mem, urls[i].host);
        urls[i].authority = str_copy(&u->mem, urls[i].authority);
        urls[i].path = str_copy(&u->mem, urls[i].path);
    }
    u->config.urls = urls;
    u->count = c->url_count;
}

static void open_endpoint(Upstream *u, int i)
{
    Endpoint *e = &u->endpoints[i];

    e->url = u->config.urls[i];
    e->host_line = str_fmt(&u->mem, "Host: %.*s\r\n", STR_ARGS(e->url.authority));
    e->numeric = is_numeric(&u->mem, e->url.host);
    lock_init(&e->lock, RANK_SERVER);
    look_up(u, e);
}

static bool settle(Upstream *u)
{
    lock(&own.lock);
    while (u->number < UPSTREAM_PLACES && own.all[u->number] != NULL)
        u->number++;
    bool free_place = u->number < UPSTREAM_PLACES;
    if (free_place)
        own.all[u->number] = u;
    unlock(&own.lock);
    return free_place;
}

static bool open_tls(Arena *mem, Upstream *u, Str *why)
{
    const UpstreamConfig *c = &u->config;

    if (c->urls[0].secure)
        u->tls = tls_client_open(mem, c->ca_file, c->cert_file, c->key_file, why);
    return !c->urls[0].secure || u->tls != NULL;
}

Upstream *upstream_open(Arena *mem, const UpstreamConfig *config, Str *why)
{
    Upstream *u = calloc(1, sizeof *u);

    must(u != NULL && config->url_count > 0 && config->url_count <= ENDPOINTS_MOST);
    copy_config(u, config);
    breaker_init(&u->breaker, config->breaker);
    u->users = 1;
    for (int i = 0; i < u->count; i++)
        open_endpoint(u, i);
    if (!open_tls(mem, u, why)) {
        free_upstream(u);
        return NULL;
    }
    if (settle(u))
        return u;
    *why = S("too many of before still have requests on their way");
    free_upstream(u);
    return NULL;
}

static bool has_names(void)
{
    bool names = false;

    for (int i = 0; i < UPSTREAM_PLACES; i++) {
        Upstream *u = take(i);
        for (int k = 0; u != NULL && k < u->count; k++)
            names |= !u->endpoints[k].numeric;
        if (u != NULL)
            upstream_let_go(u);
    }
    return names;
}

void upstreams_start(void)
{
    if (own.looking || !has_names())
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
        log_warn("a look-up of an upstream's name hangs and is left behind");
}
