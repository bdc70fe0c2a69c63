/* pubkey_test.c - other people's keys, by Project Wycheproof's cases. */
#include "unit/vectors.h"
#include "proof/pubkey.h"

static Str spki_of(const Json *group)
{
    Str der = bytes_of(group, "publicKeyDer");
    must(der.len > 0);
    return der;
}

/* Counts the cases that are valid; every other one must be refused. */
static int agree(const char *file, int *cases)
{
    const Json *groups = json_member(vectors_all(file), "testGroups");
    int valid = 0;

    for (isize g = 0; g < json_count(groups); g++) {
        const Json *group = json_item(groups, g), *tests = json_member(group, "tests");
        Str key = spki_of(group);
        must(pubkey_good(key));
        for (isize i = 0; i < json_count(tests); i++, ++*cases) {
            const Json *t = json_item(tests, i);
            bool good = pubkey_holds(key, bytes_of(t, "msg"), bytes_of(t, "sig"));
            must(good == str_is(get(t, "result"), S("valid")));
            valid += good;
        }
    }
    return valid;
}

TEST(wycheproofs_p256_cases_are_judged_as_they_should_be)
{
    int cases = 0;
    must(agree("wycheproof_ecdsa_secp256r1_sha256_test.json", &cases) > 100 && cases >= 484);
}

/* The one "acceptable" case, a digest info without its NULL, is refused. */
TEST(wycheproofs_rsa_cases_are_judged_as_they_should_be)
{
    int cases = 0;
    must(agree("wycheproof_rsa_signature_2048_sha256_test.json", &cases) > 5 && cases >= 258);
}

TEST(wycheproofs_ed25519_cases_are_judged_as_they_should_be)
{
    int cases = 0;
    must(agree("wycheproof_ed25519_test.json", &cases) > 80 && cases >= 150);
}

TEST(what_is_none_of_the_three_kinds_is_no_key)
{
    static const char p384[] =                    /* only its name; any point */
        "3076301006072a8648ce3d020106052b81040022036200";
    must(!pubkey_good(S("")) && !pubkey_good(S("\x30\x00")) && !pubkey_good(S("MFkwEwYHKoZI")));
    must(!pubkey_good(bytes_of_hex((Str){ p384, countof(p384) - 1 })));
    Str zero = bytes_of_hex(S("0000000000000000000000000000000000000000000000000000000000000000"));
    must(!pubkey_good(pubkey_p256(mem, zero, zero)));
    must(pubkey_good(pubkey_ed25519(mem, zero)));
    must(!pubkey_good(pubkey_rsa(mem, S("\xff\xff\xff\xff"), S("\x01\x00\x01"))));
    must(!pubkey_good(pubkey_rsa(mem, S(""), S("\x03"))));
    Str good = pubkey_ed25519(mem, zero), more = str_fmt(mem, "%.*sx", 0, "");
    Buf b = buf_in(mem, 64);
    buf_add(&b, good);
    buf_add(&b, more);
    must(!pubkey_good(buf_str(&b)));              /* a byte behind it         */
    must(!pubkey_holds(S(""), S("a"), S("b")));
}
