/* issuer.h - other issuers whose tokens are taken, and the keys that they publish.
 *
 *   {"issuers":[{"issuer":"https://id.example","audience":"tickettoken","tenant":"<uuid>",
 *     "jwksUrl":"https://id.example/jwks.json","role":"customer","caFile":"/etc/ca.pem"}]}
 *
 * Keys are fetched when they are first needed, again after a quarter of an hour, and for
 * a kid that is not known, twice a minute at most; by one thread at a time, while others
 * go on with the keys that there are. When they can't be had the old ones serve for a
 * day. Needs: jwk, net (fetch).  Used by: foreign. */
#pragma once
#include "base/crypto.h"
#include "identity/role.h"
#include "proof/jws.h"

typedef struct Issuer Issuer;
typedef struct IssuerList IssuerList;             /* what was read at once    */

/* Reads the file; an empty path: there are none. NULL with *why, in mem. `self` is our
 * own name, which none may have. For tests: `plain` lets http:// pass, and spans other
 * than zero come in place of the quarter, the half minute and the day. */
typedef struct IssuersConfig {
    Str  file, self;
    bool plain;
    Span fresh_for, ask_every, serves_for;
} IssuersConfig;
IssuerList *issuers_read(Arena *mem, const IssuersConfig *config, Str *why);

/* Theirs are taken from now on; may be called while others verify. Keys of who stands in
 * both lists are kept. The list before goes when nobody looks at it any more. */
void issuers_use(IssuerList *list);
void issuers_drop(IssuerList *list);              /* one that is not to be used */

/* Both at once. */
CHECKED bool issuers_open(Arena *mem, const IssuersConfig *config, Str *why);
void issuers_close(void);
bool issuers_any(void);

/* The one of that name whose audience is among `audience` (a text or a list), held until
 * issuer_done; NULL: none. */
Issuer *issuer_take(Str name, const Json *audience);
void issuer_done(Issuer *i);
bool issuer_is(const Issuer *i, Str name, const Json *audience);
bool issuer_named(Str name);                      /* of any audience          */

/* Of all that the list says of one; and whether one of the list in use says the same. */
Digest issuer_mark(const Issuer *i);
bool   issuers_have(const Digest *mark);

Str      issuer_name(const Issuer *i);
TenantId issuer_tenant(const Issuer *i);
Role     issuer_cap(const Issuer *i);             /* nobody becomes more through it */

/* Verifies a compact JWS with the issuer's keys; may wait five seconds for them, so never
 * on an io thread.
 *   gives   *payload in cx->mem
 *   fails   INVALID_TOKEN; BAD_GATEWAY, GATEWAY_TIMEOUT: its keys can't be had */
CHECKED bool issuer_verify(Ctx *cx, Issuer *i, Str token, Str *payload);
