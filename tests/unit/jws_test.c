/* jws_test.c - our signatures against Project Wycheproof's, and against a table of tokens
 * that somebody would like us to take. */
#include "unit/test.h"
#include "proof/jws.h"
#include "base/crypto.h"
#include "base/rand.h"
#include "unit/vectors.h"
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

static const JwsKey *the_key(void *arg, Str kid)
{
    const JwsKey *k = arg;
    return str_is(kid, jws_kid(k)) ? k : NULL;
}

/* ---- a JWK as a key: only the tests read them ------------------------------ */

static BIGNUM *number_of(const Json *j, const char *name)
{
    Str bytes;
    must(base64url_read(mem, get(j, name), &bytes));
    return BN_bin2bn((const u8 *)bytes.at, (int)bytes.len, NULL);
}

static void push_point(OSSL_PARAM_BLD *b, const Json *j)
{
    Str x, y;
    Buf p = buf_in(mem, 65);

    must(base64url_read(mem, get(j, "x"), &x) && base64url_read(mem, get(j, "y"), &y));
    buf_byte(&p, 4);
    buf_add(&p, x);
    buf_add(&p, y);
    must(OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1);
    must(OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, p.at, (size_t)p.len) == 1);
}

static Str pem_of(const Json *jwk, Alg alg)
{
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    BIGNUM *n = NULL, *e = NULL;
    EVP_PKEY *p = NULL;
    char *at;

    if (alg == ALG_ES256)
        push_point(b, jwk);
    else {
        n = number_of(jwk, "n");
        e = number_of(jwk, "e");
        must(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
             OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) == 1);
    }
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, alg == ALG_ES256 ? "EC" : "RSA", NULL);
    must(EVP_PKEY_fromdata_init(c) == 1 &&
         EVP_PKEY_fromdata(c, &p, EVP_PKEY_PUBLIC_KEY, params) == 1);
    BIO *bio = BIO_new(BIO_s_mem());
    must(PEM_write_bio_PUBKEY(bio, p) == 1);
    Str pem = str_copy(mem, (Str){ (BIO_get_mem_data(bio, &at), at), BIO_get_mem_data(bio, &at) });
    BIO_free(bio);
    EVP_PKEY_free(p);
    EVP_PKEY_CTX_free(c);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    BN_free(n);
    BN_free(e);
    return pem;
}

/* NULL when we would not have such a key: another algorithm, or not for signatures. */
static JwsKey *key_of(const Json *group)
{
    const Json *jwk = json_member(group, "public");
    Str why = { 0 };

    if (jwk == NULL)
        jwk = json_member(group, "private");
    int alg = names_find(&alg_names, get(jwk, "alg"));
    if (alg < 0)
        return NULL;
    if (alg == ALG_HS256) {
        Str secret;
        must(base64url_read(mem, get(jwk, "k"), &secret));
        return jws_key_secret(secret.at, secret.len, get(jwk, "kid"));
    }
    JwsKey *k = jws_key_read(mem, pem_of(jwk, (Alg)alg), (Alg)alg, get(jwk, "kid"), &why);
    must(k != NULL);
    return k;
}

static bool holds(const JwsKey *k, const char *typ, Str token)
{
    const char *why = "";
    Str payload = { 0 };
    return jws_verify(mem, the_key, (void *)(uintptr_t)k, typ, token, &payload, &why) &&
           str_is(payload, S("{\"a\":1}"));
}

/* ---- Wycheproof ------------------------------------------------------------ */

/* What the data set calls otherwise than we judge it, and why. */
static const struct { i64 id; const char *reason; } differs[] = {
    { 367, "called invalid, but the same token to the letter as 357, which is valid" },
    { 370, "the same" },
    { 372, "called valid, but a '?' stands inside the base64url" },
    { 373, "the same" },
};

static bool is_difference(i64 id)
{
    for (isize i = 0; i < countof(differs); i++)
        if (differs[i].id == id)
            return true;
    return false;
}

/* Cases of an algorithm that we do not speak (PS*, RS384, RS512, ES512) and of keys that
 * name none are counted, not judged: no key of ours could be meant. */
TEST(wycheproofs_jws_cases_are_judged_as_they_should_be)
{
    const Json *groups = vectors("wycheproof_json_web_signature_test.json", "testGroups");
    int valid = 0, invalid = 0, not_spoken = 0;

    for (isize g = 0; g < json_count(groups); g++) {
        const Json *tests = json_member(json_item(groups, g), "tests");
        JwsKey *k = key_of(json_item(groups, g));
        for (isize i = 0; i < json_count(tests); i++) {
            const Json *t = json_item(tests, i);
            const char *why;
            Str payload;
            bool good = k != NULL && jws_verify(mem, the_key, k, NULL, get(t, "jws"), &payload, &why);
            i64 id;
            must(json_get_int(t, "tcId", &id));
            bool said = k != NULL && str_is(get(t, "result"), S("valid"));
            bool want = said != is_difference(id);
            if (good != want)
                printf("case %jd: %.*s\n", (intmax_t)id, STR_ARGS(get(t, "comment")));
            must(good == want);
            valid += good;
            invalid += k != NULL && !good;
            not_spoken += k == NULL;
        }
        jws_key_free(k);
    }
    must(valid + invalid + not_spoken == 401 && valid == 20 && invalid == 292);
}

static int agree(const char *file, Alg alg)
{
    const Json *groups = vectors(file, "testGroups");
    int cases = 0;

    if (groups == NULL)
        return -1;
    for (isize g = 0; g < json_count(groups); g++) {
        const Json *group = json_item(groups, g), *tests = json_member(group, "tests");
        Str why = { 0 };
        JwsKey *k = jws_key_read(mem, get(group, "publicKeyPem"), alg, (Str){ 0 }, &why);
        must(k != NULL);
        for (isize i = 0; i < json_count(tests); i++, cases++) {
            const Json *t = json_item(tests, i);
            bool good = jws_holds(k, bytes_of_hex(get(t, "msg")), bytes_of_hex(get(t, "sig")));
            bool want = str_is(get(t, "result"), S("valid"));
            if (good != want)
                printf("%s: %.*s\n", file, STR_ARGS(get(t, "comment")));
            must(good == want);
        }
        jws_key_free(k);
    }
    return cases;
}

TEST(wycheproofs_es256_signatures_are_judged_as_they_should_be)
{
    must(agree("wycheproof_ecdsa_secp256r1_sha256_p1363_test.json", ALG_ES256) > 200);
}

TEST(wycheproofs_ed25519_signatures_are_judged_as_they_should_be)
{
    must(agree("wycheproof_ed25519_test.json", ALG_EDDSA) > 100);
}

/* 1 case is "acceptable" (a signature without the NULL parameter); it is refused. */
TEST(wycheproofs_rs256_signatures_are_judged_as_they_should_be)
{
    int cases = agree("wycheproof_rsa_signature_2048_sha256_test.json", ALG_RS256);
    must(cases < 0 || cases == 259);
}

/* ---- RFC 7515 -------------------------------------------------------------- */

#define A1_PAYLOAD "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

/* Appendices A.1 (HS256) and A.3 (ES256), as far as a text and its signature; their headers
 * have no kid, so whole they are no tokens of ours. */
TEST(rfc_7515_appendix_a_is_judged_as_printed)
{
    static const char text[] = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." A1_PAYLOAD;
    Str secret, sig, why = { 0 };

    must(base64url_read(mem, S("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"
                               "aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"), &secret));
    must(base64url_read(mem, S("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), &sig));
    JwsKey *k = jws_key_secret(secret.at, secret.len, S("a1"));
    must(jws_holds(k, str_of(text), sig));
    must(!jws_holds(k, str_of(text), str_sub(sig, 0, 31)) && !jws_holds(k, S("x"), sig));
    must(!holds(k, NULL, str_fmt(mem, "%s.%.*s", text, STR_ARGS(base64url_write(mem, sig.at, 32)))));
    jws_key_free(k);

    const Json *jwk = json_read(mem, S("{\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                                       "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"), &why);
    k = jws_key_read(mem, pem_of(jwk, ALG_ES256), ALG_ES256, (Str){ 0 }, &why);
    must(base64url_read(mem, S("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8IS"
                               "lSApmWQxfKTUJqPP3-Kg6NU1Q"), &sig));
    must(jws_holds(k, S("eyJhbGciOiJFUzI1NiJ9." A1_PAYLOAD), sig));
    must(!jws_holds(k, S("eyJhbGciOiJFUzI1NiJ9." A1_PAYLOAD),
                    str_fmt(mem, "%.*s%c", STR_ARGS(sig), 0)));
    jws_key_free(k);
}

/* ---- our own --------------------------------------------------------------- */

static JwsKey *any_key(Alg alg)
{
    u8 secret[HS256_LEAST];

    if (alg != ALG_HS256)
        return jws_key_make(alg);
    rand_bytes(secret, sizeof secret);
    return jws_key_secret(secret, sizeof secret, S("shared"));
}

TEST(what_a_key_signs_it_verifies_and_nothing_else_does)
{
    for (int a = 0; a < ALG_COUNT; a++) {
        JwsKey *k = any_key((Alg)a), *other = any_key((Alg)a);
        Str token = jws_sign(mem, k, "at+jwt", S("{\"a\":1}"));
        must(holds(k, "at+jwt", token) && holds(k, "at+jwt", token));
        must(!holds(k, "rt+jwt", token) && !holds(other, "at+jwt", token));
        for (isize i = 0; i < token.len; i += 3) {
            Str bent = str_copy(mem, token);
            char *c = (char *)(uintptr_t)&bent.at[i];
            *c = *c == 'A' ? 'B' : 'A';
            must(!holds(k, "at+jwt", bent));
        }
        must(!holds(k, "at+jwt", str_fmt(mem, "%.*sA", STR_ARGS(token))));
        must(!holds(k, "at+jwt", str_fmt(mem, "%.*s.", STR_ARGS(token))));
        must(!holds(k, "at+jwt", str_sub(token, 0, token.len - 1)));
        jws_key_free(k);
        jws_key_free(other);
    }
}

/* Signs what the writer of our own tokens never would. */
static Str forged(const JwsKey *k, const char *head)
{
    JwsKey *honest = (JwsKey *)(uintptr_t)k;
    Str own = jws_sign(mem, honest, "x", S("{\"a\":1}"));
    Str payload = own;
    (void)str_cut(&payload, '.');
    payload = str_cut(&payload, '.');
    Str said = base64url_write(mem, head, (isize)strlen(head));
    return str_fmt(mem, "%.*s.%.*s", STR_ARGS(said), STR_ARGS(payload));
}

TEST(a_header_that_would_choose_for_us_is_refused_whoever_signed)
{
    JwsKey *k = jws_key_make(ALG_EDDSA);
    Str kid = jws_kid(k);
    static const char *const heads[] = {
        "{\"alg\":\"none\",\"kid\":\"%s\",\"typ\":\"x\"}",
        "{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"x\"}",
        "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"x\"}",
        "{\"alg\":\"eddsa\",\"kid\":\"%s\",\"typ\":\"x\"}",
        "{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"x\"}",
        "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"x\",\"jku\":\"https://e\"}",
        "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"x\",\"jwk\":{}}",
        "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"x\",\"x5u\":\"https://e\"}",
        "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"x\",\"x5c\":[]}",
        "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"x\",\"crit\":[\"b64\"]}",
        "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"x\",\"b64\":true}",
        "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"x\",\"zip\":\"DEF\"}",
        "{\"alg\":\"EdDSA\",\"kid\":\"%s' OR '1'='1\",\"typ\":\"x\"}",
        "{\"alg\":\"EdDSA\",\"kid\":\"%s\\u0000\",\"typ\":\"x\"}",
        "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"x\",\"crit\":[]}",
        "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"x\",\"crit\":null}",
        "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"x\",\"b64\":false}",
        "{\"alg\":\"EdDSA\",\"kid\":\"../%s\",\"typ\":\"x\"}",
        "{\"alg\":\"EdDSA\",\"kid\":7,\"typ\":\"x\",\"k\":\"%s\"}",
        "{\"alg\":\"EdDSA\",\"typ\":\"x\",\"k\":\"%s\"}",
        "[\"%s\"]", "%s",
    };
    EVP_PKEY *p;
    Str pem = jws_key_pem(mem, k);
    BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
    must((p = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)) != NULL);
    BIO_free(bio);

    for (isize i = -1; i < countof(heads); i++) {
        const char *shape = i < 0 ? "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"x\"}" : heads[i];
        char head[256];
        u8 sig[64];
        size_t n = sizeof sig;
        _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wformat-nonliteral\"")
        snprintf(head, sizeof head, shape, str_z(mem, kid));
        _Pragma("GCC diagnostic pop")
        Str text = forged(k, head);
        EVP_MD_CTX *c = EVP_MD_CTX_new();
        must(EVP_DigestSignInit(c, NULL, NULL, NULL, p) == 1 &&
             EVP_DigestSign(c, sig, &n, (const u8 *)text.at, (size_t)text.len) == 1);
        EVP_MD_CTX_free(c);
        Str token = str_fmt(mem, "%.*s.%.*s", STR_ARGS(text), STR_ARGS(base64url_write(mem, sig, 64)));
        must(holds(k, "x", token) == (i < 0));    /* -1: the honest one holds */
    }
    EVP_PKEY_free(p);
    jws_key_free(k);
}

/* The classic: the public key, which everybody has, taken for the secret of an HMAC. Each
 * text by which a key can be written is tried, under the key's own kid. */
TEST(a_public_key_in_no_form_is_the_secret_of_an_hmac)
{
    for (int a = 0; a < ALG_PAIRS; a++) {
        JwsKey *k = jws_key_make((Alg)a);
        Str pem = jws_key_pem(mem, k), text[6];
        Buf jwk = buf_in(mem, 1024);
        BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len), *out = BIO_new(BIO_s_mem());
        EVP_PKEY *p = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        char *at;
        u8 *der = NULL;

        must(p != NULL && PEM_write_bio_PUBKEY(out, p) == 1);
        long n = BIO_get_mem_data(out, &at);
        int der_len = i2d_PUBKEY(p, &der);
        jws_key_put_jwk(&jwk, k);
        text[0] = (Str){ at, n };
        text[1] = (Str){ at, n - 1 };             /* without the last newline */
        text[2] = (Str){ (const char *)der, der_len };
        text[3] = buf_str(&jwk);
        text[4] = S("");
        text[5] = jws_kid(k);
        Str head = str_fmt(mem, "{\"alg\":\"HS256\",\"kid\":\"%.*s\",\"typ\":\"x\"}",
                           STR_ARGS(jws_kid(k)));
        Str said = forged(k, str_z(mem, head));
        for (isize i = 0; i < countof(text); i++) {
            Digest mac = hmac_sha256(text[i].at, text[i].len, said);
            must(!holds(k, "x", str_fmt(mem, "%.*s.%.*s", STR_ARGS(said),
                                        STR_ARGS(base64url_write(mem, mac.b, SHA256_BYTES)))));
        }
        OPENSSL_free(der);
        EVP_PKEY_free(p);
        BIO_free(bio);
        BIO_free(out);
        jws_key_free(k);
    }
}

/* Without a signature, in every spelling, and with what some libraries took for one. */
TEST(alg_none_is_nobodys_algorithm)
{
    static const char *const words[] = { "none", "None", "NONE", "nOnE", "", "null", "HS256 ",
                                         "es256", "ES256\\u0000" };
    static const char *const tails[] = { ".", "", "..", ".AA", ".e30" };
    JwsKey *k = jws_key_make(ALG_ES256);

    for (isize i = 0; i < countof(words); i++)
        for (isize t = 0; t < countof(tails); t++) {
            Str head = str_fmt(mem, "{\"alg\":\"%s\",\"kid\":\"%.*s\",\"typ\":\"x\"}", words[i],
                               STR_ARGS(jws_kid(k)));
            must(!holds(k, "x", str_fmt(mem, "%.*s%s", STR_ARGS(forged(k, str_z(mem, head))),
                                        tails[t])));
        }
    jws_key_free(k);
}

TEST(a_token_over_8_kib_is_refused_before_it_is_read)
{
    JwsKey *k = jws_key_make(ALG_ES256);
    Str long_one = { make(mem, char, JWS_MOST + 1), JWS_MOST + 1 };

    memset((char *)(uintptr_t)long_one.at, 'A', (size_t)long_one.len);
    must(!holds(k, NULL, long_one) && !holds(k, NULL, S("")) && !holds(k, NULL, S("..")));
    jws_key_free(k);
}

TEST(a_key_of_another_kind_or_size_is_no_key_for_that_algorithm)
{
    JwsKey *ec = jws_key_make(ALG_ES256);
    Str pem = jws_key_pem(mem, ec), why = { 0 };
    EVP_PKEY *small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    BIO *bio = BIO_new(BIO_s_mem());
    char *at;

    must(jws_key_read(mem, pem, ALG_RS256, (Str){ 0 }, &why) == NULL && str_has(why, S("RSA")));
    must(jws_key_read(mem, pem, ALG_EDDSA, (Str){ 0 }, &why) == NULL);
    must(jws_key_read(mem, S("no key"), ALG_ES256, (Str){ 0 }, &why) == NULL);
    must(PEM_write_bio_PUBKEY(bio, small) == 1);
    long n = BIO_get_mem_data(bio, &at);
    must(jws_key_read(mem, (Str){ at, n }, ALG_RS256, (Str){ 0 }, &why) == NULL);
    BIO_free(bio);
    EVP_PKEY_free(small);
    jws_key_free(ec);
}

/* RFC 7638 section 3.1 gives a key and its thumbprint; RFC 8037 appendix A.3 another. */
TEST(a_kid_is_the_thumbprint_of_rfc_7638)
{
    Str why = { 0 };
    const Json *jwk = json_read(mem, S(
        "{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu"
        "1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6C"
        "f0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD0"
        "8qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
        "nqDKgw\",\"e\":\"AQAB\"}"), &why);
    JwsKey *k = jws_key_read(mem, pem_of(jwk, ALG_RS256), ALG_RS256, (Str){ 0 }, &why);
    Buf b = buf_in(mem, 512);

    must(k != NULL && str_is(jws_kid(k), S("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")));
    jws_key_put_jwk(&b, k);
    const Json *again = json_read(mem, buf_str(&b), &why);
    must(again != NULL && str_is(get(again, "n"), get(jwk, "n")) && str_is(get(again, "e"), S("AQAB")));
    must(str_is(get(again, "kty"), S("RSA")) && str_is(get(again, "use"), S("sig")));
    jws_key_free(k);

    Str ed = S("-----BEGIN PUBLIC KEY-----\n"
               "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
               "-----END PUBLIC KEY-----\n");
    k = jws_key_read(mem, ed, ALG_EDDSA, (Str){ 0 }, &why);
    must(k != NULL && str_is(jws_kid(k), S("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")));
    jws_key_free(k);
}
