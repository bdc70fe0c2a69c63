/* cbor.c - the first byte has three bits of kind and five of size; see RFC 8949 section
 * 3. */
#include "proof/cbor.h"

enum { DEEPEST = 8, NEGATIVE = 1, TAG = 6, SIMPLE = 7, FALSE_ = 20, NULL_ = 22 };

static bool take_number(Str *from, int size, i64 *out)
{
    int bytes = size < 24 ? 0 : 1 << (size - 24);
    u64 v = (u64)size;

    if (size > 27 || from->len < bytes)
        return false;
    if (bytes > 0)
        v = 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | (u8)from->at[i];
    *from = str_sub(*from, bytes, from->len);
    *out = (i64)v;
    return v <= (u64)INT64_MAX;
}

static bool take_text(Str *from, Cbor *c)
{
    if (c->number > from->len)
        return false;
    c->s = str_sub(*from, 0, c->number);
    *from = str_sub(*from, c->number, from->len);
    return c->kind == CBOR_BYTES || str_utf8(c->s);
}

bool cbor_next(Str *from, Cbor *out)
{
    static const CborKind kinds[] = { CBOR_INT, CBOR_INT, CBOR_BYTES, CBOR_TEXT,
                                      CBOR_LIST, CBOR_MAP, CBOR_SIMPLE, CBOR_SIMPLE };
    if (from->len == 0)
        return false;
    int first = (u8)from->at[0], major = first >> 5, size = first & 31;
    *from = str_sub(*from, 1, from->len);
    *out = (Cbor){ .kind = kinds[major] };
    if (major == TAG || (major == SIMPLE && (size < FALSE_ || size > NULL_)))
        return false;
    if (!take_number(from, size, &out->number))
        return false;
    if (major == NEGATIVE)
        out->number = -1 - out->number;
    if (out->kind == CBOR_LIST || out->kind == CBOR_MAP)
        return out->number <= from->len;          /* each part has a byte     */
    return (out->kind != CBOR_BYTES && out->kind != CBOR_TEXT) || take_text(from, out);
}

static bool skip(Str *from, int depth)
{
    Cbor c;

    if (depth > DEEPEST || !cbor_next(from, &c))
        return false;
    if (c.kind != CBOR_LIST && c.kind != CBOR_MAP)
        return true;
    for (i64 left = c.kind == CBOR_MAP ? 2 * c.number : c.number; left > 0; left--)
        if (!skip(from, depth + 1))
            return false;
    return true;
}

bool cbor_skip(Str *from, Str *whole)
{
    Str before = *from;

    if (!skip(from, 1))
        return false;
    *whole = str_sub(before, 0, before.len - from->len);
    return true;
}
