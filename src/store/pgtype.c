/* pgtype.c - integers travel with the highest byte first. An instant is microseconds
 * since 2000-01-01 UTC; ours are milliseconds since 1970. jsonb begins with one byte
 * that names its version. A sum of bigints is a numeric: digits of base 10,000. */
#include "store/pgtype.h"
#include <string.h>

enum { T_BOOL = 16, T_BYTEA = 17, T_INT8 = 20, T_INT2 = 21, T_INT4 = 23, T_TEXT = 25,
       T_JSON = 114, T_VARCHAR = 1043, T_TIMESTAMPTZ = 1184, T_NUMERIC = 1700,
       T_VOID = 2278, T_UUID = 2950, T_JSONB = 3802, T_XID8 = 5069 };
#define EPOCH_MS 946684800000                     /* 2000-01-01 in ours       */

static const struct { u32 oid, array; const char *name; } taken[] = {
    { T_BOOL, 1000, "boolean" },        { T_BYTEA, 1001, "bytea" },
    { T_INT8, 1016, "bigint" },         { T_INT2, 1005, "smallint" },
    { T_INT4, 1007, "integer" },        { T_TEXT, 1009, "text" },
    { T_VARCHAR, 1015, "varchar" },     { T_TIMESTAMPTZ, 1185, "timestamptz" },
    { T_UUID, 2951, "uuid" },           { T_JSON, 199, "json" },
    { T_JSONB, 3807, "jsonb" },         { T_XID8, 271, "xid8" },
};

static isize place_of(u32 oid)
{
    isize i = 0;
    while (i < countof(taken) && taken[i].oid != oid)
        i++;
    return i;
}

bool pgtype_takes(u32 oid)        { return place_of(oid) < countof(taken); }
const char *pgtype_name(u32 oid)  { return taken[place_of(oid)].name; }
u32 pgtype_array(u32 oid)         { return taken[place_of(oid)].array; }

bool pgtype_gives(u32 oid)
{
    return pgtype_takes(oid) || oid == T_NUMERIC || oid == T_VOID;
}

/* ---- out ------------------------------------------------------------------ */

static bool put_big_endian(Arena *mem, i64 v, int size, const char **at, int *len)
{
    char *to = make(mem, char, size);

    for (int i = 0; i < size; i++)
        to[i] = (char)(u8)(v >> 8 * (size - 1 - i));
    *at = to;
    *len = size;
    return true;
}

/* What lies beyond the calendar of PostgreSQL (4714 BC to 294276) is its infinity. */
static i64 us_of(i64 ms)
{
    if (ms < -210866803200000)
        return INT64_MIN;
    return ms > 9223371331199999 ? INT64_MAX : (ms - EPOCH_MS) * 1000;
}

static bool put_int(Arena *mem, u32 oid, i64 v, const char **at, int *len)
{
    switch (oid) {
    case T_INT8:
    case T_XID8: return put_big_endian(mem, v, 8, at, len);
    case T_INT4: return v >= INT32_MIN && v <= INT32_MAX &&
                        put_big_endian(mem, v, 4, at, len);
    case T_INT2: return v >= INT16_MIN && v <= INT16_MAX &&
                        put_big_endian(mem, v, 2, at, len);
    case T_BOOL: return (v == 0 || v == 1) && put_big_endian(mem, v, 1, at, len);
    case T_TIMESTAMPTZ: return put_big_endian(mem, us_of(v), 8, at, len);
    default: return false;
    }
}

static bool put_str(Arena *mem, u32 oid, Str s, const char **at, int *len)
{
    if (oid == T_JSONB) {
        char *to = make(mem, char, s.len + 1);
        to[0] = 1;
        memcpy(to + 1, s.at, (size_t)s.len);
        *at = to;
        *len = (int)s.len + 1;
        return true;
    }
    *at = s.at;
    *len = (int)s.len;
    return oid == T_TEXT || oid == T_JSON || oid == T_VARCHAR || oid == T_BYTEA;
}

static bool put_bytes(u32 oid, const Val *v, const char **at, int *len)
{
    *at = v->s.at != NULL ? v->s.at : (const char *)v->u.b;
    *len = v->s.at != NULL ? (int)v->s.len : 16;
    return oid == T_BYTEA || (oid == T_UUID && *len == 16);
}

bool pgtype_put(Arena *mem, u32 oid, const Val *v, const char **at, int *len)
{
    *at = NULL;
    *len = 0;
    switch (v->kind) {
    case VAL_NULL:  return true;
    case VAL_INT:   return put_int(mem, oid, v->i, at, len);
    case VAL_STR:   return put_str(mem, oid, v->s, at, len);
    case VAL_BYTES: return put_bytes(oid, v, at, len);
    }
    return false;
}

/* One dimension: its head, then each element with its length, -1 for NULL. */
bool pgtype_put_array(Arena *mem, u32 oid, const Val *first, isize step, isize count,
                      const char **at, int *len)
{
    Buf b = buf_in(mem, 20 + count * 24);
    const char *one;
    int n;

    const i64 head[] = { 1, 1, oid, count, 1 };   /* dimensions, may hold NULL, .., from
                                                     1 */
    for (isize i = 0; i < countof(head); i++) {
        if (!put_big_endian(mem, head[i], 4, &one, &n))
            return false;
        buf_add(&b, (Str){ one, n });
    }
    for (isize i = 0; i < count; i++) {
        const char *size;
        int four;
        if (!pgtype_put(mem, oid, &first[i * step], &one, &n) ||
            !put_big_endian(mem, one == NULL ? -1 : n, 4, &size, &four))
            return false;
        buf_add(&b, (Str){ size, four });
        if (one != NULL)
            buf_add(&b, (Str){ one, n });
    }
    *at = b.at;
    *len = (int)b.len;
    return true;
}

/* ---- in ------------------------------------------------------------------- */

static i64 get_big_endian(const char *at, int len)
{
    u64 v = len > 0 && (at[0] & 0x80) != 0 ? ~(u64)0 : 0;       /* keeps the sign */

    for (int i = 0; i < len; i++)
        v = v << 8 | (u8)at[i];
    return (i64)v;
}

/* The whole part; what our statements sum has no other. */
static i64 get_numeric(const char *at, int len)
{
    i64 v = 0;

    must(len >= 8);
    i64 digits = get_big_endian(at, 2), weight = get_big_endian(at + 2, 2);
    bool negative = get_big_endian(at + 4, 2) == 0x4000;
    must(len >= 8 + 2 * digits);
    for (i64 i = 0; i <= weight; i++) {
        i64 digit = i < digits ? get_big_endian(at + 8 + 2 * i, 2) : 0;
        must(!__builtin_mul_overflow(v, 10000, &v) &&
             !__builtin_add_overflow(v, digit, &v));
    }
    return negative ? -v : v;
}

/* Rounds down, also before 2000. */
static i64 get_time(const char *at)
{
    i64 us = get_big_endian(at, 8);
    return us / 1000 - (us % 1000 < 0) + EPOCH_MS;
}

Cell pgtype_get(u32 oid, const char *at, int len)
{
    if (at == NULL)
        return (Cell){ .kind = VAL_NULL };
    switch (oid) {
    case T_BOOL:
    case T_INT2:
    case T_INT4:
    case T_INT8:
    case T_XID8:        return (Cell){ .kind = VAL_INT, .i = get_big_endian(at, len) };
    case T_TIMESTAMPTZ: return (Cell){ .kind = VAL_INT, .i = get_time(at) };
    case T_NUMERIC:     return (Cell){ .kind = VAL_INT, .i = get_numeric(at, len) };
    case T_UUID:
    case T_BYTEA:       return (Cell){ .kind = VAL_BYTES, .s = { at, len } };
    case T_JSONB:       return (Cell){ .kind = VAL_STR, .s = { at + 1, len - 1 } };
    default:            return (Cell){ .kind = VAL_STR, .s = { at, len } };
    }
}
