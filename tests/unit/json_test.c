/* json_test.c - what RFC 8259 forbids is refused; what it leaves open is settled. */
#include "unit/test.h"
#include "base/json.h"
#include <string.h>

static bool reads(const char *text)
{
    Str why = { 0 };
    const Json *j = json_read(mem, str_of(text), &why);
    must(j != NULL || why.len > 0);
    return j != NULL;
}

static Str sorted(const char *text)
{
    Str why;
    Buf b = buf_in(mem, 64);
    const Json *j = json_read(mem, str_of(text), &why);
    must(j != NULL);
    json_write_sorted(&b, j);
    return buf_str(&b);
}

TEST(nasty_texts_are_refused)
{
    static const char *const bad[] = {
        "", " ", "{", "}", "[1,]", "{\"a\":1,}", "{'a':1}", "{a:1}", "[01]", "[+1]", "[.5]",
        "[1.]", "[0x1]", "[NaN]", "[Infinity]", "[-]", "[1e]", "[tru]", "[\"a]", "[\"\\x\"]",
        "[\"\\u12\"]", "[\"\\ud800\"]", "[\"\\udc00\\ud800\"]", "[\"\t\"]", "[\"\n\"]",
        "{\"a\":1}{}", "[1] x", "// c\n[1]", "[1/**/]", "\xEF\xBB\xBF[1]", "[\"\xC0\xAF\"]",
        "[\"\xED\xA0\x80\"]", "[\"\xFF\"]", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}",
        "[\"\\u0000\"]", "{\"\\u0000\":1}", "[9223372036854775808]", "[-9223372036854775809]",
        "[1e999]", "1", "\"text\"", "null", "true" };
    for (isize i = 0; i < countof(bad); i++)
        must(!reads(bad[i]));
    Str why;
    must(json_read(mem, (Str){ "[1]\0", 4 }, &why) == NULL);
    must(json_read(mem, (Str){ "[\"a\0b\"]", 7 }, &why) == NULL);
    must(json_read(mem, (Str){ 0 }, &why) == NULL);
}

TEST(depth_is_bounded_whatever_stands_in_texts)
{
    char deep[2 * JSON_DEEPEST + 3] = { 0 };
    memset(deep, '[', JSON_DEEPEST);
    memset(deep + JSON_DEEPEST, ']', JSON_DEEPEST);
    must(reads(deep));
    memset(deep, '[', JSON_DEEPEST + 1);
    memset(deep + JSON_DEEPEST + 1, ']', JSON_DEEPEST + 1);
    must(!reads(deep));
    must(reads("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]"));
    must(reads("[\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]"));
}

TEST(a_body_of_many_parts_is_refused_before_it_takes_memory)
{
    Buf b = buf_in(mem, 1 << 20);
    Str why = { 0 };

    buf_byte(&b, '[');
    while (b.len < (1 << 20) - 8)
        buf_lit(&b, "{},");
    buf_lit(&b, "{}]");
    isize before = mem->taken;
    must(json_read(mem, buf_str(&b), &why) == NULL && str_is(why, S("too many parts")));
    must(mem->taken - before < 1 << 20);
    b.len = 0;
    buf_lit(&b, "[\"");
    for (int i = 0; i < 2 * JSON_PARTS_MOST; i++)
        buf_lit(&b, ",:");                        /* in a text they are letters */
    buf_lit(&b, "\"]");
    must(json_read(mem, buf_str(&b), &why) != NULL);
}

TEST(values_come_back_as_they_were)
{
    Str why, s;
    i64 n;
    const Json *j = json_read(mem, S("{\"s\":\"\\u00fc\\ud83c\\udf9f\\n\",\"i\":-9223372036854775808,"
                                     "\"r\":0.5,\"b\":true,\"n\":null,\"l\":[1,2]}"), &why);
    must(j != NULL && json_kind(j) == J_OBJECT && json_count(j) == 6);
    must(json_get_str(j, "s", &s) && str_is(s, S("\xC3\xBC\xF0\x9F\x8E\x9F\n")));
    must(json_get_int(j, "i", &n) && n == INT64_MIN);
    must(json_float(json_member(j, "r")) == 0.5 && json_bool(json_member(j, "b")));
    must(json_kind(json_member(j, "n")) == J_NULL && json_member(j, "x") == NULL);
    must(json_int(json_item(json_member(j, "l"), 1)) == 2);
    must(!json_get_str(j, "i", &s) && !json_get_int(j, "r", &n) && !json_get_int(j, "x", &n));
}

TEST(the_sorted_form_is_one_for_all_spellings)
{
    Str want = S("{\"a\":{\"x\":[],\"y\":null},\"b\":[3,{\"c\":1,\"d\":\"\\n\"}]}");
    must(str_is(sorted("{\"b\":[3,{\"d\":\"\\u000a\",\"c\":1}],\"a\":{\"y\":null,\"x\":[]}}"), want));
    must(str_is(sorted(" { \"a\" : {\"x\":[ ],\"y\":null}, \"b\":[3,{\"c\":1,\"d\":\"\\n\"}]}"), want));
}

/* Object.keys(o).sort() in node. */
TEST(names_are_in_the_order_of_javascript)
{
    must(str_is(sorted("{\"\uFFFD\":4,\"\\uE000\":3,\"\\uD83D\\uDE00\":2,\"\\u00e9\":1,\"z\":0,\"\":9,\"10\":8,\"9\":7,\"99\":6}"),
        S("{\"\":9,\"10\":8,\"9\":7,\"99\":6,\"z\":0,\"\xc3\xa9\":1,\"\xf0\x9f\x98\x80\":2,\"\xee\x80\x80\":3,\"\xef\xbf\xbd\":4}")));
}

/* The right side is what node prints for JSON.stringify(JSON.parse(left)). */
TEST(numbers_and_texts_are_written_as_javascript_writes_them)
{
    static const char *const same[][2] = {
        { "[0.1]", "[0.1]" }, { "[1.0]", "[1]" }, { "[-0.0]", "[0]" }, { "[1e21]", "[1e+21]" },
        { "[1e20]", "[100000000000000000000]" }, { "[1.5e300]", "[1.5e+300]" },
        { "[1e-6]", "[0.000001]" }, { "[1e-7]", "[1e-7]" }, { "[12.50]", "[12.5]" },
        { "[123456789.125e-10]", "[0.0123456789125]" }, { "[5e-324]", "[5e-324]" },
        { "[-1234.5678]", "[-1234.5678]" }, { "[1.7976931348623157e308]", "[1.7976931348623157e+308]" },
        { "[0.30000000000000004]", "[0.30000000000000004]" }, { "[333333333.33333329]", "[333333333.3333333]" },
        { "[4.50]", "[4.5]" }, { "[2e-3]", "[0.002]" }, { "[123e18]", "[123000000000000000000]" },
        { "[\"\\b\\f\\u0001\\u007f\"]", "[\"\\b\\f\\u0001\x7f\"]" } };

    for (isize i = 0; i < countof(same); i++)
        must(str_is(sorted(same[i][0]), str_of(same[i][1])));
}

TEST(any_bytes_are_written_as_a_text_that_reads_again)
{
    char all[256];
    Str why;
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    for (isize from = 0; from < 256; from += 16) {
        Buf b = buf_in(mem, 64);
        buf_byte(&b, '[');
        json_put_str(&b, (Str){ all + from, 16 });
        buf_byte(&b, ']');
        const Json *j = json_read(mem, buf_str(&b), &why);
        must(j != NULL || from == 0);             /* a NUL is written \u0000, and that is refused */
    }
    Buf b = buf_in(mem, 64);
    json_put_str(&b, S("a\"\\/\x01\xC3\xBC"));
    must(str_is(buf_str(&b), S("\"a\\\"\\\\/\\u0001\xC3\xBC\"")));
}

TEST(names_are_put_with_commas_where_they_belong)
{
    Buf b = buf_in(mem, 64);
    buf_byte(&b, '{');
    json_put_name(&b, "a");
    buf_int(&b, 1);
    json_put_name(&b, "b");
    json_put_str(&b, S("{"));
    json_put_name(&b, "c");
    buf_lit(&b, "null}");
    must(str_is(buf_str(&b), S("{\"a\":1,\"b\":\"{\",\"c\":null}")));
}
