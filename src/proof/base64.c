/* base64.c - brought into the one form that base/str.h reads strictly. Padding may be
 * there or not, but as much as there is must fit; spaces only within PEM. */
#include "proof/base64.h"

bool base64_any_read(Arena *mem, Str text, Str *out)
{
    Str plain = text;
    Buf b = buf_in(mem, text.len);

    while (plain.len > 0 && plain.at[plain.len - 1] == '=')
        plain.len--;
    if (plain.len < text.len && (text.len % 4 != 0 || text.len - plain.len > 2))
        return false;
    for (isize i = 0; i < plain.len; i++) {
        char c = plain.at[i];
        buf_byte(&b, c == '+' ? '-' : c == '/' ? '_' : c);
    }
    return base64url_read(mem, buf_str(&b), out);
}

Str base64_padded(Arena *mem, const void *bytes, isize n)
{
    Str plain = base64url_write(mem, bytes, n);
    Buf b = buf_in(mem, plain.len + 3);

    for (isize i = 0; i < plain.len; i++) {
        char c = plain.at[i];
        buf_byte(&b, c == '-' ? '+' : c == '_' ? '/' : c);
    }
    while (b.len % 4 != 0)
        buf_byte(&b, '=');
    return buf_str(&b);
}

static Str without_lines(Arena *mem, Str s)
{
    Buf b = buf_in(mem, s.len);

    for (isize i = 0; i < s.len; i++)
        if (s.at[i] != '\n' && s.at[i] != '\r')
            buf_byte(&b, s.at[i]);
    return buf_str(&b);
}

bool base64_pem_read(Arena *mem, Str text, Str *out)
{
    static const Str begin = { "-----BEGIN PUBLIC KEY-----", 26 };
    static const Str end = { "-----END PUBLIC KEY-----", 24 };
    Str s = without_lines(mem, str_trim(text));

    if (!str_starts(s, begin))
        return base64_any_read(mem, str_trim(text), out);
    return str_ends(s, end) && s.len > begin.len + end.len &&
           base64_any_read(mem, str_sub(s, begin.len, s.len - end.len), out);
}
