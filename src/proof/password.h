/* password.h - which passwords may be chosen, and how they are kept.
 *
 * Kept as Argon2id (RFC 9106), 64 MiB (HASH_MEMORY_KIB), three passes, four lanes, 16
 * bytes of salt, in the PHC string form. Hashing runs on the hash threads (hasher.h),
 * never on the caller's. Needs: hasher.  Used by: policy, login, recovery, mfa. */
#pragma once
#include "base/ctx.h"
#include "proof/hasher.h"

enum { PASSWORD_LEAST = 12, PASSWORD_MOST = 128,
       PASSWORD_BYTES_MOST = 4 * PASSWORD_MOST };
enum { PASSWORD_MEMORY_KIB = 64 << 10 };
enum { ASVS_LEAST = 8, ASVS_BITS = 34 };          /* what zxcvbn thinks of it */

/* What may be chosen. `classic`: 12 to 128 letters of four classes, none more than twice
 * in a row. `asvs5` (OWASP ASVS 5.0, V6.2): 8 to 128 of any kind that take a while to
 * guess. In both not one of those that everybody tries. */
typedef enum Policy { POLICY_CLASSIC, POLICY_ASVS5 } Policy;
/* letters; 0: the policy's own */
typedef struct Rules { Policy policy; int least; } Rules;

/* Starts and ends the hash threads. */
void password_open(const HasherConfig *config);
void password_close(void);

/* Judges by these rules.
 *   fails   VALIDATION_ERROR, one entry of field `password` for each rule that is
 *           broken */
CHECKED bool password_allowed(Ctx *cx, const Rules *rules, Str password);

/*   gives   *phc in cx->mem
 *   fails   BUSY with retry_after */
CHECKED bool password_hash(Ctx *cx, Str password, Str *phc);

/* Whether it is the password of that hash, ours or one of bcrypt's. An absent hash takes
 * as long and is never it.
 *   gives   *same; *stale: right, but made otherwise than we make them now
 *   fails   BUSY with retry_after */
CHECKED bool password_check(Ctx *cx, Str phc, Str password, bool *same, bool *stale);

/* Whether it is a hash that password_check looks at. */
bool password_hash_is(Arena *mem, Str hash);

/* A PHC string with its parameters in the one order that libraries read (m, t, p), within
 * bounds; false when it is no Argon2id hash that we would check. */
CHECKED bool password_phc_settle(Arena *mem, Str phc, Str *out);
