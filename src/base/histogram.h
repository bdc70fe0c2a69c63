/* histogram.h - how often something took how long, for Prometheus.
 *
 * Adding is two or three relaxed additions; readers see what is nearly of one moment.
 * Needs: str.  Used by: every room; web shows them.
 *   source  Prometheus, exposition formats, text format 0.0.4 */
#pragma once
#include "base/str.h"

typedef enum HistogramScale { SECONDS, COUNT } HistogramScale;

enum { BUCKETS = 13 };                            /* the last one: all        */

typedef struct Histogram { _Atomic i64 buckets[BUCKETS], sum; } Histogram;

void histogram_put(Histogram *h, HistogramScale scale, i64 v);

/* The lines of one series; `labels` stands before le and may be empty. */
void histogram_show(Buf *b, const Histogram *h, HistogramScale scale, const char *name,
                    Str labels);
bool histogram_empty(const Histogram *h);

/* Those of the table. */
typedef enum HistogramId {
#define HISTOGRAM(id, scale, name, says) HISTOGRAM_##id,
#include "base/histogram.def"
#undef HISTOGRAM
    HISTOGRAM_COUNT
} HistogramId;

void histogram_add(HistogramId id, i64 v);
void histogram_write(Buf *b);                     /* all of the table         */
