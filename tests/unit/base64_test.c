/* base64_test.c - forms that are read, and those that are not. */
#include "unit/test.h"
#include "proof/base64.h"

static bool reads(const char *text, const char *want)
{
    Str out;
    return base64_any_read(mem, str_of(text), &out) && str_is(out, str_of(want));
}

TEST(either_alphabet_with_padding_or_without_is_the_same)
{
    must(reads("", "") && reads("Zg", "f") && reads("Zg==", "f") && reads("Zm8=", "fo") && reads("Zm9v", "foo"));
    must(reads("_-8", "\xff\xef") && reads("/+8=", "\xff\xef"));
}

TEST(padding_that_does_not_fit_and_anything_else_is_refused)
{
    Str out;
    static const char *const bad[] = { "Zg=", "Zg===", "Z===", "Zm8==", "Zm9v=", "Zm9v====", "=", "====",
                                       "Z", "Zg\n", " Zg", "Z g", "Zh", "Zm9", "Zm$v" };
    for (int i = 0; i < countof(bad); i++)
        must(!base64_any_read(mem, str_of(bad[i]), &out));
}

TEST(pem_is_read_only_as_a_public_key_from_begin_to_end)
{
    Str out;
    must(base64_pem_read(mem, S("-----BEGIN PUBLIC KEY-----\nZm9v\nYmFy\n-----END PUBLIC KEY-----\n"), &out));
    must(str_is(out, S("foobar")));
    must(base64_pem_read(mem, S("Zm9v"), &out) && str_is(out, S("foo")));
    must(!base64_pem_read(mem, S("-----BEGIN PUBLIC KEY-----\nZm9v\n"), &out));
    must(!base64_pem_read(mem, S("-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----"), &out));
    must(!base64_pem_read(mem, S("-----BEGIN PRIVATE KEY-----\nZm9v\n-----END PRIVATE KEY-----"), &out));
}
