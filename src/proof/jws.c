/* jws.c - RFC 7515 compact serialisation, RFC 7518 and 8037 signatures, by OpenSSL 3.
 *
 * What a token must be, or it is refused before its signature is looked at:
 *   at most 8 KiB, three parts, strict base64url (no padding, no loose last bits);
 *   a header that is one JSON object without a repeated member, with none of jku jwk
 *   x5u x5c crit b64 zip; a kid of our alphabet that names a key of ours; that key's
 *   algorithm; the typ that the caller expects; a signature of the exact length.
 *
 * Fetching an algorithm or making a context costs more than some signatures do, so
 * each thread keeps the contexts of the keys that it used last. */
#include "proof/jws.h"
#include "base/crypto.h"
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const alg_words[] = { "ES256", "RS256", "EdDSA", "HS256" };
const Names alg_names = { alg_words, countof(alg_words) };

enum { RSA_LEAST = 2048, RSA_MOST = 4096, SIG_MOST = RSA_MOST / 8, ES256_HALF = 32,
       ES256_BYTES = 64, ED25519_BYTES = 64, DER_MOST = 80,
       CORE_MOST = 800 };

struct JwsKey {
    EVP_PKEY *pkey;
    Alg       alg;
    isize     sig_bytes;
    u64       serial;                             /* never used twice         */
    isize     kid_len, core_len;
    char      kid[KID_MOST];
    char      core[CORE_MOST];                    /* its JWK's key members: asked for often */
    isize     secret_len;                         /* HS256: pkey is NULL      */
    u8        secret[HS256_MOST];
};

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

/* ---- keys ----------------------------------------------------------------- */

static const char *misfit(const EVP_PKEY *p, Alg alg)
{
    char group[32] = "";
    int bits = EVP_PKEY_get_bits(p);

    switch ((int)alg) {
    case ALG_ES256:
        if (!EVP_PKEY_is_a(p, "EC") || EVP_PKEY_get_group_name(p, group, sizeof group, NULL) != 1 ||
            strcmp(group, "prime256v1") != 0)
            return "not a P-256 key";
        return NULL;
    case ALG_RS256:
        if (!EVP_PKEY_is_a(p, "RSA"))
            return "not an RSA key";
        return bits < RSA_LEAST || bits > RSA_MOST ? "not an RSA key of 2048 to 4096 bits" : NULL;
    case ALG_EDDSA:
        return EVP_PKEY_is_a(p, "ED25519") ? NULL : "not an Ed25519 key";
    case ALG_HS256:
        return "HS256 has no key in PEM";
    case ALG_COUNT: break;
    }
    return "no known algorithm";
}

static bool is_kid(Str s)
{
    for (isize i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
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
        return str_fmt(mem, "\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%.*s\",\"y\":\"%.*s\"",
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
    must(is_kid(kid));
    memcpy(k->kid, kid.at, (size_t)kid.len);
    k->kid_len = kid.len;
}

static JwsKey *key_of(Arena *mem, EVP_PKEY *p, Alg alg, Str kid)
{
    static _Atomic u64 serials;
    JwsKey *k = calloc(1, sizeof *k);

    must(k != NULL);
    *k = (JwsKey){ .pkey = p, .alg = alg, .serial = ++serials };
    k->sig_bytes = alg == ALG_RS256 ? EVP_PKEY_get_size(p) : ES256_BYTES;
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
                : alg == ALG_RS256 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_LEAST)
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
    if (said == NULL && kid.at != NULL && !is_kid(kid))
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

    must(k->pkey != NULL && bio != NULL && PEM_write_bio_PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) == 1);
    long n = BIO_get_mem_data(bio, &at);
    Str pem = str_copy(mem, (Str){ at, n });
    BIO_free(bio);
    return pem;
}

void jws_key_put_jwk(Buf *b, const JwsKey *k)
{
    must(k->alg < ALG_PAIRS);
    buf_fmt(b, "{%.*s,\"alg\":\"%s\",\"kid\":\"%.*s\",\"use\":\"sig\"}",
            STR_ARGS(jwk_core(k)), alg_words[k->alg], STR_ARGS(jws_kid(k)));
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

    must(sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, ES256_HALF) == ES256_HALF &&
         BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + ES256_HALF, ES256_HALF) == ES256_HALF);
    ECDSA_SIG_free(sig);
}

/* ---- signatures ----------------------------------------------------------- */

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
    bool good = EVP_DigestVerify(c, (const u8 *)sig.at, (size_t)sig.len, (const u8 *)text.at,
                                 (size_t)text.len) == 1;
    EVP_MD_CTX_free(c);
    return good;
}

static Digest mac_of(const JwsKey *k, Str text)
{
    return hmac_sha256(k->secret, k->secret_len, text);
}

static void sign_bytes(const JwsKey *k, Str text, u8 *sig)
{
    u8 der[SIG_MOST];
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

/* ---- compact serialisation ------------------------------------------------ */

Str jws_sign(Arena *mem, const JwsKey *k, const char *typ, Str payload)
{
    u8 sig[SIG_MOST];
    Buf b = buf_in(mem, 256 + payload.len * 4 / 3 + k->sig_bytes * 4 / 3);
    Str head = str_fmt(mem, "{\"alg\":\"%s\",\"kid\":\"%.*s\",\"typ\":\"%s\"}",
                       alg_words[k->alg], STR_ARGS(jws_kid(k)), typ);

    buf_add(&b, base64url_write(mem, head.at, head.len));
    buf_byte(&b, '.');
    buf_add(&b, base64url_write(mem, payload.at, payload.len));
    sign_bytes(k, buf_str(&b), sig);
    buf_byte(&b, '.');
    buf_add(&b, base64url_write(mem, sig, k->sig_bytes));
    must(b.len <= JWS_MOST);
    return buf_str(&b);
}

static const JwsKey *key_for(Arena *mem, Str head, JwsFind *find, void *arg, const char *typ,
                             const char **why)
{
    static const char *const refused[] = { "jku", "jwk", "x5u", "x5c", "crit", "b64", "zip" };
    Str said, kid, alg, is;
    const Json *j = json_read(mem, head, &said);

    *why = "header is no JSON object";
    if (j == NULL || json_kind(j) != J_OBJECT)
        return NULL;
    *why = "header has a member that is refused";
    for (isize i = 0; i < countof(refused); i++)
        if (json_member(j, refused[i]) != NULL)
            return NULL;
    *why = "kid names no key";
    if (!json_get_str(j, "kid", &kid) || !is_kid(kid))
        return NULL;
    const JwsKey *k = find(arg, kid);
    if (k == NULL)
        return NULL;
    *why = "alg is not the key's";
    if (!json_get_str(j, "alg", &alg) || !str_is(alg, str_of(alg_words[k->alg])))
        return NULL;
    *why = "another typ was expected";
    if (typ != NULL && (!json_get_str(j, "typ", &is) || !str_is(is, str_of(typ))))
        return NULL;
    return k;
}

bool jws_verify(Arena *mem, JwsFind *find, void *arg, const char *typ, Str token,
                Str *payload, const char **why)
{
    Str rest = token, head, sig;

    *why = "not three parts of base64url";
    if (token.len == 0 || token.len > JWS_MOST)
        return false;
    Str first = str_cut(&rest, '.'), second = str_cut(&rest, '.');
    if (rest.at == NULL || str_find(rest, '.') >= 0 || !base64url_read(mem, first, &head) ||
        !base64url_read(mem, second, payload) || !base64url_read(mem, rest, &sig))
        return false;
    const JwsKey *k = key_for(mem, head, find, arg, typ, why);
    if (k == NULL)
        return false;
    *why = "signature does not hold";
    return jws_holds(k, (Str){ token.at, first.len + 1 + second.len }, sig);
}
