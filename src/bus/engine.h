/* engine.h - what a bus must be able to do. One table per engine.
 *
 * Subscribers are bus.c's own: an engine calls bus_tell for each message and that is all.
 * Needs: bus.  Used by: bus.c, the engines. */
#pragma once
#include "bus/bus.h"

typedef struct BusEngine {
    const char *scheme;                           /* before the colon of the url */
    bool keeps;
    bool (*open)(Arena *mem, const BusConfig *config, Str *why);
    void (*close)(void);
    bool (*check)(Arena *mem, const BusConfig *config, Str *detail);
    bool (*last)(Ctx *cx, i64 *id);               /* of one that keeps        */
    bool (*publish)(Ctx *cx, const Message *m, isize count);
    void (*begin)(i64 after);                     /* calls bus_heard_is, now or soon */
    bool (*replay)(Ctx *cx, const BusWish *wish, Message **rows, isize *count);
    BusState (*state)(void);
    bool (*answers)(Ctx *cx);
    void (*nudge)(void);
} BusEngine;

extern const BusEngine bus_embedded, bus_nats, bus_nats_tls;

/* Tells every subscriber, unless the id is not larger than the last one told.
 *   thread  one at a time */
void bus_tell(const Message *m);

/* Subscribers hear what comes after `id`. */
void bus_heard_is(i64 id);

/* Calls who waits for nudges. */
void bus_nudged(void);
