/* shape.c - one walk for each direction, over the field table. */
#include "base/shape.h"
#include <string.h>

int names_find(const Names *names, Str s)
{
    for (isize i = 0; i < names->count; i++)
        if (str_is(s, str_of(names->at[i])))
            return (int)i;
    return -1;
}

/* ---- reading -------------------------------------------------------------- */

static bool read_object(Ctx *cx, const Shape *shape, const Json *j, Str path, char *to);

static Str path_of(Ctx *cx, Str path, const char *name)
{
    return path.len == 0 ? str_of(name)
                         : str_fmt(cx->mem, "%.*s.%s", STR_ARGS(path), name);
}

static bool looks_like_email(Str s)
{
    isize at = str_find(s, '@');
    Str domain = str_sub(s, at + 1, s.len);
    isize dot = str_find(domain, '.');

    for (isize i = 0; i < s.len; i++)
        if ((u8)s.at[i] <= ' ' || s.at[i] == 0x7F ||
            strchr("<>()[],;:\\\"", s.at[i]) != NULL)
            return false;
    return at > 0 && dot > 0 && str_find(domain, '@') < 0 && !str_ends(domain, S(".")) &&
           !str_has(domain, S(".."));
}

static bool read_text(Ctx *cx, const Field *f, const Json *j, Str path, char *to)
{
    if (json_kind(j) != J_STR)
        return fail_field(cx, path, "must be a string");
    Str s = json_str(j);
    isize n = str_letters(s);
    if (n < f->least || n > f->most)
        return fail_field(cx, path, "must have %jd to %jd characters, has %td",
                          (intmax_t)f->least, (intmax_t)f->most, n);
    if ((f->is & EMAIL) != 0 && !looks_like_email(s))
        return fail_field(cx, path, "must be an email address");
    memcpy(to, &s, sizeof s);
    return true;
}

static bool read_number(Ctx *cx, const Field *f, const Json *j, Str path, char *to)
{
    if (json_kind(j) != J_INT)
        return fail_field(cx, path, "must be a whole number");
    i64 v = json_int(j);
    if (v < f->least || v > f->most)
        return fail_field(cx, path, "must be %jd to %jd", (intmax_t)f->least,
                          (intmax_t)f->most);
    memcpy(to, &v, sizeof v);
    return true;
}

/* The nil UUID and the instant 0 are `absent` inside, so nobody may say them. */
static bool read_id(Ctx *cx, const Json *j, Str path, char *to)
{
    Uuid id;

    if (json_kind(j) != J_STR || !uuid_read(json_str(j), &id) || uuid_zero(id))
        return fail_field(cx, path, "must be a UUID");
    memcpy(to, &id, sizeof id);
    return true;
}

static bool read_time(Ctx *cx, const Json *j, Str path, char *to)
{
    Instant t;

    if (json_kind(j) != J_STR || !time_read(json_str(j), &t) || !is_set(t))
        return fail_field(cx, path, "must be a time like 2026-11-22T19:30:00Z");
    memcpy(to, &t, sizeof t);
    return true;
}

static bool read_name(Ctx *cx, const Field *f, const Json *j, Str path, char *to)
{
    int i = json_kind(j) == J_STR ? names_find(f->names, json_str(j)) : -1;
    Buf known = buf_in(cx->mem, 64);

    if (i >= 0) {
        memcpy(to, &i, sizeof i);
        return true;
    }
    for (isize k = 0; k < f->names->count; k++)
        buf_fmt(&known, "%s%s", k == 0 ? "" : ", ", f->names->at[k]);
    return fail_field(cx, path, "must be one of %.*s", STR_ARGS(buf_str(&known)));
}

static bool read_list(Ctx *cx, const Field *f, const Json *j, Str path, char *to)
{
    if (json_kind(j) != J_LIST)
        return fail_field(cx, path, "must be a list");
    isize n = json_count(j);
    if (n < f->least || n > f->most)
        return fail_field(cx, path, "must have %jd to %jd entries, has %td",
                          (intmax_t)f->least, (intmax_t)f->most, n);
    List list = { arena_take(cx->mem, f->of->size, 16, n), n };
    bool good = true;
    for (isize i = 0; i < n; i++) {
        Str at = str_fmt(cx->mem, "%.*s[%td]", STR_ARGS(path), i);
        good &= read_object(cx, f->of, json_item(j, i), at,
                            (char *)list.at + i * f->of->size);
    }
    memcpy(to, &list, sizeof list);
    return good;
}

static bool read_value(Ctx *cx, const Field *f, const Json *j, Str path, char *to)
{
    switch (f->kind) {
    case K_STR:    return read_text(cx, f, j, path, to);
    case K_INT:    return read_number(cx, f, j, path, to);
    case K_ID:     return read_id(cx, j, path, to);
    case K_TIME:   return read_time(cx, j, path, to);
    case K_NAME:   return read_name(cx, f, j, path, to);
    case K_OBJECT: return read_object(cx, f->of, j, path, to);
    case K_LIST:   return read_list(cx, f, j, path, to);
    case K_BOOL:
        if (json_kind(j) != J_BOOL)
            return fail_field(cx, path, "must be true or false");
        *(bool *)to = json_bool(j);
        return true;
    case K_MAYBE:
        if (json_kind(j) != J_BOOL)
            return fail_field(cx, path, "must be true or false");
        *(Maybe *)(void *)to = json_bool(j) ? MAYBE_TRUE : MAYBE_FALSE;
        return true;
    case K_RAW: {
        Buf b = buf_in(cx->mem, 256);
        json_write_sorted(&b, j);
        memcpy(to, &(Str){ b.at, b.len }, sizeof(Str));
        return true;
    }
    }
    must(!"a kind of field");
    return false;
}

static bool read_object(Ctx *cx, const Shape *shape, const Json *j, Str path, char *to)
{
    bool good = true;

    if (json_kind(j) != J_OBJECT)
        return fail_field(cx, path.len > 0 ? path : S("body"), "must be an object");
    for (isize i = 0; i < shape->count; i++) {
        const Field *f = &shape->fields[i];
        const Json *v = json_member(j, f->name);
        if (v != NULL && json_kind(v) != J_NULL)
            good &= read_value(cx, f, v, path_of(cx, path, f->name), to + f->at);
        else if ((f->is & OPTIONAL) == 0)
            good &= fail_field(cx, path_of(cx, path, f->name), "is required");
        else if (f->kind == K_INT)
            memcpy(to + f->at, &f->otherwise, sizeof f->otherwise);
        else if (f->kind == K_BOOL)
            *(bool *)(to + f->at) = f->otherwise != 0;
        else if (f->kind == K_NAME)
            memcpy(to + f->at, &(int){ (int)f->otherwise }, sizeof(int));
    }
    return good;
}

bool shape_read(Ctx *cx, const Shape *shape, Str json, void *out)
{
    Str why = { 0 };
    const Json *j = json_read(cx->mem, json, &why);

    if (j == NULL)
        return fail(cx, BAD_JSON, "%.*s", STR_ARGS(why));
    memset(out, 0, (size_t)shape->size);
    return read_object(cx, shape, j, (Str){ 0 }, out);
}

/* ---- writing -------------------------------------------------------------- */

static bool absent(const Field *f, const char *at)
{
    if ((f->is & (WRITEONLY | UNLISTED)) != 0)
        return true;
    if (f->kind == K_STR || f->kind == K_RAW)
        return ((const Str *)(const void *)at)->at == NULL;
    if ((f->is & OPTIONAL) == 0)
        return false;
    if (f->kind == K_ID)
        return uuid_zero(*(const Uuid *)(const void *)at);
    if (f->kind == K_MAYBE)
        return *(const Maybe *)(const void *)at == MAYBE_ABSENT;
    if (f->kind == K_TIME)
        return !is_set(*(const Instant *)(const void *)at);
    if (f->kind == K_LIST)
        return ((const List *)(const void *)at)->at == NULL;
    /* An optional object is absent when its first field is. */
    return f->kind == K_OBJECT && uuid_zero(*(const Uuid *)(const void *)at);
}

static void write_list(Buf *b, const Field *f, const List *list)
{
    buf_byte(b, '[');
    for (isize i = 0; i < list->count; i++) {
        if (i > 0)
            buf_byte(b, ',');
        shape_write(b, f->of, (const char *)list->at + i * f->of->size);
    }
    buf_byte(b, ']');
}

static void write_value(Buf *b, const Field *f, const char *at)
{
    const void *v = at;

    switch (f->kind) {
    case K_STR:  json_put_str(b, *(const Str *)v); break;
    case K_RAW:  buf_add(b, *(const Str *)v); break;
    case K_INT:  buf_int(b, *(const i64 *)v); break;
    case K_BOOL: buf_add(b, *(const bool *)v ? S("true") : S("false")); break;
    case K_MAYBE: buf_add(b, *(const Maybe *)v == MAYBE_TRUE ? S("true") : S("false")); break;
    case K_ID:   buf_byte(b, '"'); uuid_write(b, *(const Uuid *)v); buf_byte(b, '"'); break;
    case K_TIME: buf_byte(b, '"'); time_write(b, *(const Instant *)v); buf_byte(b, '"'); break;
    case K_NAME: json_put_str(b, names_str(f->names, *(const int *)v)); break;
    case K_OBJECT: shape_write(b, f->of, v); break;
    case K_LIST: write_list(b, f, v); break;
    }
}

void shape_write(Buf *b, const Shape *shape, const void *value)
{
    const char *from = value;
    bool first = true;

    buf_byte(b, '{');
    for (isize i = 0; i < shape->count; i++) {
        const Field *f = &shape->fields[i];
        if (absent(f, from + f->at))
            continue;
        if (!first)
            buf_byte(b, ',');
        first = false;
        buf_byte(b, '"');
        buf_add(b, str_of(f->name));
        buf_lit(b, "\":");
        write_value(b, f, from + f->at);
    }
    buf_byte(b, '}');
}
