/* health.h - is it alive, is it ready: what load balancers and operators ask.
 * Needs: store, kv, net.  Used by: routes. */
#pragma once
#include "net/req.h"

typedef struct Health { Str status, store, kv; } Health;
extern const Shape health_shape;

Handler health_show;             /* GET /health, /health/live: INLINE, touches nothing */
Handler health_ready;            /* GET /health/ready: the store answers within 2 s; says
                                    how the kv is               */

/* From now on not ready: new work should go elsewhere. Called before the drain. */
void health_leaving(void);
