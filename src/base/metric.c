/* metric.c - see metric.h. Nobody needs two metrics to agree with each other, so nothing
 * is ordered. */
#include "base/metric.h"
#include <stdatomic.h>
#include <string.h>

static const MetricFacts facts[METRIC_COUNT] = {
#define METRIC(id, kind, name, labels, says) [METRIC_##id] = { kind, name, labels, says },
#include "base/metric.def"
#undef METRIC
};

static struct { _Alignas(64) _Atomic i64 v; } values[METRIC_COUNT];

const MetricFacts *metric_facts(Metric m)
{
    must(m < METRIC_COUNT);
    return &facts[m];
}

void metric_add(Metric m, i64 n)
{
    must(m < METRIC_COUNT);
    atomic_fetch_add_explicit(&values[m].v, n, memory_order_relaxed);
}

static bool is_counter(Metric m)
{
    return facts[m].kind == COUNTER || facts[m].kind == COUNTER_MS;
}

void metric_is(Metric m, i64 total)
{
    must(m < METRIC_COUNT && is_counter(m));
    atomic_store_explicit(&values[m].v, total, memory_order_relaxed);
}

void metric_set(Metric m, i64 value)
{
    must(m < METRIC_COUNT && !is_counter(m));
    atomic_store_explicit(&values[m].v, value, memory_order_relaxed);
}

i64 metric_get(Metric m)
{
    must(m < METRIC_COUNT);
    return atomic_load_explicit(&values[m].v, memory_order_relaxed);
}

static void put_value(Buf *b, const MetricFacts *f, i64 v)
{
    if (f->kind == GAUGE_MS || f->kind == COUNTER_MS)
        buf_fmt(b, "%s%jd.%03d\n", v < 0 ? "-" : "", (intmax_t)(v < 0 ? -v : v) / 1000,
                (int)((v < 0 ? -v : v) % 1000));
    else
        buf_fmt(b, "%jd\n", (intmax_t)v);
}

void metric_write(Buf *b)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        const MetricFacts *f = &facts[m];
        if (m == 0 || strcmp(facts[m - 1].name, f->name) != 0)
            buf_fmt(b, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->says, f->name,
                    is_counter((Metric)m) ? "counter" : "gauge");
        buf_fmt(b, f->labels[0] != '\0' ? "%s{%s} " : "%s%s ", f->name, f->labels);
        put_value(b, f, metric_get((Metric)m));
    }
}
