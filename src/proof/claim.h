/* claim.h - members that tokens of every kind carry, read one way.
 * Needs: json.  Used by: jwt, foreign, service_jwt, service_token. */
#pragma once
#include "base/json.h"
#include "base/uuid.h"

/* A NumericDate (RFC 7519 section 2), in seconds that still fit as milliseconds. False
 * when it is absent or anything else. */
CHECKED bool claim_time(const Json *j, const char *name, Instant *out);

/* An id that may be absent, and leaves *out as it was then. False when it is there and is
 * none. */
CHECKED bool claim_id(const Json *j, const char *name, Uuid *out);
