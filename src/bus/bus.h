/* bus.h - how rooms talk sideways: what one has done, others hear.
 *
 * Messages are told in the order of their ids to every subscriber. The relay feeds
 * the bus out of the outbox, so a message is only ever about what is committed.
 * Needs: base.  Used by: gateway (relay, live, availability). */
#pragma once
#include "base/ctx.h"

typedef struct Message {
    i64      id;                                  /* of the outbox row; rises */
    TenantId tenant;
    UserId   user;                                /* whom it is told; zero: who watches the event */
    EventId  event;                               /* what it is about; zero: no event */
    Str      type;                                /* "reservation.created"    */
    Str      data;                                /* a JSON object            */
    Instant  at;
} Message;

typedef struct BusConfig { Str url; } BusConfig;  /* "embedded:"              */

/* Opens the one bus of this process. False with *why. */
CHECKED bool bus_open(Arena *mem, const BusConfig *config, Str *why);
void bus_close(void);

/* Hands one message over; true when the engine has taken responsibility for it. The
 * same id twice is one message to an engine that keeps them.
 *   fails   BUSY when the engine can't be reached: publish it again later
 *   thread  one at a time, or the order is lost */
CHECKED bool bus_publish(Ctx *cx, const Message *m);

/* Takes a message; its texts are good only during the call. It must not block, nor
 * subscribe or unsubscribe.
 *   thread  the engine's; embedded: the publisher's */
typedef void BusFn(const Message *m, void *arg);

typedef struct { int v; } Subscription;
enum { SUBSCRIBERS_MOST = 16 };

/* From now on `fn` hears everything. */
Subscription bus_subscribe(BusFn *fn, void *arg);

/* When it returns, `fn` is not running and will not be called again. */
void bus_unsubscribe(Subscription s);

/* "events.<tenant>.<user>" and "events.<tenant>.event.<event>": what engines and
 * streams call the audience of a message. */
Str subject_user(Arena *mem, TenantId tenant, UserId user);
Str subject_event(Arena *mem, TenantId tenant, EventId event);

/* The subject that a message is told under; absent: nobody is to hear it. */
Str subject_of(Arena *mem, const Message *m);
