/* issuer.h - other issuers whose tokens are taken, and the keys that they publish.
 *
 *   {"issuers":[{"issuer":"https://id.example","audience":"tickettoken","tenant":"<uuid>",
 *     "jwksUrl":"https://id.example/jwks.json","role":"customer","caFile":"/etc/ca.pem"}]}
 *
 * Keys are fetched when they are first needed, again after a quarter of an hour, and for a
 * kid that is not known, twice a minute at most; by one thread at a time, while others go on
 * with the keys that there are. When they can't be had the old ones serve for a day.
 * Needs: jwk, net (fetch).  Used by: foreign. */
#pragma once
#include "identity/role.h"
#include "proof/jws.h"

typedef struct Issuer Issuer;

/* Reads the file; an empty path: there are none. `plain` lets http:// pass, for tests. */
CHECKED bool issuers_open(Arena *mem, Str file, bool plain, Str *why);
void issuers_close(void);
bool issuers_any(void);

/* The one of that name whose audience is among `audience` (a text or a list); NULL: none. */
Issuer *issuer_find(Str name, const Json *audience);
bool issuer_named(Str name);                      /* of any audience          */

Str      issuer_name(const Issuer *i);
TenantId issuer_tenant(const Issuer *i);
Role     issuer_cap(const Issuer *i);             /* nobody becomes more through it */

/* Verifies a compact JWS with the issuer's keys; may wait five seconds for them, so never on
 * an io thread.
 *   gives   *payload in cx->mem
 *   fails   INVALID_TOKEN; BAD_GATEWAY, GATEWAY_TIMEOUT: its keys can't be had */
CHECKED bool issuer_verify(Ctx *cx, Issuer *i, Str token, Str *payload);
