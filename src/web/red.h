/* red.h - rate, errors and duration of every route: http_request_duration_seconds.
 *
 * One series for each row of the table of routes and class of answer, and one for all
 * that no route takes: what somebody asks for can't make a new one.
 * Needs: histogram, route.  Used by: serve, metrics. */
#pragma once
#include "base/histogram.h"
#include "net/route.h"

void red_open(const Route *table, isize count);   /* the table stays          */
void red_close(void);

/* `route` is a row of the table, or NULL. */
void red_count(const Route *route, int status, i64 us);
void red_write(Buf *b);
