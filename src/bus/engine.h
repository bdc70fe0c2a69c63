/* engine.h - what a bus must be able to do. One table per engine.
 * Needs: bus.  Used by: bus.c, the engines. */
#pragma once
#include "bus/bus.h"

typedef struct BusEngine {
    const char *scheme;                           /* before the colon of the url */
    bool (*open)(Arena *mem, Str where, Str *why);
    void (*close)(void);
    bool (*publish)(Ctx *cx, const Message *m);
    Subscription (*subscribe)(BusFn *fn, void *arg);
    void (*unsubscribe)(Subscription s);
} BusEngine;

extern const BusEngine bus_embedded;
