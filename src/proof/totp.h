/* totp.h - the six digits of an authenticator app.
 *
 * HMAC-SHA1 and steps of 30 s, which is what every app does whatever else it is told.
 * Needs: base.  Used by: mfa. */
#pragma once
#include "base/time.h"

enum { TOTP_DIGITS = 6, TOTP_STEP_S = 30, TOTP_SECRET_BYTES = 20 };

/* The number of a counter, `digits` of them (1 to 8).
 *   source  RFC 4226 section 5.3 */
u32 hotp_at(Str secret, u64 counter, int digits);

i64 totp_step(Instant now);

/* True when `code` is that of this step, or of one before or after it, for clocks that
 * go wrong.
 *   gives   *step: whose it was; the newest if two steps have the same digits
 *   source  RFC 6238 section 5.2 */
CHECKED bool totp_match(Str secret, Str code, Instant now, i64 *step);

/* RFC 4648 section 6 without padding, as apps want it. */
Str base32_write(Arena *mem, Str bytes);
