/* histogram.c - a value is counted in its own bucket alone, and summed up when it is
 * shown: one addition in place of thirteen. */
#include "base/histogram.h"
#include <stdatomic.h>

typedef struct Facts { HistogramScale scale; const char *name, *says; } Facts;

static const Facts facts[HISTOGRAM_COUNT] = {
#define HISTOGRAM(id, scale, name, says) [HISTOGRAM_##id] = { scale, name, says },
#include "base/histogram.def"
#undef HISTOGRAM
};

static Histogram all[HISTOGRAM_COUNT];

typedef struct Bound { i64 upto; const char *le; } Bound;

static const Bound bounds[][BUCKETS] = {
    [SECONDS] = { { 1000, "0.001" }, { 2500, "0.0025" }, { 5000, "0.005" },
                  { 10000, "0.01" }, { 25000, "0.025" }, { 50000, "0.05" },
                  { 100000, "0.1" }, { 250000, "0.25" }, { 500000, "0.5" },
                  { 1000000, "1" }, { 2500000, "2.5" }, { 10000000, "10" },
                  { INT64_MAX, "+Inf" } },
    [COUNT] = { { 1, "1" }, { 2, "2" }, { 4, "4" }, { 8, "8" }, { 16, "16" },
                { 32, "32" }, { 64, "64" }, { 128, "128" }, { 256, "256" },
                { 512, "512" }, { 1024, "1024" }, { 4096, "4096" },
                { INT64_MAX, "+Inf" } },
};

void histogram_put(Histogram *h, HistogramScale scale, i64 v)
{
    int i = 0;

    while (v > bounds[scale][i].upto)
        i++;
    atomic_fetch_add_explicit(&h->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum, v, memory_order_relaxed);
}

bool histogram_empty(const Histogram *h)
{
    for (int i = 0; i < BUCKETS; i++)
        if (atomic_load_explicit(&h->buckets[i], memory_order_relaxed) != 0)
            return false;
    return true;
}

static void put_sum(Buf *b, HistogramScale scale, i64 sum)
{
    if (scale == SECONDS)
        buf_fmt(b, "%jd.%06d\n", (intmax_t)(sum / 1000000), (int)(sum % 1000000));
    else
        buf_fmt(b, "%jd\n", (intmax_t)sum);
}

static void put_name(Buf *b, const char *name, const char *end, Str labels)
{
    buf_fmt(b, "%s%s", name, end);
    if (labels.len > 0)
        buf_fmt(b, "{%.*s}", STR_ARGS(labels));
    buf_byte(b, ' ');
}

void histogram_show(Buf *b, const Histogram *h, HistogramScale scale, const char *name,
                    Str labels)
{
    i64 n = 0;

    for (int i = 0; i < BUCKETS; i++) {
        n += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
        buf_fmt(b, "%s_bucket{%.*s%sle=\"%s\"} %jd\n", name, (int)labels.len,
                labels.len > 0 ? labels.at : "", labels.len > 0 ? "," : "",
                bounds[scale][i].le, (intmax_t)n);
    }
    put_name(b, name, "_sum", labels);
    put_sum(b, scale, atomic_load_explicit(&h->sum, memory_order_relaxed));
    put_name(b, name, "_count", labels);
    buf_fmt(b, "%jd\n", (intmax_t)n);
}

void histogram_add(HistogramId id, i64 v)
{
    must(id < HISTOGRAM_COUNT);
    histogram_put(&all[id], facts[id].scale, v);
}

void histogram_write(Buf *b)
{
    for (int i = 0; i < HISTOGRAM_COUNT; i++) {
        buf_fmt(b, "# HELP %s %s\n# TYPE %s histogram\n", facts[i].name, facts[i].says,
                facts[i].name);
        histogram_show(b, &all[i], facts[i].scale, facts[i].name, (Str){ 0 });
    }
}
