/* content.h - what a page shows of an event: gallery, lineup, schedule, performers.
 *
 * One JSON document that the organiser's tools make up; we keep it whole.
 * Needs: event.  Used by: content_http. */
#pragma once
#include "events/event.h"

enum { CONTENT_MOST = 64 << 10 };                 /* bytes                    */

typedef struct Content { Str content; } Content;  /* a JSON object            */
extern const Shape content_shape;

/* As cx->who sees the event. Fails NOT_FOUND.  tx  inside the caller's */
CHECKED bool content_get(Ctx *cx, EventId id, Content *out);

/* In any state: a programme changes until the last minute, and pictures come after.
 *   fails   NOT_FOUND, FORBIDDEN, VALIDATION_ERROR
 *   tx      inside the caller's write_tx */
CHECKED bool content_put(Ctx *cx, EventId id, const Content *in);
