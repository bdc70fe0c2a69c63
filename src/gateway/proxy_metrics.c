/* proxy_metrics.c - one time series for each upstream of the file; their names are
 * labels, which the file's reader has seen to be words. */
#include "gateway/proxy.h"

typedef struct Series { const char *name, *labels, *kind, *says; isize at; } Series;

#define COUNT(field) (isize)offsetof(UpstreamCounts, field)
static const Series series[] = {
    { "requests_total", "", "counter", "Requests that were to go to an upstream.",
      COUNT(requests) },
    { "retries_total", "", "counter", "Times that one was sent again.", COUNT(retries) },
    { "answers_total", ",class=\"2xx\"", "counter", "Answers of it, by class of status.",
      COUNT(classes[2]) },
    { "answers_total", ",class=\"3xx\"", "counter", "", COUNT(classes[3]) },
    { "answers_total", ",class=\"4xx\"", "counter", "", COUNT(classes[4]) },
    { "answers_total", ",class=\"5xx\"", "counter", "", COUNT(classes[5]) },
    { "failures_total", ",kind=\"unreachable\"", "counter",
      "Requests that it did not answer, by what went wrong.", COUNT(unreachable) },
    { "failures_total", ",kind=\"late\"", "counter", "", COUNT(late) },
    { "failures_total", ",kind=\"broken\"", "counter", "", COUNT(broken) },
    { "failures_total", ",kind=\"refused\"", "counter", "", COUNT(refused) },
    { "connections", "", "gauge", "Connections to it, idle ones too.", COUNT(open) },
    { "waiting", "", "gauge", "Requests that wait for a connection.", COUNT(waiting) },
};
#undef COUNT

static void put_series(Buf *b, const Series *s, const ProxyRow **rows, int n)
{
    if (s->says[0] != '\0')
        buf_fmt(b, "# HELP tickettoken_upstream_%s %s\n# TYPE tickettoken_upstream_%s %s\n",
                s->name, s->says, s->name, s->kind);
    for (int i = 0; i < n; i++) {
        const _Atomic i64 *v = (const void *)((const char *)&rows[i]->up->counts + s->at);
        buf_fmt(b, "tickettoken_upstream_%s{upstream=\"%.*s\"%s} %jd\n", s->name,
                STR_ARGS(rows[i]->name), s->labels, (intmax_t)*v);
    }
}

static void put_latency(Buf *b, const ProxyRow *row)
{
    const UpstreamCounts *c = &row->up->counts;
    const char *name = "tickettoken_upstream_first_byte_seconds";
    i64 sum = 0, us = c->latency_us;

    for (int i = 0; i < LATENCY_STEPS; i++) {
        sum += c->latency[i];
        buf_fmt(b, "%s_bucket{upstream=\"%.*s\",le=\"%d.%03d\"} %jd\n", name,
                STR_ARGS(row->name), latency_ms[i] / 1000, latency_ms[i] % 1000,
                (intmax_t)sum);
    }
    sum += c->latency[LATENCY_STEPS];
    buf_fmt(b, "%s_bucket{upstream=\"%.*s\",le=\"+Inf\"} %jd\n", name,
            STR_ARGS(row->name), (intmax_t)sum);
    buf_fmt(b, "%s_sum{upstream=\"%.*s\"} %jd.%06d\n", name, STR_ARGS(row->name),
            (intmax_t)us / 1000000, (int)(us % 1000000));
    buf_fmt(b, "%s_count{upstream=\"%.*s\"} %jd\n", name, STR_ARGS(row->name),
            (intmax_t)sum);
}

static void put_breakers(Buf *b, const ProxyRow **rows, int n)
{
    buf_lit(b, "# HELP tickettoken_upstream_breaker 0 while it is asked, 1 while it is "
               "not, 2 while one probe is out.\n# TYPE tickettoken_upstream_breaker gauge\n");
    for (int i = 0; i < n; i++)
        buf_fmt(b, "tickettoken_upstream_breaker{upstream=\"%.*s\"} %d\n",
                STR_ARGS(rows[i]->name),
                (int)breaker_view(&rows[i]->up->breaker, mono_now()).state);
    buf_lit(b, "# HELP tickettoken_upstream_breaker_opened_total Times that its breaker opened.\n"
               "# TYPE tickettoken_upstream_breaker_opened_total counter\n");
    for (int i = 0; i < n; i++)
        buf_fmt(b, "tickettoken_upstream_breaker_opened_total{upstream=\"%.*s\"} %jd\n",
                STR_ARGS(rows[i]->name),
                (intmax_t)breaker_view(&rows[i]->up->breaker, mono_now()).opened);
}

static void put_all(Buf *b, const ProxyRow **rows, int n)
{
    for (isize i = 0; i < countof(series); i++)
        put_series(b, &series[i], rows, n);
    put_breakers(b, rows, n);
    buf_lit(b, "# HELP tickettoken_upstream_first_byte_seconds Until the head of its answer came.\n"
               "# TYPE tickettoken_upstream_first_byte_seconds histogram\n");
    for (int i = 0; i < n; i++)
        put_latency(b, rows[i]);
}

void proxy_metrics(Arena *mem, Buf *b)
{
    int n;
    const ProxyRow **rows = proxy_rows(mem, &n);

    if (n > 0)
        put_all(b, rows, n);
    proxy_rows_done(rows, n);
}
