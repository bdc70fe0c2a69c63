/* uuid.c - see uuid.h. */
#include "base/uuid.h"
#include "base/rand.h"
#include <string.h>

Uuid uuid_new(Instant now)
{
    Uuid u;

    rand_bytes(u.b + 6, 10);
    for (int i = 0; i < 6; i++)
        u.b[i] = (u8)(now.ms >> (40 - 8 * i));
    u.b[6] = (u8)(0x70 | (u.b[6] & 0x0F));
    u.b[8] = (u8)(0x80 | (u.b[8] & 0x3F));
    return u;
}

bool uuid_is(Uuid a, Uuid b)
{
    return memcmp(a.b, b.b, sizeof a.b) == 0;
}

bool uuid_zero(Uuid u)
{
    return uuid_is(u, (Uuid){ { 0 } });
}

static bool dash_at(isize byte)                   /* a dash stands before it  */
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void uuid_write(Buf *b, Uuid u)
{
    static const char digit[] = "0123456789abcdef";
    char text[UUID_LETTERS];
    isize n = 0;

    for (isize i = 0; i < 16; i++) {
        if (dash_at(i))
            text[n++] = '-';
        text[n++] = digit[u.b[i] >> 4];
        text[n++] = digit[u.b[i] & 15];
    }
    buf_add(b, (Str){ text, n });
}

Str uuid_str(Arena *mem, Uuid u)
{
    Buf b = buf_in(mem, UUID_LETTERS + 1);
    uuid_write(&b, u);
    return buf_str(&b);
}

bool uuid_read(Str s, Uuid *out)
{
    Uuid u;

    if (s.len != UUID_LETTERS)
        return false;
    for (isize i = 0, at = 0; i < 16; i++, at += 2) {
        if (dash_at(i) && s.at[at++] != '-')
            return false;
        if (!hex_read(str_sub(s, at, at + 2), &u.b[i], 1))
            return false;
    }
    *out = u;
    return true;
}
