/* pages.h - what a person sees in a browser, and the test clock's handle.
 *
 * The pages are files of src/web/pages, taken into the program. No inline script or
 * style: they live under the strictest Content-Security-Policy.
 * Needs: net, jobs.  Used by: routes. */
#pragma once
#include "net/req.h"

/* Where letters lie that may be shown to anybody: only in development; else empty. */
void pages_open(Str mail_folder);

Handler page_start, page_start_script, page_style, page_docs, page_docs_script;
Handler page_problem;            /* GET /problems/:code                      */
Handler page_letters, page_letter;   /* GET /mail, /mail/:name               */

/* POST /internal/test/clock {advanceMs} -> 200 {now}: the calendar is moved and what
 * became due has happened when it answers. */
typedef struct ClockMove { i64 advanceMs; } ClockMove;
typedef struct ClockNow { Instant now; i64 aheadMs; } ClockNow;
extern const Shape clock_move_shape, clock_now_shape;
Handler clock_advance;
