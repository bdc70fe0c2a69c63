/* live_watch.h - what a stream hears beside its person's own affairs: ?topics=event:ID,
 * sales:ID, gate:ID.
 *
 * event: the stock and the state of an event that one may see. sales: every order of it;
 * gate: everybody who comes in. These two are for who works at its venue, as long as his
 * role there lasts.
 * Needs: store, identity (permission), net (stream).  Used by: live_http.c, live.c. */
#pragma once
#include "net/req.h"
#include "net/stream.h"
#include "store/outbox.h"

typedef struct Watches {
    Watch   at[WATCHES_MOST];
    int     count;
    Instant until;                                /* when a role lapses; 0: none does */
} Watches;

/* Reads ?topics=; one that is named twice is heard once. Fails VALIDATION_ERROR. */
CHECKED bool watches_read(Ctx *cx, const Req *rq, Watches *out);

/* Whether cx->who may hear them all. Fails NOT_FOUND (another tenant's too),
 * FORBIDDEN. */
CHECKED bool watches_check(Ctx *cx, Watches *w);

bool watches_any_feed(const Watches *w);          /* sales or gate            */

Topic topic_of_watch(Arena *mem, TenantId tenant, Watch w);
