/* jws.h - signed texts, and keys that know their one algorithm.
 *
 * A key record names the algorithm; a token's header must agree and decides nothing.
 * Four are known: ES256, RS256 (2048 to 4096 bits), EdDSA (Ed25519), and HS256 for keys
 * that both sides hold: such a key has no public part, so it is never read from PEM and
 * never published.
 * Needs: base.  Used by: jwk, identity (key, jwt, issuer, service_jwt). */
#pragma once
#include "base/json.h"
#include "base/shape.h"

typedef enum Alg { ALG_ES256, ALG_RS256, ALG_EDDSA, ALG_HS256, ALG_COUNT,
                   ALG_PAIRS = ALG_HS256 } Alg;   /* those below it have a public part */
extern const Names alg_names;                     /* begins in the order of JWT_ALGORITHM */

enum { JWS_MOST = 8 << 10, KID_MOST = 64, HS256_LEAST = 32, HS256_MOST = 64 };

typedef struct JwsKey JwsKey;

/* A new pair, not of HS256. Slow for RS256 (0.1 s): never on the way of a request. */
JwsKey *jws_key_make(Alg alg);

/* A key for HS256 out of 32 to 64 secret bytes (RFC 7518 section 3.2), which are copied. */
JwsKey *jws_key_secret(const void *bytes, isize n, Str kid);

/* A key from its PEM text, private or public. NULL, with the reason, when it isn't one of
 * this algorithm, curve and size. `kid` absent: its RFC 7638 thumbprint. */
JwsKey *jws_key_read(Arena *mem, Str pem, Alg alg, Str kid, Str *why);
void    jws_key_free(JwsKey *k);

Str  jws_kid(const JwsKey *k);
Alg  jws_alg(const JwsKey *k);
Str  jws_key_pem(Arena *mem, const JwsKey *k);    /* the private key, PKCS 8  */
void jws_key_put_jwk(Buf *b, const JwsKey *k);    /* the public one as RFC 7517 JSON */

/* A compact JWS (RFC 7515) with alg, kid and typ in its header.
 *   thread  any, at once: each thread keeps its own contexts */
Str jws_sign(Arena *mem, const JwsKey *k, const char *typ, Str payload);

/* Finds the key that may verify a `kid`; NULL when there is none. */
typedef const JwsKey *JwsFind(void *arg, Str kid);

/* True when `sig`, in the form JWS gives it (ES256: r and s, 64 bytes), is of `text`. */
CHECKED bool jws_holds(const JwsKey *k, Str text, Str sig);

/* Checks a compact JWS by the rules at the top of jws.c. `typ` NULL: whatever it says.
 *   gives   *payload in mem; *why, when false, a word for the log
 *   thread  any, at once */
CHECKED bool jws_verify(Arena *mem, JwsFind *find, void *arg, const char *typ, Str token,
                        Str *payload, const char **why);
