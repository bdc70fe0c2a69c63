/* vectors_test.c - what our tokens and sealed things are made of, against published cases:
 * HMAC, HKDF, XChaCha20-Poly1305 and Argon2id. Signatures are in jws_test.c.
 *
 * Wycheproof's AES-GCM cases are for nobody here: nothing of ours uses AES. */
#include "proof/password.h"
#include "proof/seal.h"
#include "unit/vectors.h"
#include <argon2.h>
#include <string.h>

static Str hex(const Json *j, const char *name) { return bytes_of_hex(get(j, name)); }

typedef bool Judge(const Json *group, const Json *test, bool *judged);

/* How many cases were judged, all as they should be; -1 when the file is not here. */
static int agree(const char *file, Judge *judge)
{
    const Json *groups = vectors(file, "testGroups");
    int cases = 0;

    if (groups == NULL)
        return -1;
    for (isize g = 0; g < json_count(groups); g++) {
        const Json *tests = json_member(json_item(groups, g), "tests");
        for (isize i = 0; i < json_count(tests); i++) {
            const Json *t = json_item(tests, i);
            bool judged = true, good = judge(json_item(groups, g), t, &judged);
            if (judged && good != str_is(get(t, "result"), S("valid")))
                printf("%s: %.*s\n", file, STR_ARGS(get(t, "comment")));
            must(!judged || good == str_is(get(t, "result"), S("valid")));
            cases += judged;
        }
    }
    return cases;
}

/* A tag that is cut short is compared with as much of ours. */
static bool judge_hmac(const Json *group, const Json *t, bool *judged)
{
    Str key = hex(t, "key"), tag = hex(t, "tag");
    Digest d = hmac_sha256(key.at, key.len, hex(t, "msg"));

    (void)group, (void)judged;
    return tag.len <= SHA256_BYTES && same_bytes(d.b, tag.at, tag.len);
}

TEST(wycheproofs_hmac_sha256_cases_are_judged_as_they_should_be)
{
    int n = agree("wycheproof_hmac_sha256_test.json", judge_hmac);
    must(n == -1 || n == 174);
}

/* Ours is the one without salt, and gives one block. */
static bool judge_hkdf(const Json *group, const Json *t, bool *judged)
{
    Str ikm = hex(t, "ikm"), okm = hex(t, "okm");
    i64 size;

    (void)group;
    must(json_get_int(t, "size", &size));
    *judged = hex(t, "salt").len == 0 && size > 0 && size <= SHA256_BYTES;
    Digest d = hkdf_sha256(ikm.at, ikm.len, hex(t, "info"));
    return *judged && same_bytes(d.b, okm.at, okm.len);
}

TEST(wycheproofs_hkdf_sha256_cases_of_our_kind_are_judged_as_they_should_be)
{
    int n = agree("wycheproof_hkdf_sha256_test.json", judge_hkdf);
    must(n == -1 || n > 5);
}

/* What unseal opens is nonce | ciphertext | tag; another length of nonce is no form of ours. */
static bool judge_seal(const Json *group, const Json *t, bool *judged)
{
    Sealer s;
    Str key = hex(t, "key"), plain;
    i64 nonce_bits;

    must(json_get_int(group, "ivSize", &nonce_bits) && key.len == SHA256_BYTES);
    *judged = nonce_bits == 192;
    memcpy(s.key.b, key.at, SHA256_BYTES);
    Str whole = str_fmt(mem, "%.*s%.*s%.*s", STR_ARGS(get(t, "iv")), STR_ARGS(get(t, "ct")),
                        STR_ARGS(get(t, "tag")));
    return unseal(mem, &s, hex(t, "aad"), bytes_of_hex(whole), &plain) &&
           str_is(plain, hex(t, "msg"));
}

TEST(wycheproofs_xchacha20_poly1305_cases_are_judged_as_they_should_be)
{
    int n = agree("wycheproof_xchacha20_poly1305_test.json", judge_seal);
    must(n == -1 || n > 250);
}

/* The reference's own known answer, with a secret and associated data that we never use:
 * what is under test is the library that we were linked with. */
TEST(argon2id_gives_the_tag_of_its_authors)
{
    Str kat = vectors_text("argon2id.kat");
    u8 out[32], password[32], salt[16], secret[8], data[12];

    if (kat.at == NULL)
        return;
    memset(password, 1, sizeof password);
    memset(salt, 2, sizeof salt);
    memset(secret, 3, sizeof secret);
    memset(data, 4, sizeof data);
    argon2_context c = { .out = out, .outlen = 32, .pwd = password, .pwdlen = 32, .salt = salt,
                         .saltlen = 16, .secret = secret, .secretlen = 8, .ad = data,
                         .adlen = 12, .t_cost = 3, .m_cost = 32, .lanes = 4, .threads = 1,
                         .version = ARGON2_VERSION_13 };
    must(argon2id_ctx(&c) == ARGON2_OK);
    Buf b = buf_in(mem, 128);
    buf_lit(&b, "Tag:");
    for (int i = 0; i < 32; i++)
        buf_fmt(&b, " %02x", out[i]);
    must(str_has(kat, buf_str(&b)));
}
