/* str_test.c - texts, numbers and encodings at their edges. */
#include "unit/test.h"

TEST(an_absent_text_is_not_an_empty_one)
{
    must(str_of(NULL).at == NULL && str_of("").at != NULL);
    must(str_is(str_of(NULL), S("")));
    must(str_copy(mem, str_of(NULL)).at == NULL && str_copy(mem, S("")).at != NULL);
    must(str_z(mem, (Str){ 0 })[0] == '\0');
}

TEST(cutting_leaves_what_stands_after)
{
    Str s = S("a=b=c");
    must(str_is(str_cut(&s, '='), S("a")) && str_is(s, S("b=c")));
    must(str_is(str_cut(&s, '='), S("b")) && str_is(str_cut(&s, '='), S("c")));
    must(s.at == NULL && str_cut(&s, '=').len == 0);
    s = S("x=");
    must(str_is(str_cut(&s, '='), S("x")) && s.at != NULL && s.len == 0);
}

TEST(sub_is_clamped)
{
    Str s = S("hello");
    must(str_is(str_sub(s, -3, 99), s) && str_sub(s, 4, 2).len == 0);
    must(str_is(str_sub(s, 1, 3), S("el")) && str_sub(s, 9, 12).len == 0);
}

TEST(numbers_are_read_whole_or_not_at_all)
{
    i64 n;
    must(str_int(S("0"), &n) && n == 0);
    must(str_int(S("-9223372036854775808"), &n) && n == INT64_MIN);
    must(str_int(S("9223372036854775807"), &n) && n == INT64_MAX);
    must(!str_int(S("9223372036854775808"), &n) && !str_int(S("-9223372036854775809"), &n));
    must(!str_int(S(""), &n) && !str_int(S("-"), &n) && !str_int(S("+1"), &n));
    must(!str_int(S(" 1"), &n) && !str_int(S("1 "), &n) && !str_int(S("1e3"), &n));
    must(!str_int((Str){ "1\0002", 3 }, &n));
}

TEST(utf8_is_read_as_rfc_3629_says)
{
    must(str_utf8(S("Z\xC3\xBCrich \xE2\x82\xAC \xF0\x9F\x8E\x9F")));
    must(!str_utf8((Str){ "a\0b", 3 }));                       /* NUL            */
    must(!str_utf8(S("\xC0\xAF")) && !str_utf8(S("\xC1\x81"))); /* overlong       */
    must(!str_utf8(S("\xE0\x80\xAF")) && !str_utf8(S("\xF0\x80\x80\xAF")));
    must(!str_utf8(S("\xED\xA0\x80")));                        /* a surrogate    */
    must(!str_utf8(S("\xF4\x90\x80\x80")) && !str_utf8(S("\xF5\x80\x80\x80")));
    must(!str_utf8(S("\x80")) && !str_utf8(S("\xE2\x82")) && !str_utf8(S("\xFF")));
    must(str_utf8(S("\xED\x9F\xBF")) && str_utf8(S("\xF4\x8F\xBF\xBF")));
    must(str_letters(S("Z\xC3\xBC\xF0\x9F\x8E\x9F")) == 3);
}

/* RFC 4648 section 10, in the alphabet of section 5 and without padding. */
TEST(base64url_agrees_with_the_rfc)
{
    static const char *const pairs[][2] = {
        { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" },
        { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" } };
    for (isize i = 0; i < countof(pairs); i++) {
        Str plain = str_of(pairs[i][0]), back;
        must(str_is(base64url_write(mem, plain.at, plain.len), str_of(pairs[i][1])));
        must(base64url_read(mem, str_of(pairs[i][1]), &back) && str_is(back, plain));
    }
}

TEST(base64url_refuses_what_has_a_second_spelling)
{
    Str out;
    must(!base64url_read(mem, S("Zg=="), &out));               /* padding        */
    must(!base64url_read(mem, S("Zh"), &out));                 /* loose bits     */
    must(!base64url_read(mem, S("Zm9"), &out));
    must(!base64url_read(mem, S("Z"), &out) && !base64url_read(mem, S("Zm9vY"), &out));
    must(!base64url_read(mem, S("Zm 9v"), &out) && !base64url_read(mem, S("Zm9\n"), &out));
    must(!base64url_read(mem, S("+/+/"), &out));
    must(base64url_read(mem, S("-_-_"), &out) && (u8)out.at[0] == 0xFB);
}

TEST(every_byte_survives_hex_and_base64url)
{
    char all[256];
    u8 back[256];
    Str text;
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    for (isize n = 0; n <= 256; n++) {
        must(base64url_read(mem, base64url_write(mem, all, n), &text));
        must(str_is(text, (Str){ all, n }));
        must(hex_read(hex_write(mem, all, n), back, n));
        must(str_is((Str){ (char *)back, n }, (Str){ all, n }));
    }
    must(!hex_read(S("0"), back, 1) && !hex_read(S("0g"), back, 1) && !hex_read(S("001"), back, 1));
    must(hex_read(S("aF"), back, 1) && back[0] == 0xAF);
}

TEST(a_buffer_grows_and_keeps_what_it_has)
{
    Buf b = buf_in(mem, 1);
    for (int i = 0; i < 1000; i++)
        buf_fmt(&b, "%d,", i % 10);
    must(b.len == 2000 && b.at[0] == '0' && b.at[1998] == '9');
    Buf n = buf_in(mem, 0);
    buf_int(&n, INT64_MIN);
    buf_byte(&n, ' ');
    buf_int(&n, 0);
    must(str_is(buf_str(&n), S("-9223372036854775808 0")));
}

TEST(comparing_without_case_knows_ascii_only)
{
    must(str_is_nocase(S("Content-TYPE"), S("content-type")));
    must(!str_is_nocase(S("\xC3\x84"), S("\xC3\xA4")) && !str_is_nocase(S("a@"), S("a`")));
    must(str_is(str_lower(mem, S("AZ@[\xC3\x84")), S("az@[\xC3\x84")));
    must(str_starts(S("abc"), S("")) && str_ends(S("abc"), S("bc")) && !str_ends(S("c"), S("bc")));
    must(str_has(S("abc"), S("b")) && !str_has(S(""), S("b")) && str_find(S(""), 'a') == -1);
    must(str_is(str_trim(S(" \t a b \t")), S("a b")) && str_trim(S("  ")).len == 0);
}
