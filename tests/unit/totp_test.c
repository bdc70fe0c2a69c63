/* totp_test.c - the values that RFC 4226 and RFC 6238 give, and what a code is not. */
#include "unit/test.h"
#include "proof/totp.h"

#define RFC_SECRET S("12345678901234567890")

TEST(counters_give_the_numbers_of_rfc_4226_appendix_d)
{
    static const u32 want[] = { 755224, 287082, 359152, 969429, 338314,
                                254676, 287922, 162583, 399871, 520489 };
    for (int i = 0; i < countof(want); i++)
        must(hotp_at(RFC_SECRET, (u64)i, 6) == want[i]);
}

TEST(times_give_the_numbers_of_rfc_6238_appendix_b)
{
    static const struct { i64 s; u32 code; } want[] = {
        { 59, 94287082 }, { 1111111109, 7081804 }, { 1111111111, 14050471 },
        { 1234567890, 89005924 }, { 2000000000, 69279037 }, { 20000000000, 65353130 } };
    for (int i = 0; i < countof(want); i++)
        must(hotp_at(RFC_SECRET, (u64)totp_step((Instant){ want[i].s * 1000 }), 8) == want[i].code);
}

TEST(a_code_is_good_for_its_step_and_the_two_beside_it)
{
    Instant now = { 1111111111000 };
    i64 here = totp_step(now), step = 0;

    for (i64 off = -3; off <= 3; off++) {
        Str code = str_fmt(mem, "%06u", hotp_at(RFC_SECRET, (u64)(here + off), 6));
        bool near = off >= -1 && off <= 1;
        must(totp_match(RFC_SECRET, code, now, &step) == near);
        must(!near || step == here + off);
    }
}

TEST(what_is_no_six_digits_matches_nothing)
{
    i64 step;
    must(!totp_match(RFC_SECRET, S(""), (Instant){ 59000 }, &step));
    must(!totp_match(RFC_SECRET, S("94287082"), (Instant){ 59000 }, &step));
    must(totp_match(RFC_SECRET, S("287082"), (Instant){ 59000 }, &step) && step == 1);
    must(!totp_match(RFC_SECRET, S("28708x"), (Instant){ 59000 }, &step));
}

TEST(base32_is_that_of_rfc_4648_section_10_without_padding)
{
    must(str_is(base32_write(mem, S("")), S("")));
    must(str_is(base32_write(mem, S("f")), S("MY")));
    must(str_is(base32_write(mem, S("fo")), S("MZXQ")));
    must(str_is(base32_write(mem, S("foo")), S("MZXW6")));
    must(str_is(base32_write(mem, S("foob")), S("MZXW6YQ")));
    must(str_is(base32_write(mem, S("fooba")), S("MZXW6YTB")));
    must(str_is(base32_write(mem, S("foobar")), S("MZXW6YTBOI")));
}
