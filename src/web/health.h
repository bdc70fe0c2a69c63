/* health.h - is it alive, is it ready, how is it: what load balancers and operators ask.
 *
 * Engines are asked by threads of their own, side by side, so that an answer takes two
 * seconds at most however long an engine is silent; who asks while one is being asked
 * shares the answer to the next.
 * Needs: store, kv, bus, net.  Used by: routes, cli. */
#pragma once
#include "base/config.h"
#include "net/req.h"

typedef struct Health { Str status, store, kv, bus; } Health;
typedef struct EngineHealth { Str name, state, version, why; i64 us; } EngineHealth;
typedef struct HealthDetail {
    Str     status, version, config;
    i64     uptime, lanesWaiting, requestsWaiting, hashWaiting, busLag, outboxAgeMs;
    Instant started;
    bool    relay, clock;
    List    engines;                              /* of EngineHealth          */
} HealthDetail;
extern const Shape health_shape, health_detail_shape;

Handler health_show;             /* GET /health, /health/live: INLINE, touches nothing */
Handler health_ready;            /* GET /health/ready: 503 when the store is away or the server
                                    leaves; says how each engine is */
Handler health_detailed;         /* GET /health/detailed: for operators      */

/* Starts those threads, and takes the fingerprint of the settings; the latter alone when
 * they are others. */
void health_open(const Config *c);
void health_settings(const Config *c);
void health_close(void);

/* From now on not ready: new work should go elsewhere. Called before the drain. */
void health_leaving(void);

/* What nodes of one installation have in common, as 16 letters that differ when they do:
 * every setting but those of the machine, secrets too, and the lists of services and of
 * issuers. Without the secret nobody can try what they might be. */
Str health_fingerprint(Arena *mem, const Config *c);
