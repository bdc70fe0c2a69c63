/* schema.c - what an object has stands in one table of fields, so each kind of field is a
 * few lines of JSON Schema 2020-12. */
#include "web/schema.h"
#include <string.h>

/* Two rooms may call their shapes alike: the second is Name2. */
static Str schema_name(const Schemas *d, const Shape *s)
{
    int same = 0;

    for (isize i = 0; i < d->count; i++) {
        same += strcmp(d->shapes[i]->name, s->name) == 0;
        if (d->shapes[i] == s)
            break;
    }
    return same > 1 ? str_fmt(d->mem, "%s%d", s->name, same) : str_of(s->name);
}

static void mention(Schemas *d, const Shape *s)
{
    for (isize i = 0; i < d->count; i++)
        if (d->shapes[i] == s)
            return;
    must(d->count < SCHEMAS_MOST);
    d->shapes[d->count++] = s;
    for (isize i = 0; i < s->count; i++)
        if (s->fields[i].of != NULL)
            mention(d, s->fields[i].of);
}

void schema_put_ref(Schemas *d, const Shape *s)
{
    mention(d, s);
    buf_fmt(d->to, "{\"$ref\":\"#/components/schemas/%.*s\"}",
            STR_ARGS(schema_name(d, s)));
}

static void put_names(Schemas *d, const Names *names)
{
    json_put_name(d->to, "enum");
    buf_byte(d->to, '[');
    for (isize i = 0; i < names->count; i++) {
        if (i > 0)
            buf_byte(d->to, ',');
        json_put_str(d->to, names_str(names, (int)i));
    }
    buf_byte(d->to, ']');
}

static void put_text_kind(Schemas *d, const Field *f)
{
    json_put_text(d->to, "type", S("string"));
    if (f->least > 0)
        json_put_int(d->to, "minLength", f->least);
    if (f->most > 0)
        json_put_int(d->to, "maxLength", f->most);
    if ((f->is & EMAIL) != 0)
        json_put_raw(d->to, "format", S("\"email\",\"examples\":[\"ada@example.com\"]"));
    if ((f->is & WRITEONLY) != 0)
        json_put_raw(d->to, "writeOnly", S("true"));
}

static void put_list_kind(Schemas *d, const Field *f)
{
    json_put_text(d->to, "type", S("array"));
    if (f->least > 0)
        json_put_int(d->to, "minItems", f->least);
    if (f->most > 0)
        json_put_int(d->to, "maxItems", f->most);
    json_put_name(d->to, "items");
    schema_put_ref(d, f->of);
}

static void put_number_kind(Schemas *d, const Field *f)
{
    json_put_text(d->to, "type", S("integer"));
    json_put_text(d->to, "format", S("int64"));
    if (f->least != 0 || f->most != 0) {
        json_put_int(d->to, "minimum", f->least);
        json_put_int(d->to, "maximum", f->most);
    }
    if ((f->is & OPTIONAL) != 0 && f->otherwise != 0)
        json_put_int(d->to, "default", f->otherwise);
}

void schema_put_kind(Schemas *d, const Field *f)
{
    switch (f->kind) {
    case K_STR:  put_text_kind(d, f); break;
    case K_INT:  put_number_kind(d, f); break;
    case K_LIST: put_list_kind(d, f); break;
    case K_BOOL:
    case K_MAYBE: json_put_text(d->to, "type", S("boolean")); break;
    case K_ID:
        json_put_text(d->to, "type", S("string"));
        json_put_raw(d->to, "format",
                     S("\"uuid\",\"examples\":[\"019ab2c4-5d6e-7f80-9123-456789abcdef\"]"));
        break;
    case K_TIME:
        json_put_text(d->to, "type", S("string"));
        json_put_raw(d->to, "format",
                     S("\"date-time\",\"examples\":[\"2026-11-22T19:30:00.000Z\"]"));
        break;
    case K_NAME:
        json_put_text(d->to, "type", S("string"));
        put_names(d, f->names);
        break;
    case K_OBJECT:
        mention(d, f->of);
        json_put_text(d->to, "$ref", str_fmt(d->mem, "#/components/schemas/%.*s",
                                             STR_ARGS(schema_name(d, f->of))));
        break;
    case K_RAW: break;                            /* any JSON                 */
    }
}

static void put_field(Schemas *d, const Field *f)
{
    json_open(d->to, f->name);
    if (f->says != NULL && f->says[0] != '\0')
        json_put_text(d->to, "description", str_of(f->says));
    schema_put_kind(d, f);
    json_shut(d->to);
}

static void put_required(Schemas *d, const Shape *s)
{
    Buf names = buf_in(d->mem, 128);

    for (isize i = 0; i < s->count; i++)
        if ((s->fields[i].is & (OPTIONAL | UNLISTED)) == 0)
            buf_fmt(&names, "%s\"%s\"", names.len > 0 ? "," : "", s->fields[i].name);
    if (names.len > 0)
        json_put_raw(d->to, "required",
                     str_fmt(d->mem, "[%.*s]", STR_ARGS(buf_str(&names))));
}

static void put_schema(Schemas *d, const Shape *s)
{
    json_open(d->to, str_z(d->mem, schema_name(d, s)));
    json_put_text(d->to, "type", S("object"));
    put_required(d, s);
    json_open(d->to, "properties");
    for (isize i = 0; i < s->count; i++)
        if ((s->fields[i].is & UNLISTED) == 0)
            put_field(d, &s->fields[i]);
    json_shut(d->to);
    json_shut(d->to);
}

void schemas_put(Schemas *d)
{
    for (isize i = 0; i < d->count; i++)
        put_schema(d, d->shapes[i]);
}
