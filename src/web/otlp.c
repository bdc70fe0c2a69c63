/* otlp.c - see otlp.h. JSON, because the specification allows it, every collector takes
 * it at the same address, and it needs no library: a step is some 450 bytes of it.
 *
 * Tried again: what the specification calls retryable (429, 502, 503, 504) and a
 * collector that can't be reached, after 1, 2, 4 s or what Retry-After says; the line
 * behind is bounded meanwhile. The requests of this thread are not traced themselves.
 * At the end all of it has the same five seconds, a call that is under way too: a
 * collector that hangs must not hold up the house. */
#include "web/otlp.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/metric.h"
#include "base/trace.h"
#include "net/fetch.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { TRIES = 4, HEADERS_OURS = 16, LAST_S = 5 };

static struct {
    Arena          mem;
    Str            url, ca, service;
    Header         headers[HEADERS_OURS];
    isize          header_count;
    isize          batch;
    Span           delay;
    TraceRecord   *taken;
    pthread_t      thread;
    bool           running;
    Lock           lock;
    pthread_cond_t changed;
    _Atomic i64    until;                         /* mono ns; 0: not stopping */
    bool           away;                          /* told once, not each time */
} own = { .lock = LOCK_OF(RANK_SERVER) };

/* ---- OTLP ------------------------------------------------------------------------ */

static void put_text(Buf *b, const char *key, Str value)
{
    buf_add(b, S("{\"key\":"));
    json_put_str(b, str_of(key));
    buf_lit(b, ",\"value\":{\"stringValue\":");
    json_put_str(b, value);
    buf_lit(b, "}}");
}

static void put_int(Buf *b, const char *key, i64 value)
{
    buf_add(b, S("{\"key\":"));
    json_put_str(b, str_of(key));
    buf_fmt(b, ",\"value\":{\"intValue\":\"%jd\"}}", (intmax_t)value);
}

static void put_attrs(Buf *b, const TraceRecord *r)
{
    for (int i = 0; i < r->attr_count; i++) {
        const TraceAttr *a = &r->attrs[i];
        if (i > 0)
            buf_byte(b, ',');
        if (a->is_str)
            put_text(b, a->key, (Str){ r->text + a->at, a->len });
        else
            put_int(b, a->key, a->i);
    }
}

static bool has_parent(const TraceRecord *r)
{
    static const u8 none[8];
    return !same_bytes(r->parent, none, sizeof none);
}

static void put_step(Buf *b, const TraceRecord *r)
{
    buf_fmt(b, "{\"traceId\":\"%.*s\",\"spanId\":\"%.*s\"",
            STR_ARGS(hex_write(b->mem, r->id, sizeof r->id)),
            STR_ARGS(hex_write(b->mem, r->span, sizeof r->span)));
    if (has_parent(r))
        buf_fmt(b, ",\"parentSpanId\":\"%.*s\"",
                STR_ARGS(hex_write(b->mem, r->parent, sizeof r->parent)));
    buf_fmt(b, ",\"flags\":%d,\"kind\":%d,\"startTimeUnixNano\":\"%jd\""
            ",\"endTimeUnixNano\":\"%jd\",\"name\":", r->flags, (int)r->kind,
            (intmax_t)r->from_ns, (intmax_t)r->to_ns);
    json_put_str(b, str_of(r->name));
    buf_lit(b, ",\"attributes\":[");
    put_attrs(b, r);
    buf_add(b, r->failed ? S("],\"status\":{\"code\":2}}") : S("],\"status\":{}}"));
}

static Str write_batch(Arena *mem, const TraceRecord *r, isize n)
{
    char host[256] = "";
    Buf b = buf_in(mem, 256 + n * 512);

    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    buf_lit(&b, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
    put_text(&b, "service.name", own.service);
    buf_byte(&b, ',');
    put_text(&b, "service.version", S(VERSION));
    buf_byte(&b, ',');
    put_text(&b, "host.name", str_of(host));
    buf_byte(&b, ',');
    put_int(&b, "process.pid", getpid());
    buf_lit(&b, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"tickettoken\",\"version\":\""
            VERSION
                "\"},\"spans\":[");
    for (isize i = 0; i < n; i++) {
        if (i > 0)
            buf_byte(&b, ',');
        put_step(&b, &r[i]);
    }
    buf_lit(&b, "]}]}]}");
    return buf_str(&b);
}

/* ---- sending ----------------------------------------------------------------------- */

static bool may_retry(int status)
{
    return status == 0 || status == 429 || status == 502 || status == 503 ||
           status == 504;
}

static bool ends(void) { return atomic_load(&own.until) != 0; }
static bool is_over(void) { return ends() && mono_now().ns >= atomic_load(&own.until); }

/* Cut short when the house closes. */
static void pause_for(i64 ms)
{
    lock(&own.lock);
    i64 until = mono_after(mono_now(), (Span){ ms }).ns;
    while (!ends() && mono_now().ns < until)
        lock_wait(&own.lock, &own.changed, until);
    unlock(&own.lock);
}

static int post(Arena *mem, Str body, i64 *retry_ms)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Fetched got;
    i64 s;
    Fetch f = { .method = M_POST, .url = own.url, .headers = own.headers, .body = body,
                .header_count = own.header_count, .reach = FETCH_ANYONE, .plain = true,
                .ca = own.ca, .within = seconds(ends() ? LAST_S / 2 : 10),
                .until = &own.until };

    if (!fetch(&cx, &f, &got)) {
        if (!own.away)
            log_warn("the collector of traces can't be reached",
                     L("why", (const char *)cx.fault.why));
        own.away = true;
        return 0;
    }
    if (str_int(fetched_header(&got, S("retry-after")), &s) && s > 0 && s <= 60)
        *retry_ms = s * 1000;
    if (own.away && got.status < 300)
        log_info("the collector of traces answers again");
    if (!own.away && got.status >= 300)
        log_warn("the collector refuses traces", L("status", got.status));
    own.away = got.status >= 300;
    return got.status;
}

static void send(Arena *mem, const TraceRecord *r, isize n)
{
    Str body = write_batch(mem, r, n);

    for (int i = 0; i < TRIES && !is_over(); i++) {
        i64 retry_ms = 1000 << i;
        int status = post(mem, body, &retry_ms);
        if (status >= 200 && status < 300) {
            metric_add(METRIC_TRACE_SENT, n);
            return;
        }
        if (!may_retry(status))
            break;
        if (i + 1 < TRIES)
            pause_for(retry_ms);
    }
    metric_add(METRIC_TRACE_LOST_SENT, n);
}

static void *sender(void *arg)
{
    Arena mem = { 0 };
    isize n = 1;

    (void)arg;
    pthread_setname_np(pthread_self(), "traces");
    while (n > 0 || !ends()) {
        n = trace_take(own.taken, own.batch, own.batch,
                       mono_after(mono_now(), own.delay));
        if (n > 0)
            send(&mem, own.taken, n);
        arena_reset(&mem, 1 << 20);
    }
    arena_close(&mem);
    return NULL;
}

/* ---- opening ----------------------------------------------------------------------- */

/* The values are percent-encoded (W3C Baggage, as the exporter's specification says). */
static Str decode(Arena *mem, Str s)
{
    Buf b = buf_in(mem, s.len);
    u8 byte;

    for (isize i = 0; i < s.len; i++)
        if (s.at[i] == '%' &&
            hex_read(str_lower(mem, str_sub(s, i + 1, i + 3)), &byte, 1)) {
            buf_byte(&b, (char)byte);
            i += 2;
        } else
            buf_byte(&b, s.at[i]);
    return buf_str(&b);
}

static bool read_headers(Str left, Str *why)
{
    own.headers[own.header_count++] = (Header){ S("Content-Type"),
                                                S("application/json") };
    while (left.len > 0) {
        Str value = str_trim(str_cut(&left, ',')), name = str_trim(str_cut(&value, '='));
        if (name.len == 0)
            continue;
        if (value.at == NULL || own.header_count == HEADERS_OURS) {
            *why = S("OTEL_EXPORTER_OTLP_HEADERS: write name=value,name=value");
            return false;
        }
        own.headers[own.header_count++] = (Header){ str_copy(&own.mem, name),
                                                    decode(&own.mem, str_trim(value)) };
    }
    return true;
}

static bool read_ratio(Arena *mem, Str s, double *out, Str *why)
{
    char *end;
    const char *z = str_z(mem, s);

    *out = strtod(z, &end);
    if (*end == '\0' && *out >= 0 && *out <= 1)
        return true;
    *why = S("OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1, such as 0.05");
    return false;
}

static Str address(const Config *c)
{
    Str base = c->otel_endpoint;

    if (c->otel_traces.len > 0)
        return str_copy(&own.mem, c->otel_traces);
    while (str_ends(base, S("/")))
        base.len--;
    return str_fmt(&own.mem, "%.*s/v1/traces", STR_ARGS(base));
}

static bool read_texts(Arena *mem, const Config *c, double *ratio, Str *why)
{
    const Secret *headers = &c->otel_headers;

    own.header_count = 0;
    return read_ratio(mem, c->otel_ratio, ratio, why) &&
           read_headers((Str){ (const char *)headers->at, headers->len }, why);
}

bool otlp_reads(Arena *mem, const Config *c, Str *why)
{
    double ratio;

    must(!own.running);
    bool good = (c->otel_endpoint.len == 0 && c->otel_traces.len == 0) ||
                read_texts(mem, c, &ratio, why);
    own.header_count = 0;
    arena_wipe(&own.mem);
    return good;
}

bool otlp_open(Arena *mem, const Config *c, Str *why)
{
    TraceConfig t = { .sampler = (TraceSampler)c->otel_sampler,
                      .waiting_most = c->otel_queue };

    if (c->otel_endpoint.len == 0 && c->otel_traces.len == 0)
        return true;
    own.until = 0;
    own.url = address(c);
    own.ca = str_copy(&own.mem, c->otel_ca);
    own.service = str_copy(&own.mem, c->otel_service);
    own.batch = c->otel_batch < c->otel_queue ? c->otel_batch : c->otel_queue;
    own.delay = (Span){ c->otel_delay };
    if (!read_texts(mem, c, &t.ratio, why)) {
        arena_wipe(&own.mem);
        return false;
    }
    own.taken = calloc((size_t)own.batch, sizeof *own.taken);
    must(own.taken != NULL);
    trace_open(&t);
    cond_init(&own.changed);
    must(pthread_create(&own.thread, NULL, sender, NULL) == 0);
    own.running = true;
    return true;
}

void otlp_close(void)
{
    if (!own.running)
        return;
    lock(&own.lock);
    own.until = mono_after(mono_now(), seconds(LAST_S)).ns;
    unlock(&own.lock);
    pthread_cond_broadcast(&own.changed);
    trace_hurry();
    must(pthread_join(own.thread, NULL) == 0);
    own.running = false;
    trace_close();
    pthread_cond_destroy(&own.changed);
    free(own.taken);
    arena_wipe(&own.mem);
}
