/* cursor.c - 24 bytes, big-endian time and id, in base64url. It grants nothing: it
 * only says where in a list that the asker may see anyway. */
#include "events/cursor.h"
#include <string.h>

enum { TIME_BYTES = 8, CURSOR_BYTES = TIME_BYTES + 16 };

Str cursor_write(Arena *mem, Cursor c)
{
    u8 b[CURSOR_BYTES];

    for (int i = 0; i < TIME_BYTES; i++)
        b[i] = (u8)((u64)c.at >> (56 - 8 * i));
    memcpy(b + TIME_BYTES, c.id.b, sizeof c.id.b);
    return base64url_write(mem, b, sizeof b);
}

bool cursor_read(Ctx *cx, Str s, Cursor start, Cursor *out)
{
    Str raw;
    u64 at = 0;

    *out = start;
    if (s.at == NULL)
        return true;
    if (!base64url_read(cx->mem, s, &raw) || raw.len != CURSOR_BYTES)
        return fail(cx, INVALID_CURSOR, "%td letters", s.len);
    for (int i = 0; i < TIME_BYTES; i++)
        at = at << 8 | (u8)raw.at[i];
    out->at = (i64)at;
    memcpy(out->id.b, raw.at + TIME_BYTES, sizeof out->id.b);
    return true;
}
