/* outbox.h - what the world must hear, written with what caused it.
 *
 * A row of the outbox is written in the same transaction as the change it tells
 * of. Ids rise in the order of commits, on every engine: whoever has read up to an id
 * never finds a smaller one later. There are gaps. The relay publishes rows in this
 * order, and the id is the one that streams resume by.
 * Needs: store.  Used by: every noun that changes; gateway (relay, replay). */
#pragma once
#include "store/store.h"

typedef struct Tiding {
    i64      id;
    TenantId tenant;
    UserId   user;                                /* zero: who watches the event */
    EventId  event;                               /* what it is about; zero: no event */
    Str      type;                                /* "reservation.created"    */
    Str      data;                                /* a JSON object            */
    Instant  at;
    Str      trace;                               /* traceparent of what caused it; may be
                                                     absent */
    bool     again;                               /* webhooks have it already */
} Tiding;

/* Tells `user`; when user is zero, everybody who watches `event`. A person's own
 * tidings name the event they are about, but its watchers never see them.
 *   keeps  `data` (in cx->mem) until the write_tx ends
 *   tx     runs inside the caller's write_tx */
CHECKED bool outbox_tell(Ctx *cx, UserId user, EventId event, const char *type, Str data);

/* Tells what streams have missed and webhooks have not; as above. */
CHECKED bool outbox_tell_again(Ctx *cx, UserId user, EventId event, const char *type,
                               Str data);

/* Rows after `after`, oldest first, at most `most`, and no more after those that have
 * over OUTBOX_CHARS letters together; spans tenants. For the relay. */
enum { OUTBOX_CHARS = 2 << 20 };
CHECKED bool outbox_after(Ctx *cx, i64 after, i64 most, Tiding **rows, isize *count);

/* Whether they ended because of their number or size, so that others may follow. */
bool outbox_cut(const Tiding *rows, isize count, i64 most);

/* What can be told again of an event, beside a person's own. */
typedef enum Feed { FEED_EVENT, FEED_SALES, FEED_GATE, FEEDS } Feed;
typedef struct Watch { Feed feed; EventId event; } Watch;

/* The feed that a tiding about a person's affairs belongs to; FEED_EVENT: to none. */
Feed feed_of(Str type);

enum { WATCHES_MOST = 7 };
typedef struct OutboxWish {
    UserId user;                                  /* zero: nobody's own       */
    Watch  watches[WATCHES_MOST];
    int    watch_count;
    i64    after;                                 /* ids                      */
    i64    most, chars;                           /* of one page: rows, and letters of
                                                     data */
} OutboxWish;

typedef struct OutboxPage {
    Tiding *rows;
    isize   count;
    bool    more;                                 /* others follow the last row */
    i64     oldest, newest;                       /* ids still kept of any; 0: none
                                                     ever */
} OutboxPage;

/* One page of the rows that are told to the user or belong to what he watches, oldest
 * first, each once; at least one when there is any. */
CHECKED bool outbox_replay(Ctx *cx, const OutboxWish *wish, OutboxPage *out);

/* Deletes a slice of the rows told before `until`, short enough to hold nobody up; gives
 * how many, 0 when there are no more. */
CHECKED bool outbox_sweep(Ctx *cx, Instant until, i64 *gone);
