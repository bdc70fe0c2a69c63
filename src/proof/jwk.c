/* jwk.c - a JWK becomes PEM and goes through the one door that keys have (jws_key_read),
 * so size and curve are judged in one place. */
#include "proof/jwk.h"
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

enum { COORDINATE = 32, RSA_BYTES_MOST = 512 };

static bool get_bytes(Arena *mem, const Json *jwk, const char *name, Str *out)
{
    Str text;
    return json_get_str(jwk, name, &text) && base64url_read(mem, text, out);
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY *p = NULL;

    must(c != NULL && params != NULL);
    if (EVP_PKEY_fromdata_init(c) != 1 ||
        EVP_PKEY_fromdata(c, &p, EVP_PKEY_PUBLIC_KEY, params) != 1)
        p = NULL;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(c);
    return p;
}

static EVP_PKEY *read_ec(Arena *mem, const Json *jwk)
{
    Str crv, x, y;
    u8 point[1 + 2 * COORDINATE] = { 4 };

    if (!json_get_str(jwk, "crv", &crv) || !str_is(crv, S("P-256")) ||
        !get_bytes(mem, jwk, "x", &x) || !get_bytes(mem, jwk, "y", &y) ||
        x.len != COORDINATE || y.len != COORDINATE)
        return NULL;
    for (int i = 0; i < COORDINATE; i++) {
        point[1 + i] = (u8)x.at[i];
        point[1 + COORDINATE + i] = (u8)y.at[i];
    }
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    must(b != NULL && OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME,
                                                      "P-256", 0) == 1 &&
         OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point,
                                          sizeof point) == 1);
    EVP_PKEY *p = from_params("EC", b);
    OSSL_PARAM_BLD_free(b);
    return p;
}

static EVP_PKEY *read_rsa(Arena *mem, const Json *jwk)
{
    Str n, e;

    if (!get_bytes(mem, jwk, "n", &n) || !get_bytes(mem, jwk, "e", &e) ||
        n.len > RSA_BYTES_MOST || e.len > 8)
        return NULL;
    BIGNUM *bn = BN_bin2bn((const u8 *)n.at, (int)n.len, NULL);
    BIGNUM *be = BN_bin2bn((const u8 *)e.at, (int)e.len, NULL);
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    must(bn != NULL && be != NULL && b != NULL &&
         OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
         OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, be) == 1);
    EVP_PKEY *p = from_params("RSA", b);
    OSSL_PARAM_BLD_free(b);
    BN_free(bn);
    BN_free(be);
    return p;
}

static EVP_PKEY *read_okp(Arena *mem, const Json *jwk)
{
    Str crv, x;

    if (!json_get_str(jwk, "crv", &crv) || !str_is(crv, S("Ed25519")) ||
        !get_bytes(mem, jwk, "x", &x) || x.len != COORDINATE)
        return NULL;
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const u8 *)x.at,
                                       COORDINATE);
}

static Str pem_of(Arena *mem, EVP_PKEY *p)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *at;

    must(bio != NULL && PEM_write_bio_PUBKEY(bio, p) == 1);
    long n = BIO_get_mem_data(bio, &at);
    Str pem = str_copy(mem, (Str){ at, (isize)n });
    BIO_free(bio);
    return pem;
}

static bool has_private(const Json *jwk)
{
    static const char *const names[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k" };

    for (isize i = 0; i < countof(names); i++)
        if (json_member(jwk, names[i]) != NULL)
            return true;
    return false;
}

/* NULL: not for us. */
static JwsKey *read_key(Arena *mem, const Json *jwk)
{
    static const struct { const char *kty; Alg alg;
                          EVP_PKEY *(*read)(Arena *, const Json *); } kinds[] = {
        { "EC", ALG_ES256, read_ec }, { "RSA", ALG_RS256, read_rsa },
        { "OKP", ALG_EDDSA, read_okp } };
    Str kty, kid, other, why;

    if (!json_get_str(jwk, "kty", &kty) || !json_get_str(jwk, "kid", &kid) ||
        (json_get_str(jwk, "use", &other) && !str_is(other, S("sig"))))
        return NULL;
    for (isize i = 0; i < countof(kinds); i++) {
        if (!str_is(kty, str_of(kinds[i].kty)) ||
            (json_get_str(jwk, "alg", &other) &&
             !str_is(other, names_str(&alg_names, (int)kinds[i].alg))))
            continue;
        EVP_PKEY *p = kinds[i].read(mem, jwk);
        if (p == NULL)
            return NULL;
        JwsKey *k = jws_key_read(mem, pem_of(mem, p), kinds[i].alg, kid, &why);
        EVP_PKEY_free(p);
        return k;
    }
    return NULL;
}

static bool refuse(JwsKey **keys, isize *count, Str *why, const char *what)
{
    while (*count > 0)
        jws_key_free(keys[--*count]);
    *why = str_of(what);
    return false;
}

bool jwk_set_read(Arena *mem, Str text, JwsKey *keys[JWK_SET_MOST], isize *count,
                  Str *why)
{
    const Json *j = json_read(mem, text, why);
    const Json *list = j != NULL && json_kind(j) == J_OBJECT
                       ? json_member(j, "keys") : NULL;

    *count = 0;
    if (list == NULL || json_kind(list) != J_LIST)
        return refuse(keys, count, why, "no JWK set");
    for (isize i = 0; i < json_count(list); i++) {
        const Json *jwk = json_item(list, i);
        if (json_kind(jwk) != J_OBJECT)
            return refuse(keys, count, why, "a key is no object");
        if (has_private(jwk))
            return refuse(keys, count, why, "it shows a private or secret key");
        JwsKey *k = *count < JWK_SET_MOST ? read_key(mem, jwk) : NULL;
        if (k != NULL)
            keys[(*count)++] = k;
    }
    return *count > 0 || refuse(keys, count, why, "no key in it that can be used");
}
