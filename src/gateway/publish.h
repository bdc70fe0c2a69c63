/* publish.h - takes messages of other services for people's streams, each once.
 *
 * A message has an id, its publisher's, whose alone it is. The same id with the same
 * content is the same message however often it comes; it is told once. What was taken is
 * a row of the outbox, so it survives whatever happens next.
 * Needs: store (outbox).  Used by: publish_http, cli (the plan). */
#pragma once
#include "base/crypto.h"
#include "store/outbox.h"

enum { PUBLISH_MOST = 100, PUBLISH_BYTES_MOST = 64 << 10, PUBLISH_ID_MOST = 128,
       PUBLISH_TYPE_MOST = 100 };
#define PUBLISH_KEPT hours(24)                    /* an id is known at least so long */

typedef struct Publication {
    Str     id, type, data;                       /* data: a JSON object      */
    Instant at;                                   /* when it happened; 0: now */
    UserId  user;                                 /* one of the two           */
    EventId event;
    bool    known;                                /* it came before           */
} Publication;

/* Takes all of them or none, for cx->tenant.
 *   gives   at and known of each; `at` is what the first of its id said
 *   fails   MESSAGE_ID_REUSED (another content), NOT_FOUND (no such person or event)
 *   tx      opens its own; durable when true */
CHECKED bool publish_all_of(Ctx *cx, Publication *list, isize count);

/* Whether streams can carry a message of this type; not the words of the stream itself,
 * nor staff.changed, which ends streams. */
bool publish_type_good(Str type);

/* Whether what we ourselves tell is of its family: who hears order.paid on a stream or a
 * webhook believes that it was paid. */
bool publish_type_ours(Str type);

/* Forgets a slice of the ids that are past their day; *gone 0: there are no more. */
CHECKED bool publish_sweep(Ctx *cx, i64 *gone);
