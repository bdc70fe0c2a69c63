/* fetch.c - see fetch.h. libcurl does it.
 *
 * A thread keeps two handles, and with them their open connections: one for the world
 * and one for everybody, because a connection that was allowed to reach a private
 * network must never be reused for a customer's address. */
#include "net/fetch.h"
#include "base/network.h"
#include "base/trace.h"
#include <arpa/inet.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20, WITHIN_MS = 10000, URL_MOST = 2000, HEADER_BYTES_MOST = 32 << 10 };

typedef struct Handles { CURL *by_reach[2]; } Handles;

typedef struct Call {
    Ctx          *cx;
    const Fetch  *want;
    Fetched      *out;
    Buf           body;
    isize         header_bytes;
    bool          too_long, forbidden;
} Call;

static pthread_key_t own;
static pthread_once_t started = PTHREAD_ONCE_INIT;

static void give_back(void *arg)
{
    Handles *h = arg;

    for (int i = 0; i < 2; i++)
        if (h->by_reach[i] != NULL)
            curl_easy_cleanup(h->by_reach[i]);
    free(h);
}

static void start(void)
{
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
    must(pthread_key_create(&own, give_back) == 0);
}

static CURL *handle(FetchReach reach)
{
    must(pthread_once(&started, start) == 0);
    Handles *h = pthread_getspecific(own);
    if (h == NULL) {
        must((h = calloc(1, sizeof *h)) != NULL);
        must(pthread_setspecific(own, h) == 0);
    }
    if (h->by_reach[reach] == NULL)
        must((h->by_reach[reach] = curl_easy_init()) != NULL);
    curl_easy_reset(h->by_reach[reach]);          /* its connections stay     */
    return h->by_reach[reach];
}

static bool read_sockaddr(const struct curl_sockaddr *sa, Address *out)
{
    char text[INET6_ADDRSTRLEN];
    const void *at = sa->family == AF_INET
        ? (const void *)&((const struct sockaddr_in *)(const void *)&sa->addr)->sin_addr
        : (const void *)&((const struct sockaddr_in6 *)(const void *)&sa->addr)->sin6_addr;

    return (sa->family == AF_INET || sa->family == AF_INET6) &&
           inet_ntop(sa->family, at, text, sizeof text) != NULL &&
           address_read(str_of(text), out);
}

/* The place where a name has become an address and nothing was sent yet. */
static curl_socket_t open_socket(void *arg, curlsocktype use, struct curl_sockaddr *sa)
{
    Call *call = arg;
    Address a;

    if (use != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    if (call->want->reach == FETCH_PUBLIC &&
        (!read_sockaddr(sa, &a) || !address_public(&a))) {
        call->forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return socket(sa->family, sa->socktype | SOCK_CLOEXEC, sa->protocol);
}

static size_t take_body(char *at, size_t size, size_t count, void *arg)
{
    Call *call = arg;
    isize n = (isize)(size * count),
          most = call->want->most > 0 ? call->want->most : MOST;

    if (call->body.len + n > most) {
        call->too_long = true;
        buf_add(&call->body, (Str){ at, most - call->body.len });
        return 0;
    }
    buf_add(&call->body, (Str){ at, n });
    return size * count;
}

static Str without_end(Str line)
{
    while (str_ends(line, S("\n")) || str_ends(line, S("\r")))
        line.len--;
    return line;
}

/* An answer before the final one (100, 103) has a head too: each status line begins
 * anew. */
static size_t take_header(char *at, size_t size, size_t count, void *arg)
{
    Call *call = arg;
    Str line = str_trim(without_end((Str){ at, (isize)(size * count) }));
    Fetched *out = call->out;

    call->header_bytes += (isize)(size * count);
    if (call->header_bytes > HEADER_BYTES_MOST)
        return 0;
    if (str_starts(line, S("HTTP/")) && str_find(line, ':') < 0) {
        out->header_count = 0;
        return size * count;
    }
    if (str_find(line, ':') < 0 || out->header_count == HEADERS_MOST)
        return size * count;
    Str kept = str_copy(call->cx->mem, line), value = kept, name = str_cut(&value, ':');
    out->headers[out->header_count++] = (Header){ name, str_trim(value) };
    return size * count;
}

static bool is_plain_text(Str s)
{
    for (isize i = 0; i < s.len; i++)
        if ((u8)s.at[i] < ' ' || s.at[i] == 0x7F)
            return false;
    return true;
}

static bool check(Ctx *cx, const Fetch *f)
{
    Str rest = f->url, host;
    bool tls = str_starts(f->url, S("https://"));

    if (!tls && !(f->plain && str_starts(f->url, S("http://"))))
        return fail(cx, VALIDATION_ERROR, "fetch: not a URL that may be asked");
    rest = str_sub(rest, tls ? 8 : 7, rest.len);
    host = str_cut(&rest, '/');
    if (f->url.len > URL_MOST || host.len == 0 || !is_plain_text(f->url) ||
        str_find(host, '@') >= 0)
        return fail(cx, VALIDATION_ERROR, "fetch: not a URL that may be asked");
    for (isize i = 0; i < f->header_count; i++)
        if (f->headers[i].name.len == 0 || str_find(f->headers[i].name, ':') >= 0 ||
            !is_plain_text(f->headers[i].name) || !is_plain_text(f->headers[i].value))
            return fail(cx, VALIDATION_ERROR, "fetch: a header can't be sent");
    return true;
}

static struct curl_slist *add_line(struct curl_slist *list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(list, line);

    must(longer != NULL);
    return longer;
}

/* curl would send Accept, Expect and a form's Content-Type of its own; an empty value is
 * written with ';'. */
/* Our own places learn which trace it is; a customer's address is told nothing. */
static struct curl_slist *add_trace(struct curl_slist *list, const Ctx *cx,
                                    const Fetch *f)
{
    const Trace *t = &cx->trace;

    if (!t->on || f->reach == FETCH_PUBLIC)
        return list;
    list = add_line(list, str_z(cx->mem, str_fmt(cx->mem, "traceparent: %.*s",
                                                 STR_ARGS(trace_parent(cx->mem, t)))));
    if (t->state.len > 0)
        list = add_line(list, str_z(cx->mem, str_fmt(cx->mem, "tracestate: %.*s",
                                                     STR_ARGS(t->state))));
    return list;
}

static struct curl_slist *header_lines(Ctx *cx, const Fetch *f)
{
    struct curl_slist *list = add_line(NULL, "Expect:");
    bool typed = false, accepts = false;

    for (isize i = 0; i < f->header_count; i++) {
        const Header *h = &f->headers[i];
        typed |= str_is_nocase(h->name, S("content-type"));
        accepts |= str_is_nocase(h->name, S("accept"));
        Str line = h->value.len > 0
            ? str_fmt(cx->mem, "%.*s: %.*s", STR_ARGS(h->name), STR_ARGS(h->value))
            : str_fmt(cx->mem, "%.*s;", STR_ARGS(h->name));
        list = add_line(list, str_z(cx->mem, line));
    }
    if (!typed)
        list = add_line(list, "Content-Type:");
    if (!accepts)
        list = add_line(list, "Accept:");
    return add_trace(list, cx, f);
}

static long time_left(const Ctx *cx, Span within)
{
    i64 most = within.ms > 0 ? within.ms : WITHIN_MS;
    i64 left = (cx->deadline.ns - mono_now().ns) / 1000000;

    return (long)(left < most ? left : most);
}

static void set_method(CURL *c, const Fetch *f)
{
    if (f->body.at != NULL || f->method == M_POST) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, f->body.at != NULL ? f->body.at : "");
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body.len);
    }
    if (f->method == M_HEAD)
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method_names.at[f->method]);
}

static void set_way(CURL *c, Call *call)
{
    const Fetch *f = call->want;
    Arena *mem = call->cx->mem;

    curl_easy_setopt(c, CURLOPT_URL, str_z(mem, f->url));
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, f->plain ? "http,https" : "https");
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_MAXCONNECTS, 8L);
    if (f->ca.len > 0)
        curl_easy_setopt(c, CURLOPT_CAINFO, str_z(mem, f->ca));
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, call);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, call);
}

static bool is_over(const Fetch *f)
{
    i64 until = f->until != NULL ? atomic_load(f->until) : 0;
    return until != 0 && mono_now().ns >= until;
}

/* curl asks about once a second, and whenever something comes. */
static int look_at_time(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const Call *call = arg;

    (void)a, (void)b, (void)c, (void)d;
    return is_over(call->want);
}

static void set_end(CURL *c, Call *call, long left)
{
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, left);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, look_at_time);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, call);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, call->want->until == NULL ? 1L : 0L);
}

static bool settle(Call *call, CURLcode got, const char *error)
{
    Ctx *cx = call->cx;

    if (got != CURLE_OK && call->forbidden)
        return fail(cx, BAD_GATEWAY, "fetch: the address is not of the internet");
    if (call->too_long && call->want->too_long == FETCH_CUT)
        return true;
    if (call->too_long)
        return fail(cx, BAD_GATEWAY, "fetch: the answer is too long");
    if (got == CURLE_ABORTED_BY_CALLBACK)
        return fail(cx, GATEWAY_TIMEOUT, "fetch: given up");
    if (got == CURLE_OPERATION_TIMEDOUT)
        return fail(cx, GATEWAY_TIMEOUT, "fetch: %s", error);
    return got == CURLE_OK ||
           fail(cx, BAD_GATEWAY, "fetch: %s",
                error[0] != '\0' ? error : curl_easy_strerror(got));
}

static bool ask(Ctx *cx, const Fetch *f, Fetched *out)
{
    char error[CURL_ERROR_SIZE] = "";
    Call call = { .cx = cx, .want = f, .out = out, .body = buf_in(cx->mem, 1024) };
    long status = 0, left = time_left(cx, f->within);
    Mono from = mono_now();

    *out = (Fetched){ 0 };
    if (!check(cx, f))
        return false;
    if (left <= 0 || is_over(f))
        return fail(cx, GATEWAY_TIMEOUT, "fetch: no time is left");
    CURL *c = handle(f->reach);
    struct curl_slist *lines = header_lines(cx, f);
    set_way(c, &call);
    set_method(c, f);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, lines);
    set_end(c, &call, left);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
    CURLcode got = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(lines);
    out->status = (int)status;
    out->body = buf_str(&call.body);
    out->us = mono_us(from, mono_now());
    return settle(&call, got, error);
}

/* Without a password that stands before it: such an address is refused, and told of. */
static Str host_of(Str url)
{
    Str rest = url;

    str_cut(&rest, '/');
    str_cut(&rest, '/');
    Str host = str_cut(&rest, '/');
    while (host.len > 0 && str_find(host, '@') >= 0)
        str_cut(&host, '@');
    return host;
}

bool fetch(Ctx *cx, const Fetch *f, Fetched *out)
{
    Step step = trace_begin(cx);
    bool good = ask(cx, f, out);

    trace_end(cx, &step, TRACE_CLIENT, method_names.at[f->method],
              L("http.request.method", method_names.at[f->method]),
              L("peer.service", host_of(f->url)),
              L("http.response.status_code", out->status));
    return good;
}

Str fetched_header(const Fetched *r, Str name)
{
    for (isize i = 0; i < r->header_count; i++)
        if (str_is_nocase(r->headers[i].name, name))
            return r->headers[i].value;
    return (Str){ 0 };
}
