/* crypto_test.c - FIPS 180-4 examples, RFC 4231 and RFC 5869 test cases. */
#include "unit/test.h"
#include "base/crypto.h"
#include "base/rand.h"
#include <string.h>

static bool is(Digest d, const char *hex)
{
    return str_is(hex_write(mem, d.b, SHA256_BYTES), str_of(hex));
}

static Str bytes(const char *hex)
{
    Str s = str_of(hex);
    u8 *at = make(mem, u8, s.len / 2 + 1);
    must(hex_read(s, at, s.len / 2));
    return (Str){ (char *)at, s.len / 2 };
}

static Str repeat(char c, isize n)
{
    char *at = make(mem, char, n);
    memset(at, c, (size_t)n);
    return (Str){ at, n };
}

TEST(sha256_agrees_with_fips_180)
{
    must(is(sha256(S("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    must(is(sha256(S("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    must(is(sha256((Str){ 0 }), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    must(is(sha256(S("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
    must(is(sha256(repeat('a', 1000000)),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
}

TEST(hmac_agrees_with_rfc_4231)
{
    static const struct { char key; isize n; const char *message, *mac; } cases[] = {
        { 0x0b, 20, "4869205468657265",
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
        { (char)0xaa, 131,
          "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d"
          "2048617368204b6579204669727374",
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
        { (char)0xaa, 131,
          "5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f63"
          "6b2d73697a65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a65"
          "20646174612e20546865206b6579206e6565647320746f20626520686173686564206265666f72"
          "65206265696e6720757365642062792074686520484d414320616c676f726974686d2e",
          "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" } };
    for (isize i = 0; i < countof(cases); i++)
        must(is(hmac_sha256(repeat(cases[i].key, cases[i].n).at, cases[i].n,
                            bytes(cases[i].message)), cases[i].mac));
    must(is(hmac_sha256("Jefe", 4, S("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
    must(is(hmac_sha256(repeat((char)0xaa, 20).at, 20, repeat((char)0xdd, 50)),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"));
    must(is(hmac_sha256(bytes("0102030405060708090a0b0c0d0e0f10111213141516171819").at, 25,
                        repeat((char)0xcd, 50)),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"));
}

/* RFC 5869 A.3: no salt, no info; the first 32 of its 42 bytes. */
TEST(hkdf_agrees_with_rfc_5869)
{
    must(is(hkdf_sha256(repeat(0x0b, 22).at, 22, S("")),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"));
}

TEST(keys_for_two_purposes_have_nothing_in_common)
{
    Digest a = hkdf_sha256("master", 6, S("qr")), b = hkdf_sha256("master", 6, S("webhook"));
    must(!same_bytes(a.b, b.b, SHA256_BYTES));
}

TEST(comparing_sees_every_byte)
{
    u8 a[32], b[32];
    rand_bytes(a, 32);
    memcpy(b, a, 32);
    must(same_bytes(a, b, 32) && same_bytes(a, b, 0));
    for (int i = 0; i < 32; i++) {
        b[i] ^= 1;
        must(!same_bytes(a, b, 32));
        b[i] ^= 1;
    }
}

TEST(a_secret_is_a_copy_and_is_gone_when_wiped)
{
    char text[] = "hunter2";
    Secret s = secret_copy((Str){ text, 7 });
    text[0] = 'x';
    must(s.len == 7 && memcmp(s.at, "hunter2", 8) == 0);
    secret_wipe(&s);
    must(s.at == NULL && s.len == 0);
    wipe(text, sizeof text);
    must(text[0] == 0 && text[6] == 0);
}

TEST(chance_is_even_and_within_bounds)
{
    int hits[7] = { 0 };
    for (int i = 0; i < 70000; i++)
        hits[rand_below(7)]++;
    for (int i = 0; i < 7; i++)
        must(hits[i] > 9400 && hits[i] < 10600);  /* six sigma                */
    must(rand_below(1) == 0);
}
