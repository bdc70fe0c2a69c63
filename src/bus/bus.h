/* bus.h - how rooms talk sideways: what one has done, others hear.
 *
 * Messages are told in the order of their ids, each once, to every subscriber. The
 * relay feeds the bus out of the outbox, so a message is only ever about what is
 * committed. The embedded bus reaches this process; one that keeps messages (NATS)
 * reaches every node, and tells again what a stream has missed.
 * Needs: base.  Used by: gateway (relay, live, availability). */
#pragma once
#include "base/ctx.h"

typedef struct Message {
    i64      id;                                  /* of the outbox row; rises */
    TenantId tenant;
    UserId   user;                                /* whom it is told; zero: who watches
                                                     the event */
    EventId  event;                               /* what it is about; zero: no event */
    Str      type;                                /* "reservation.created"    */
    Str      data;                                /* a JSON object            */
    Instant  at;
    Str      trace;                               /* traceparent of what caused it; may be
                                                     absent */
} Message;

typedef struct BusConfig {
    Str  url;                                     /* "embedded:", "nats://HOST:PORT",
                                                     "tls://..?ca=FILE" */
    Span kept;                                    /* how long the outbox keeps rows: so
                                                     does the bus */
    i64  bytes_most;                              /* that it may keep         */
    Span retry;                                   /* first wait of the start; zero: two
                                                     seconds */
} BusConfig;

/* Opens the one bus of this process. One that can't be reached is tried five times.
 * False with *why, which never shows a password. */
CHECKED bool bus_open(Arena *mem, const BusConfig *config, Str *why);
void bus_close(void);

/* Tries once whether this bus answers, and changes nothing; *detail says what it found.
 * Not while a bus is open. */
CHECKED bool bus_check(Arena *mem, const BusConfig *config, Str *detail);

/* ---- telling --------------------------------------------------------------- */

/* Whether the bus keeps messages for all nodes. Then one node at a time publishes;
 * otherwise each node tells itself. */
bool bus_keeps(void);

/* Of a bus that keeps: the id of the last message that it holds, 0 when it is empty.
 * What follows it is to be published next.
 *   fails   BUSY when it can't be reached */
CHECKED bool bus_last(Ctx *cx, i64 *id);

/* Hands messages over in their order; true when the engine has taken responsibility
 * for all. When false some of the first may have been taken: ask bus_last again.
 *   fails   BUSY when the engine can't be reached, or another publisher came first;
 *           BAD_REQUEST when it refuses the first that it has not taken, that one alone
 *   thread  one at a time, or the order is lost */
CHECKED bool bus_publish(Ctx *cx, const Message *m, isize count);

/* ---- hearing --------------------------------------------------------------- */

/* Takes a message; its texts are good only during the call. It must not block, nor
 * subscribe or unsubscribe.
 *   thread  the engine's; embedded: the publisher's */
typedef void BusFn(const Message *m, void *arg);

typedef struct { int v; } Subscription;
enum { SUBSCRIBERS_MOST = 16 };

/* When it returns, `fn` hears every message after bus_heard(). */
Subscription bus_subscribe(BusFn *fn, void *arg);

/* When it returns, `fn` is not running and will not be called again. */
void bus_unsubscribe(Subscription s);

/* From now on messages flow: those after the last that the bus holds, or after id
 * `after` where it holds none. */
void bus_begin(i64 after);

/* The id of the last message that every subscriber has been told; at first the one
 * after which they will be told; -1 while that is not known. Any thread. */
i64 bus_heard(void);

/* ---- what was missed -------------------------------------------------------- */

enum { BUS_SUBJECTS_MOST = 8 };

typedef struct BusWish {
    Str subjects[BUS_SUBJECTS_MOST];
    int count;
    i64 after, upto;                              /* ids; upto: at most bus_heard() */
    i64 most, bytes;                              /* it ends after so many messages, or the
                                                     one that makes it so many bytes; 0:
                                                     any */
} BusWish;

/* Messages of some subjects in the order of their ids, in cx->mem. False, with no
 * fault, when this bus can't surely say: it keeps none, is away or slow, or no longer
 * has all that followed `after`. Then the outbox must be asked. */
bool bus_replay(Ctx *cx, const BusWish *wish, Message **rows, isize *count);

/* ---- how it is --------------------------------------------------------------- */

/* More is counted in base/metric.def. */
typedef enum BusState { BUS_UP, BUS_AWAY } BusState;
BusState bus_state(void);

/* Asks the engine itself and waits for its answer: one that hangs keeps its connection.
 *   fails   BUSY: away, or silent until cx->deadline */
CHECKED bool bus_answers(Ctx *cx);

/* ---- nudges -------------------------------------------------------------------- */

/* Another node is to look at its outbox at once. May be lost: whoever waits looks
 * now and then anyway. */
void bus_nudge(void);

/* `fn` is called when another node nudges; NULL: no longer. It must not block. */
void bus_on_nudge(void (*fn)(void));

/* ---- subjects -------------------------------------------------------------------- */

/* "events.<tenant>.<user>" and "events.<tenant>.event.<event>": what engines and
 * streams call the audience of a message. */
Str subject_user(Arena *mem, TenantId tenant, UserId user);
Str subject_event(Arena *mem, TenantId tenant, EventId event);

/* The subject that a message is told under; absent: nobody is to hear it. */
Str subject_of(Arena *mem, const Message *m);
