/* signed_test.c - what a signature covers, and when. */
#include "unit/test.h"
#include <string.h>
#include "base/signed.h"

static Str signature(const char *time, const char *nonce, const char *body)
{
    Str why;
    const Json *j = json_read(mem, str_of(body), &why);
    Digest d = signed_body(mem, (Secret){ (u8 *)(uintptr_t)"key", 3 }, str_of(time), str_of(nonce), j);

    return hex_write(mem, d.b, SHA256_BYTES);
}

/* Of Python's hmac.new(b"key", b'1700000000000:abcdefghijklmnop:{"a":1,"b":[true,null]}', "sha256"). */
TEST(time_nonce_and_the_sorted_body_are_signed)
{
    Str s = signature("1700000000000", "abcdefghijklmnop", "{\"b\":[true,null],\"a\":1}");

    must(str_is(s, S("ba55adba043e00046a72238a308fd10966dc0c3568db09773350b3f006b9ebd8")));
    must(str_is(s, signature("1700000000000", "abcdefghijklmnop", " {\"a\":1, \"b\":[true,null]}")));
    must(!str_is(s, signature("1700000000001", "abcdefghijklmnop", "{\"b\":[true,null],\"a\":1}")));
    must(!str_is(s, signature("1700000000000", "abcdefghijklmnoq", "{\"b\":[true,null],\"a\":1}")));
    must(!str_is(s, signature("1700000000000", "abcdefghijklmnop", "{\"b\":[true,null],\"a\":2}")));
}

TEST(a_nonce_is_of_plain_letters_and_neither_short_nor_long)
{
    char longest[NONCE_MOST + 2];

    for (int c = 0; c < 256; c++) {
        char text[NONCE_LEAST];
        memset(text, 'a', sizeof text);
        text[3] = (char)c;
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '-' || c == '_';
        must(nonce_plain((Str){ text, sizeof text }) == plain);
    }
    memset(longest, 'a', sizeof longest);
    must(nonce_plain((Str){ longest, NONCE_MOST }) && !nonce_plain((Str){ longest, NONCE_MOST + 1 }));
    must(!nonce_plain((Str){ longest, NONCE_LEAST - 1 }) && nonce_plain(nonce_new(mem)));
    must(!str_is(nonce_new(mem), nonce_new(mem)));
}

static bool within(const char *text, i64 now_ms)
{
    Instant at;
    return signed_when(str_of(text), (Instant){ now_ms }, (Span){ 1000 }, &at);
}

TEST(a_time_is_good_for_its_window_either_way)
{
    must(within("50000", 50000) && within("50000", 50900) && within("50000", 49100));
    must(!within("50000", 51001) && !within("50000", 48999));
    must(!within("", 50000) && !within("-50000", 50000) && !within("5e4", 50000) && !within("50000 ", 50000));
    must(!within("9223372036854775807", 50000) && !within("99999999999999999999", 50000));
}
