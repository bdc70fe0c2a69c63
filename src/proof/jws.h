/* jws.h - signed texts. A key names the algorithm; a token's header must agree and
 * decides nothing.
 * Needs: jws_key.  Used by: identity (key, jwt, issuer), access (service_jwt). */
#pragma once
#include "proof/jws_key.h"

enum { JWS_MOST = 8 << 10 };

/* A compact JWS (RFC 7515) with alg, kid and typ in its header.
 *   thread  any, at once: each thread keeps its own contexts */
Str jws_sign(Arena *mem, const JwsKey *k, const char *typ, Str payload);

/* Finds the key that may verify a `kid`; NULL when there is none. */
typedef const JwsKey *JwsFind(void *arg, Str kid);

/* Checks a compact JWS by the rules at the top of jws.c. `typ` NULL: whatever it says.
 *   gives   *payload in mem; *why, when false, a word for the log
 *   thread  any, at once */
CHECKED bool jws_verify(Arena *mem, JwsFind *find, void *arg, const char *typ, Str token,
                        Str *payload, const char **why);
