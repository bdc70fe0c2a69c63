/* jws_signature.c - RFC 7518 and 8037, by OpenSSL 3. Fetching an algorithm or making a
 * context costs more than some signatures do, so each thread keeps the contexts of the
 * keys that it used last. */
#include "proof/jws_key.h"
#include "base/crypto.h"
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ES256_HALF = 32, ED25519_BYTES = 64, DER_MOST = 80 };

/* ---- contexts of a thread ------------------------------------------------- */

enum { OWN_MOST = 8 };
typedef struct Own { u64 serial; EVP_PKEY_CTX *sign, *verify; } Own;
typedef struct OwnSet { Own at[OWN_MOST]; int next; } OwnSet;

static pthread_key_t own_key;
static pthread_once_t own_once = PTHREAD_ONCE_INIT;

static void own_clear(Own *o)
{
    EVP_PKEY_CTX_free(o->sign);
    EVP_PKEY_CTX_free(o->verify);
    *o = (Own){ 0 };
}

static void own_free(void *arg)
{
    OwnSet *set = arg;
    for (int i = 0; i < OWN_MOST; i++)
        own_clear(&set->at[i]);
    free(set);
}

static void own_make(void) { must(pthread_key_create(&own_key, own_free) == 0); }

static EVP_PKEY_CTX *prepare(const JwsKey *k, bool signing)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);

    must(c != NULL);
    must((signing ? EVP_PKEY_sign_init(c) : EVP_PKEY_verify_init(c)) == 1);
    must(k->alg != ALG_RS256 || EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) == 1);
    must(EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) == 1);
    return c;
}

static EVP_PKEY_CTX *own_ctx(const JwsKey *k, bool signing)
{
    pthread_once(&own_once, own_make);
    OwnSet *set = pthread_getspecific(own_key);
    if (set == NULL) {
        set = calloc(1, sizeof *set);
        must(set != NULL && pthread_setspecific(own_key, set) == 0);
    }
    Own *o = set->at;
    while (o < set->at + OWN_MOST && o->serial != k->serial)
        o++;
    if (o == set->at + OWN_MOST) {
        o = &set->at[set->next++ % OWN_MOST];
        own_clear(o);
        o->serial = k->serial;
    }
    EVP_PKEY_CTX **c = signing ? &o->sign : &o->verify;
    if (*c == NULL)
        *c = prepare(k, signing);
    return *c;
}

/* ---- ES256: r and s side by side, 32 bytes each; OpenSSL speaks DER -------- */

static isize der_int(u8 *to, const u8 *n)
{
    isize skip = 0;

    while (skip < ES256_HALF - 1 && n[skip] == 0)
        skip++;
    bool pad = n[skip] >= 0x80;
    isize len = ES256_HALF - skip + pad;
    to[0] = 2;
    to[1] = (u8)len;
    to[2] = 0;
    memcpy(to + 2 + pad, n + skip, (size_t)(ES256_HALF - skip));
    return 2 + len;
}

static isize der_of_raw(u8 *der, const u8 *raw)
{
    isize n = 2 + der_int(der + 2, raw);

    n += der_int(der + n, raw + ES256_HALF);
    der[0] = 0x30;
    der[1] = (u8)(n - 2);
    return n;
}

static void raw_of_der(u8 *raw, const u8 *der, isize n)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, n);

    must(sig != NULL &&
         BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, ES256_HALF) == ES256_HALF &&
         BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + ES256_HALF, ES256_HALF) == ES256_HALF);
    ECDSA_SIG_free(sig);
}

/* ---- all four ------------------------------------------------------------- */

static void ed_sign(const JwsKey *k, Str text, u8 *sig)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    size_t n = ED25519_BYTES;

    must(c != NULL && EVP_DigestSignInit(c, NULL, NULL, NULL, k->pkey) == 1 &&
         EVP_DigestSign(c, sig, &n, (const u8 *)text.at, (size_t)text.len) == 1 &&
         n == ED25519_BYTES);
    EVP_MD_CTX_free(c);
}

static bool ed_verify(const JwsKey *k, Str text, Str sig)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    must(c != NULL && EVP_DigestVerifyInit(c, NULL, NULL, NULL, k->pkey) == 1);
    bool good = EVP_DigestVerify(c, (const u8 *)sig.at, (size_t)sig.len,
                                 (const u8 *)text.at, (size_t)text.len) == 1;
    EVP_MD_CTX_free(c);
    return good;
}

static Digest mac_of(const JwsKey *k, Str text)
{
    return hmac_sha256(k->secret, k->secret_len, text);
}

void jws_signature(const JwsKey *k, Str text, u8 sig[SIGNATURE_MOST])
{
    u8 der[SIGNATURE_MOST];
    size_t n = sizeof der;

    if (k->alg == ALG_HS256) {
        Digest mac = mac_of(k, text);
        memcpy(sig, mac.b, SHA256_BYTES);
        return;
    }
    if (k->alg == ALG_EDDSA) {
        ed_sign(k, text, sig);
        return;
    }
    Digest d = sha256(text);
    must(EVP_PKEY_sign(own_ctx(k, true), der, &n, d.b, SHA256_BYTES) == 1);
    if (k->alg == ALG_ES256)
        raw_of_der(sig, der, (isize)n);
    else
        memcpy(sig, der, n);
}

bool jws_holds(const JwsKey *k, Str text, Str sig)
{
    u8 der[DER_MOST];

    if (sig.len != k->sig_bytes)
        return false;
    if (k->alg == ALG_HS256) {
        Digest mac = mac_of(k, text);
        return same_bytes(mac.b, sig.at, SHA256_BYTES);
    }
    if (k->alg == ALG_EDDSA)
        return ed_verify(k, text, sig);
    Digest d = sha256(text);
    if (k->alg == ALG_ES256)
        sig = (Str){ (const char *)der, der_of_raw(der, (const u8 *)sig.at) };
    return EVP_PKEY_verify(own_ctx(k, false), (const u8 *)sig.at, (size_t)sig.len, d.b,
                           SHA256_BYTES) == 1;
}
