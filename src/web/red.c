/* red.c - see red.h. A row that nobody has asked for yet is not shown; a fault that has
 * not happened yet is, so that its first time is a rise too. */
#include "web/red.h"
#include <stdatomic.h>
#include <stdlib.h>

enum { CLASSES = 4 };

typedef struct Row { Histogram of[CLASSES]; } Row;

static struct {
    const Route *table;
    isize        count;
    Row         *rows;
    _Atomic i64  faults[FAULT_COUNT];
} own;

/* The last row is of those that are in no other. */
void red_open(const Route *table, isize count)
{
    must(own.rows == NULL);
    own.table = table;
    own.count = count;
    own.rows = calloc((size_t)count + 1, sizeof *own.rows);
    must(own.rows != NULL);
}

void red_close(void)
{
    free(own.rows);
    own.rows = NULL;
}

void red_count(const Route *route, int status, FaultCode fault, i64 us)
{
    isize at = route == NULL ? own.count : route - own.table;

    if (fault != OK)
        atomic_fetch_add_explicit(&own.faults[fault], 1, memory_order_relaxed);
    if (status < 200 || status > 599 || own.rows == NULL)
        return;
    must(at >= 0 && at <= own.count);
    histogram_put(&own.rows[at].of[status / 100 - 2], SECONDS, us);
}

static void write_faults(Buf *b)
{
    buf_lit(b, "# HELP tickettoken_faults_total Requests that were refused or failed, by the "
               "code of the problem that they were told.\n"
               "# TYPE tickettoken_faults_total counter\n");
    for (int c = OK + 1; c < FAULT_COUNT; c++)
        buf_fmt(b, "tickettoken_faults_total{code=\"%s\"} %jd\n",
                fault_facts((FaultCode)c)->code, (intmax_t)own.faults[c]);
}

void red_write(Buf *b)
{
    write_faults(b);
    buf_lit(b, "# HELP http_request_duration_seconds How long requests took until their "
               "answer was ready.\n# TYPE http_request_duration_seconds histogram\n");
    for (isize i = 0; i <= own.count; i++)
        for (int c = 0; c < CLASSES; c++) {
            const Route *r = i < own.count ? &own.table[i] : NULL;
            if (histogram_empty(&own.rows[i].of[c]))
                continue;
            Str labels = str_fmt(b->mem, "method=\"%s\",route=\"%s\",class=\"%dxx\"",
                                 r != NULL ? method_names.at[r->method] : "-",
                                 r != NULL ? r->path : "-", c + 2);
            histogram_show(b, &own.rows[i].of[c], SECONDS,
                           "http_request_duration_seconds", labels);
        }
}
