/* pace.h - how many requests go behind for one address and for one person, and how many
 * messages a tenant's own programs publish, on this node.
 *
 * Counted in this process: the io threads that ask may not wait for a kv. So each node
 * counts for itself, and what is counted dies with it.
 * Needs: base, identity (limit).  Used by: proxy_http, publish_http, cli. */
#pragma once
#include "base/ctx.h"

/* In 60 s; as many may come at once, and then they come back one by one. */
typedef struct PaceConfig { bool on; i64 person, address, published; } PaceConfig;
void pace_open(const PaceConfig *config);
void pace_close(void);

/* Counts one request of an address (of IPv6: of a /64), and one of cx->who: a person or
 * an API key; services are not counted.
 *   fails   RATE_LIMIT_EXCEEDED with its Retry-After
 *   thread  any: an io thread too */
CHECKED bool pace_address(Ctx *cx, Str peer);
CHECKED bool pace_person(Ctx *cx);

/* Counts so many messages of cx->tenant, where an API key publishes them; a service is
 * trusted.
 *   fails   RATE_LIMIT_EXCEEDED with its Retry-After */
CHECKED bool pace_published(Ctx *cx, i64 count);

/* Counts so many of `key`, of which `most` may come in 60 s: 0, or milliseconds until
 * they may. */
i64 pace_take(Str key, i64 count, i64 most, Mono now);
