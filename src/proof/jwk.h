/* jwk.h - public keys as other issuers publish them (RFC 7517): one set, read strictly.
 *
 * A set with a private or secret member in any key is refused whole: whoever publishes
 * those has lost them. Keys for encryption and of algorithms that we don't know are
 * passed over. The algorithm is pinned by the key: P-256 is ES256, RSA is RS256, Ed25519
 * is EdDSA. Needs: jws_key.  Used by: issuer. */
#pragma once
#include "proof/jws_key.h"

enum { JWK_SET_MOST = 16 };

/*   gives   *count keys in `keys`, each for jws_key_free
 *   fails   false with *why: no set, nothing in it that we can use, or private parts */
CHECKED bool jwk_set_read(Arena *mem, Str text, JwsKey *keys[JWK_SET_MOST], isize *count,
                          Str *why);
