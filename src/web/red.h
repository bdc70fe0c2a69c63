/* red.h - rate, errors and duration of every route: http_request_duration_seconds; and
 * why requests were refused or failed: tickettoken_faults_total.
 *
 * One series for each row of the table of routes and class of answer, and one for all
 * that no route takes; one for each row of the table of faults: what somebody asks for
 * can't make a new one.
 * Needs: histogram, route.  Used by: serve, metrics. */
#pragma once
#include "base/ctx.h"
#include "base/histogram.h"
#include "net/route.h"

void red_open(const Route *table, isize count);   /* the table stays          */
void red_close(void);

/* `route` is a row of the table, or NULL; `fault` is OK when nothing went wrong. */
void red_count(const Route *route, int status, FaultCode fault, i64 us);
void red_write(Buf *b);
