/* limit.h - how often one address or one person may ask.
 *
 * A route says its class (net/route.h). The address is counted before anybody looks at
 * who it is, the person after; both in the kv, so what is counted may be lost, and while
 * the kv is away limits let through. Routes of the shop have no class: a crowd behind
 * one address must be able to buy. Services that have shown who they are aren't counted.
 * Needs: kv, net.  Used by: web (serve), login, auth_http. */
#pragma once
#include "kv/kv.h"
#include "net/route.h"

typedef struct LimitConfig {
    bool on;
    i64 login, registering, wallet, other, stream;
} LimitConfig;
void limit_open(const LimitConfig *config);
bool limits_on(void);

/* What counts as one address: of IPv6 a /64, which is what one subscriber has. */
Str limit_address(Ctx *cx, Str peer);

/*   fails   RATE_LIMIT_EXCEEDED with its Retry-After */
CHECKED bool limit_asker(Ctx *cx, unsigned route_is, Str peer);
CHECKED bool limit_person(Ctx *cx, unsigned route_is);       /* cx->who, if anybody is */

/* Takes the address's count back: it was no failure.
 *   fails   KV_UNAVAILABLE */
CHECKED bool limit_give_back(Ctx *cx, unsigned route_is, Str peer);
