/* jws_key.c - by OpenSSL 3. Size and curve are judged where a key is read, so whoever has
 * one need not ask again. */
#include "proof/jws_key.h"
#include "base/crypto.h"
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* a signature on a curve */
enum { RSA_LEAST = 2048, ES256_HALF = 32, CURVE_BYTES = 64 };

static const char *const alg_words[] = { "ES256", "RS256", "EdDSA", "HS256" };
const Names alg_names = { alg_words, countof(alg_words) };

static const char *misfit(const EVP_PKEY *p, Alg alg)
{
    char group[32] = "";
    int bits = EVP_PKEY_get_bits(p);

    switch ((int)alg) {
    case ALG_ES256:
        if (!EVP_PKEY_is_a(p, "EC") ||
            EVP_PKEY_get_group_name(p, group, sizeof group, NULL) != 1 ||
            strcmp(group, "prime256v1") != 0)
            return "not a P-256 key";
        return NULL;
    case ALG_RS256:
        if (!EVP_PKEY_is_a(p, "RSA"))
            return "not an RSA key";
        return bits < RSA_LEAST ||
               bits > RSA_MOST ? "not an RSA key of 2048 to 4096 bits" : NULL;
    case ALG_EDDSA:
        return EVP_PKEY_is_a(p, "ED25519") ? NULL : "not an Ed25519 key";
    case ALG_HS256:
        return "HS256 has no key in PEM";
    case ALG_COUNT: break;
    }
    return "no known algorithm";
}

bool jws_kid_is(Str s)
{
    for (isize i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                    (c >= '0' && c <= '9') ||
                    c == '-' || c == '_' || c == '.' || c == '@';
        if (!good)
            return false;
    }
    return s.len > 0 && s.len <= KID_MOST;
}

/* A big number of the key as base64url, at least `width` bytes of it. */
static Str number(Arena *mem, const JwsKey *k, const char *name, int width)
{
    BIGNUM *n = NULL;
    u8 bytes[RSA_MOST / 8];

    must(EVP_PKEY_get_bn_param(k->pkey, name, &n) == 1);
    int len = BN_num_bytes(n) > width ? BN_num_bytes(n) : width;
    must(len <= (int)sizeof bytes && BN_bn2binpad(n, bytes, len) == len);
    BN_free(n);
    return base64url_write(mem, bytes, len);
}

/* The members that RFC 7638 hashes, in its order: by name, no spaces. */
static Str write_core(Arena *mem, const JwsKey *k)
{
    if (k->alg == ALG_RS256)
        return str_fmt(mem, "\"e\":\"%.*s\",\"kty\":\"RSA\",\"n\":\"%.*s\"",
                       STR_ARGS(number(mem, k, OSSL_PKEY_PARAM_RSA_E, 1)),
                       STR_ARGS(number(mem, k, OSSL_PKEY_PARAM_RSA_N, 1)));
    if (k->alg == ALG_ES256)
        return str_fmt(mem,
                       "\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%.*s\",\"y\":\"%.*s\"",
                       STR_ARGS(number(mem, k, OSSL_PKEY_PARAM_EC_PUB_X, ES256_HALF)),
                       STR_ARGS(number(mem, k, OSSL_PKEY_PARAM_EC_PUB_Y, ES256_HALF)));
    u8 raw[32];
    size_t n = sizeof raw;
    must(EVP_PKEY_get_raw_public_key(k->pkey, raw, &n) == 1 && n == sizeof raw);
    return str_fmt(mem, "\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%.*s\"",
                   STR_ARGS(base64url_write(mem, raw, sizeof raw)));
}

static Str jwk_core(const JwsKey *k) { return (Str){ k->core, k->core_len }; }

static Str thumbprint(Arena *mem, const JwsKey *k)
{
    Digest d = sha256(str_fmt(mem, "{%.*s}", STR_ARGS(jwk_core(k))));
    return base64url_write(mem, d.b, SHA256_BYTES);
}

static void set_kid(JwsKey *k, Str kid)
{
    must(jws_kid_is(kid));
    memcpy(k->kid, kid.at, (size_t)kid.len);
    k->kid_len = kid.len;
}

static JwsKey *key_of(Arena *mem, EVP_PKEY *p, Alg alg, Str kid)
{
    static _Atomic u64 serials;
    JwsKey *k = calloc(1, sizeof *k);

    must(k != NULL);
    *k = (JwsKey){ .pkey = p, .alg = alg, .serial = ++serials };
    k->sig_bytes = alg == ALG_RS256 ? EVP_PKEY_get_size(p) : CURVE_BYTES;
    Str core = write_core(mem, k);
    must(core.len <= CORE_MOST);
    memcpy(k->core, core.at, (size_t)core.len);
    k->core_len = core.len;
    set_kid(k, kid.at != NULL ? kid : thumbprint(mem, k));
    return k;
}

JwsKey *jws_key_secret(const void *bytes, isize n, Str kid)
{
    JwsKey *k = calloc(1, sizeof *k);

    must(k != NULL && n >= HS256_LEAST && n <= HS256_MOST);
    *k = (JwsKey){ .alg = ALG_HS256, .sig_bytes = SHA256_BYTES, .secret_len = n };
    memcpy(k->secret, bytes, (size_t)n);
    set_kid(k, kid);
    return k;
}

JwsKey *jws_key_make(Alg alg)
{
    Arena own = { 0 };
    must(alg < ALG_PAIRS);
    EVP_PKEY *p = alg == ALG_ES256 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                : alg == ALG_RS256
                    ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_LEAST)
                    : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    must(p != NULL);
    JwsKey *k = key_of(&own, p, alg, (Str){ 0 });
    arena_close(&own);
    return k;
}

JwsKey *jws_key_read(Arena *mem, Str pem, Alg alg, Str kid, Str *why)
{
    bool public = str_has(pem, S("BEGIN PUBLIC KEY"));
    BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
    must(bio != NULL);
    EVP_PKEY *p = public ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL)
                         : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    const char *said = p == NULL ? "no key in PEM" : misfit(p, alg);
    if (said == NULL && kid.at != NULL && !jws_kid_is(kid))
        said = "a kid is 1 to 64 of A-Z a-z 0-9 - _ . @";
    if (said == NULL)
        return key_of(mem, p, alg, kid);
    EVP_PKEY_free(p);
    *why = str_of(said);
    return NULL;
}

void jws_key_free(JwsKey *k)
{
    if (k != NULL) {
        EVP_PKEY_free(k->pkey);
        wipe(k->secret, sizeof k->secret);
    }
    free(k);
}

Str jws_kid(const JwsKey *k) { return (Str){ k->kid, k->kid_len }; }
Alg jws_alg(const JwsKey *k) { return k->alg; }

Str jws_key_pem(Arena *mem, const JwsKey *k)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *at;

    must(k->pkey != NULL && bio != NULL &&
         PEM_write_bio_PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) == 1);
    long n = BIO_get_mem_data(bio, &at);
    Str pem = str_copy(mem, (Str){ at, n });
    BIO_free(bio);
    return pem;
}

void jws_key_put_jwk(Buf *b, const JwsKey *k)
{
    must(k->alg < ALG_PAIRS);
    buf_fmt(b, "{%.*s,\"alg\":\"%s\",\"kid\":\"%.*s\",\"use\":\"sig\"}",
            STR_ARGS(jwk_core(k)), alg_names.at[k->alg], STR_ARGS(jws_kid(k)));
}
