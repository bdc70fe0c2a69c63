/* service_token.h - the text that a service shows: X-Service-Token.
 *
 * base64 of one JSON object whose last member is the signature:
 *
 *   {"iss":"ticket-service","sub":"ticket-service","iat":1234567890,"exp":1234568190,
 *    "nonce":"<32 hex>","env":"production","scopes":["events:read"],"sig":"<64 hex>"}
 *
 * `sig` is the hex HMAC-SHA256 of the object as it stands there, to the letter, without
 * the member sig. Beside those of requirements file 000 it may say `aud` (the service it
 * is for), `tenantId` and `userId` (on whose behalf); what else it says is covered and
 * ignored. Needs: service_list, base.  Used by: service, cli. */
#pragma once
#include "access/service_list.h"

enum { SERVICE_TOKEN_MOST = 4096 };
#define SERVICE_TOKEN_LASTS seconds(300)
#define SERVICE_TOKEN_EARLY seconds(60)           /* renewed so long before its end */

typedef struct Assertion {
    Str      issuer, subject, environment, audience;      /* audience absent: says none */
    unsigned scopes;
    TenantId tenant;                              /* zero: says none          */
    UserId   user;
    Instant  issued, expires;
} Assertion;

/* Signs with a fresh nonce. `key` must not be empty. */
Str assertion_write(Arena *mem, const Assertion *a, const Secret *key);

/* A token that was read and of which nothing is proved yet. */
typedef struct Claimed { Assertion a; Str text; u8 sig[SHA256_BYTES]; } Claimed;

/*   gives   *out, in mem; *why, when false, a word for the log */
CHECKED bool assertion_read(Arena *mem, Str token, Claimed *out, const char **why);

/* True when one of the keys that are good at `now` has signed it. Takes the same time
 * whichever it is. */
CHECKED bool assertion_holds(const Claimed *c, const Keys *keys, Instant now);
