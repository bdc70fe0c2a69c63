/* str.c - nothing here knows a locale: what is a letter or a space is ASCII's
 * word, so a setting of the machine can't change what a request means. */
#include "base/str.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

Str str_of(const char *z)
{
    return (Str){ z, z == NULL ? 0 : (isize)strlen(z) };
}

bool str_is(Str a, Str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, (size_t)a.len) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool str_is_nocase(Str a, Str b)
{
    if (a.len != b.len)
        return false;
    for (isize i = 0; i < a.len; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

bool str_starts(Str s, Str with)
{
    return s.len >= with.len && str_is((Str){ s.at, with.len }, with);
}

bool str_ends(Str s, Str with)
{
    return s.len >= with.len && str_is((Str){ s.at + s.len - with.len, with.len }, with);
}

isize str_find(Str s, char c)
{
    const char *p = s.len > 0 ? memchr(s.at, c, (size_t)s.len) : NULL;
    return p == NULL ? -1 : p - s.at;
}

bool str_has(Str s, Str part)
{
    return part.len == 0 ||
           (s.len > 0 && memmem(s.at, (size_t)s.len, part.at, (size_t)part.len) != NULL);
}

Str str_sub(Str s, isize from, isize to)
{
    if (from < 0)
        from = 0;
    if (to > s.len)
        to = s.len;
    return to <= from ? (Str){ s.at, 0 } : (Str){ s.at + from, to - from };
}

Str str_trim(Str s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = (Str){ s.at + 1, s.len - 1 };
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

Str str_copy(Arena *mem, Str s)
{
    if (s.at == NULL)
        return s;
    char *to = make(mem, char, s.len + 1);
    if (s.len > 0)
        memcpy(to, s.at, (size_t)s.len);
    return (Str){ to, s.len };
}

Str str_lower(Arena *mem, Str s)
{
    char *to = make(mem, char, s.len + 1);
    for (isize i = 0; i < s.len; i++)
        to[i] = lower(s.at[i]);
    return (Str){ to, s.len };
}

const char *str_z(Arena *mem, Str s)
{
    return s.at == NULL ? "" : str_copy(mem, s).at;
}

Str str_cut(Str *s, char c)
{
    isize i = str_find(*s, c);
    Str before = i < 0 ? *s : str_sub(*s, 0, i);

    *s = i < 0 ? (Str){ NULL, 0 } : str_sub(*s, i + 1, s->len);
    return before;
}

bool str_int(Str s, i64 *out)
{
    bool minus = s.len > 0 && s.at[0] == '-';
    i64 v = 0;

    if (s.len == minus)
        return false;
    for (isize i = minus; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        int digit = s.at[i] - '0';
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, minus ? -digit : digit, &v))
            return false;
    }
    *out = v;
    return true;
}

/* Bytes of the UTF-8 sequence at p, 0 when it is none (RFC 3629 section 4). */
static isize utf8_step(const u8 *p, isize left)
{
    u8 a = p[0];
    isize n = a < 0x80 ? 1 : a >= 0xC2 && a < 0xE0 ? 2 : (a & 0xF0) == 0xE0 ? 3
            : a >= 0xF0 && a < 0xF5 ? 4 : 0;

    if (n == 0 || n > left || a == 0)
        return 0;
    for (isize i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((a == 0xE0 && p[1] < 0xA0) || (a == 0xED && p[1] > 0x9F) ||
        (a == 0xF0 && p[1] < 0x90) || (a == 0xF4 && p[1] > 0x8F))
        return 0;
    return n;
}

bool str_utf8(Str s)
{
    for (isize i = 0, n; i < s.len; i += n)
        if ((n = utf8_step((const u8 *)s.at + i, s.len - i)) == 0)
            return false;
    return true;
}

isize str_letters(Str s)
{
    isize n = 0;
    for (isize i = 0; i < s.len; i++)
        n += ((u8)s.at[i] & 0xC0) != 0x80;
    return n;
}

Str hex_write(Arena *mem, const void *bytes, isize n)
{
    static const char digit[] = "0123456789abcdef";
    const u8 *in = bytes;
    char *to = make(mem, char, 2 * n + 1);

    for (isize i = 0; i < n; i++) {
        to[2 * i] = digit[in[i] >> 4];
        to[2 * i + 1] = digit[in[i] & 15];
    }
    return (Str){ to, 2 * n };
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_read(Str s, u8 *out, isize n)
{
    if (s.len != 2 * n)
        return false;
    for (isize i = 0; i < n; i++) {
        int hi = hex_digit(s.at[2 * i]), lo = hex_digit(s.at[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        out[i] = (u8)(hi << 4 | lo);
    }
    return true;
}

static const char b64_digit[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

Str base64url_write(Arena *mem, const void *bytes, isize n)
{
    const u8 *in = bytes;
    char *to = make(mem, char, (n + 2) / 3 * 4 + 1);
    isize len = 0;

    for (isize i = 0; i < n; i += 3) {
        u32 v = (u32)in[i] << 16 | (u32)(i + 1 < n ? in[i + 1] : 0) << 8 |
                (u32)(i + 2 < n ? in[i + 2] : 0);
        isize digits = n - i >= 3 ? 4 : n - i + 1;
        for (isize k = 0; k < digits; k++)
            to[len++] = b64_digit[v >> (18 - 6 * k) & 63];
    }
    return (Str){ to, len };
}

static int b64_value(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26
         : c >= '0' && c <= '9' ? c - '0' + 52 : c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool base64url_read(Arena *mem, Str s, Str *out)
{
    char *to = make(mem, char, s.len * 3 / 4 + 1);
    isize len = 0;
    u32 bits = 0;
    int have = 0;

    if (s.len % 4 == 1)
        return false;
    for (isize i = 0; i < s.len; i++) {
        int v = b64_value(s.at[i]);
        if (v < 0)
            return false;
        bits = bits << 6 | (u32)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            to[len++] = (char)(bits >> have);
            bits &= (1u << have) - 1;
        }
    }
    if (bits != 0)
        return false;
    *out = (Str){ to, len };
    return true;
}

Buf buf_in(Arena *mem, isize first)
{
    return (Buf){ mem, make(mem, char, first), 0, first };
}

static void room_for(Buf *b, isize more)
{
    if (b->cap - b->len >= more)
        return;
    isize cap = b->cap * 2 > b->len + more ? b->cap * 2 : b->len + more;
    char *to = make(b->mem, char, cap);
    if (b->len > 0)
        memcpy(to, b->at, (size_t)b->len);
    b->at = to;
    b->cap = cap;
}

void buf_add(Buf *b, Str s)
{
    if (s.len == 0)
        return;
    room_for(b, s.len);
    memcpy(b->at + b->len, s.at, (size_t)s.len);
    b->len += s.len;
}

void buf_byte(Buf *b, char c)
{
    room_for(b, 1);
    b->at[b->len++] = c;
}

void buf_int(Buf *b, i64 v)
{
    char digits[20];
    isize n = 0;
    u64 u = v < 0 ? 0 - (u64)v : (u64)v;

    do
        digits[n++] = (char)('0' + u % 10);
    while ((u /= 10) != 0);
    if (v < 0)
        buf_byte(b, '-');
    room_for(b, n);
    while (n > 0)
        b->at[b->len++] = digits[--n];
}

static void add_formatted(Buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, format, again);
    va_end(again);
    must(need >= 0);
    room_for(b, need + 1);
    vsnprintf(b->at + b->len, (size_t)need + 1, format, args);
    b->len += need;
}

void buf_fmt(Buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_formatted(b, format, args);
    va_end(args);
}

Str str_fmt(Arena *mem, const char *format, ...)
{
    Buf b = buf_in(mem, 64);
    va_list args;
    va_start(args, format);
    add_formatted(&b, format, args);
    va_end(args);
    return buf_str(&b);
}
