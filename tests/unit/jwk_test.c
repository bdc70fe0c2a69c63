/* jwk_test.c - which published keys are taken, and that a set which shows secrets is not. */
#include "unit/test.h"
#include "proof/jwk.h"

/* RFC 7517 appendix A.1 (P-256, its use made sig), RFC 8037 appendix A.2, and RFC 7515 A.2's n. */
#define EC  "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\"," \
            "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\"," \
            "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""
#define OKP "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"o\"," \
            "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define RSA "{\"kty\":\"RSA\",\"kid\":\"r\",\"e\":\"AQAB\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26" \
            "mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo" \
            "9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5Z" \
            "wKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\""

static isize taken(const char *set, JwsKey **keys)
{
    isize n = -1;
    Str why;
    return jwk_set_read(mem, str_of(set), keys, &n, &why) ? n : 0;
}

static isize count(const char *set)
{
    JwsKey *keys[JWK_SET_MOST];
    isize n = taken(set, keys);

    for (isize i = 0; i < n; i++)
        jws_key_free(keys[i]);
    return n;
}

#define SET(x) "{\"keys\":[" x "]}"

TEST(each_kind_of_key_has_its_one_algorithm)
{
    JwsKey *keys[JWK_SET_MOST];
    isize n = taken(SET(EC "}," RSA "}," OKP "}"), keys);

    must(n == 3 && jws_alg(keys[0]) == ALG_ES256 && str_is(jws_kid(keys[0]), S("e")));
    must(jws_alg(keys[1]) == ALG_RS256 && jws_alg(keys[2]) == ALG_EDDSA);
    for (isize i = 0; i < n; i++)
        jws_key_free(keys[i]);
}

TEST(a_set_that_shows_a_secret_is_refused_whole)
{
    must(count(SET(EC "}," OKP ",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\"}")) == 0);
    must(count(SET(EC "},{\"kty\":\"oct\",\"kid\":\"s\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ\"}")) == 0);
    must(count(SET(RSA ",\"p\":\"AA\"}")) == 0);
}

TEST(what_is_not_for_us_is_passed_over)
{
    must(count(SET(EC ",\"use\":\"enc\"}," OKP "}")) == 1);
    must(count(SET(EC ",\"alg\":\"ES384\"}," OKP "}")) == 1);
    must(count(SET(RSA ",\"alg\":\"RSA-OAEP\"}," OKP ",\"alg\":\"EdDSA\"}")) == 1);
    must(count(SET("{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"x\",\"x\":\"AA\",\"y\":\"AA\"}," OKP "}")) == 1);
    must(count(SET("{\"kty\":\"new\",\"kid\":\"x\"}," OKP "}")) == 1);
}

TEST(a_key_that_is_none_is_not_taken)
{
    must(count(SET("{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                   "\"y\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\"}")) == 0);      /* not on the curve */
    must(count(SET("{\"kty\":\"RSA\",\"kid\":\"r\",\"e\":\"AQAB\",\"n\":\"AQAB\"}")) == 0);    /* too small */
    must(count(SET("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"o\",\"x\":\"AQAB\"}")) == 0);
    must(count(SET("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}")) == 0);
    must(count("{}") == 0 && count("[]") == 0 && count(SET("")) == 0 && count(SET("1")) == 0 && count("x") == 0);
}
