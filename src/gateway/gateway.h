/* gateway.h - everything that happens reaches who may hear it, at once.
 *
 * One thread tails the outbox, feeds the bus, and keeps watchers' numbers fresh.
 * Needs: relay, live, availability.  Used by: cli (serve). */
#pragma once
#include "base/ctx.h"

struct Server;

typedef struct GatewayConfig {
    struct Server *server;                        /* whose streams are fed    */
    i64            streams_per_user;              /* the oldest over it is closed; 0: no
                                                     limit */
    Span           kept;                          /* how long the outbox keeps rows */
    Str            origins;                       /* whose pages may open streams beside
                                                     ours */
    i64            opened_most;                   /* by one person, in 60 s   */
    i64            lock_after;                    /* failed attempts of one address in 60
                                                     s; 0: never */
} GatewayConfig;

/* Starts the thread. After store_open, bus_open and server_open. False with *why. */
CHECKED bool gateway_open(Arena *mem, const GatewayConfig *config, Str *why);

/* Tells what the outbox still holds, then stops. After server_drain, before
 * server_close, bus_close and store_close. */
void gateway_close(void);

const GatewayConfig *gateway_config(void);
