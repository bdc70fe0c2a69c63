/* red.c - see red.h. A row that nobody has asked for yet is not shown. */
#include "web/red.h"
#include <stdlib.h>

enum { CLASSES = 4 };

typedef struct Row { Histogram of[CLASSES]; } Row;

static struct { const Route *table; isize count; Row *rows; } own;

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

void red_count(const Route *route, int status, i64 us)
{
    isize at = route == NULL ? own.count : route - own.table;

    if (status < 200 || status > 599 || own.rows == NULL)
        return;
    must(at >= 0 && at <= own.count);
    histogram_put(&own.rows[at].of[status / 100 - 2], SECONDS, us);
}

void red_write(Buf *b)
{
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
