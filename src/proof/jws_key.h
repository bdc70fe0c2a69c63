/* jws_key.h - keys that know their one algorithm, and what they sign.
 *
 * Four are known: ES256, RS256 (2048 to 4096 bits), EdDSA (Ed25519), and HS256 for keys
 * that both sides hold: such a key has no public part, so it is never read from PEM and
 * never published.
 * Needs: base.  Used by: jws, jwk, identity (key). */
#pragma once
#include "base/json.h"
#include "base/shape.h"

typedef enum Alg { ALG_ES256, ALG_RS256, ALG_EDDSA, ALG_HS256, ALG_COUNT,
                   ALG_PAIRS = ALG_HS256 } Alg;   /* those below it have a public part */
extern const Names alg_names;                     /* begins in the order of
                                                     JWT_ALGORITHM */

enum { KID_MOST = 64, HS256_LEAST = 32, HS256_MOST = 64, RSA_MOST = 4096,
       SIGNATURE_MOST = RSA_MOST / 8, CORE_MOST = 800 };

struct evp_pkey_st;

typedef struct JwsKey {                           /* nobody's but these files' */
    struct evp_pkey_st *pkey;                     /* HS256: NULL              */
    Alg   alg;
    isize sig_bytes;
    u64   serial;                                 /* never used twice         */
    isize kid_len, core_len, secret_len;
    char  kid[KID_MOST];
    char  core[CORE_MOST];                        /* its JWK's key members: asked for
                                                     often */
    u8    secret[HS256_MOST];
} JwsKey;

/* A new pair, not of HS256. Slow for RS256 (0.1 s): never on the way of a request. */
JwsKey *jws_key_make(Alg alg);

/* A key for HS256 out of 32 to 64 secret bytes (RFC 7518 section 3.2), which are
 * copied. */
JwsKey *jws_key_secret(const void *bytes, isize n, Str kid);

/* A key from its PEM text, private or public. NULL, with the reason, when it isn't one of
 * this algorithm, curve and size. `kid` absent: its RFC 7638 thumbprint. */
JwsKey *jws_key_read(Arena *mem, Str pem, Alg alg, Str kid, Str *why);
void    jws_key_free(JwsKey *k);

Str  jws_kid(const JwsKey *k);
Alg  jws_alg(const JwsKey *k);
Str  jws_key_pem(Arena *mem, const JwsKey *k);    /* the private key, PKCS 8  */
void jws_key_put_jwk(Buf *b, const JwsKey *k);    /* the public one as RFC 7517 JSON */

/* Of the letters that a kid may have, 1 to 64 of them. */
bool jws_kid_is(Str s);

/* k->sig_bytes in the form that JWS gives them (ES256: r and s, 64 bytes).
 *   thread  any, at once: each thread keeps its own contexts */
void jws_signature(const JwsKey *k, Str text, u8 sig[SIGNATURE_MOST]);

/* True when `sig`, in that form, is of `text`. */
CHECKED bool jws_holds(const JwsKey *k, Str text, Str sig);
