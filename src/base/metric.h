/* metric.h - what is counted while the program runs, for whoever watches over it.
 *
 * metric.def is the one table. Counting is one relaxed addition on a cache line of its
 * own, so any thread may do it anywhere.
 * Needs: str.  Used by: every room; web shows them. */
#pragma once
#include "base/str.h"

typedef enum Metric {
#define METRIC(id, kind, name, labels, says) METRIC_##id,
#include "base/metric.def"
#undef METRIC
    METRIC_COUNT
} Metric;

typedef enum MetricKind { COUNTER, GAUGE, GAUGE_MS, COUNTER_MS } MetricKind;
typedef struct MetricFacts {
    MetricKind kind;
    const char *name, *labels, *says;
} MetricFacts;
const MetricFacts *metric_facts(Metric m);

void metric_add(Metric m, i64 n);                 /* counters: n > 0          */
void metric_set(Metric m, i64 value);             /* gauges                   */
void metric_is(Metric m, i64 total);              /* counters that somebody else keeps */
i64  metric_get(Metric m);

/* Everything, in Prometheus' text format.
 *   source  Prometheus, exposition formats, text format 0.0.4 */
void metric_write(Buf *b);
