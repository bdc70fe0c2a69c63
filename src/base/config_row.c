/* config_row.c - a kind of setting is a type, a way to read it, and how two are the same:
 * each switch has a line for each. */
#include "base/config_row.h"
#include <string.h>

const ConfigFacts config_table[CONFIG_ROWS] = {
#define GROUP(title) { .group = title },
#define CONFIG(field, name, kind, otherwise, least, most, says) \
    { NULL, #field, name, #kind, otherwise, says, least, most, false },
#define LIVE(field, name, kind, otherwise, least, most, says) \
    { NULL, #field, name, #kind, otherwise, says, least, most, true },
#include "base/config.def"
#undef GROUP
#undef CONFIG
};

static const struct { RowKind kind; isize at; } places[] = {
#define GROUP(title) { GROUP_TITLE, 0 },
#define CONFIG(field, name, kind, otherwise, least, most, says) \
    { KIND_##kind, (isize)offsetof(Config, field) },
#include "base/config.def"
#undef GROUP
#undef CONFIG
};

const ConfigFacts *config_facts(isize *count)
{
    *count = CONFIG_ROWS;
    return config_table;
}

RowKind row_kind(isize row) { return places[row].kind; }

bool span_read(Str s, Span *out)
{
    static const struct { char unit; i64 ms; } units[] = {
        { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
    i64 n, ms = 1000;

    for (isize i = 0; s.len > 0 && i < countof(units); i++)
        if (s.at[s.len - 1] == units[i].unit) {
            ms = units[i].ms;
            s.len--;
            break;
        }
    return str_int(s, &n) && n >= 0 && !__builtin_mul_overflow(n, ms, &out->ms);
}

void span_write(Buf *b, Span s)
{
    i64 n = s.ms / 1000;
    const char *unit = "s";

    if (n > 0 && n % 86400 == 0)
        n /= 86400, unit = "d";
    else if (n > 0 && n % 3600 == 0)
        n /= 3600, unit = "h";
    else if (n > 0 && n % 60 == 0)
        n /= 60, unit = "m";
    buf_fmt(b, "%jd%s", (intmax_t)n, unit);
}

static bool wrong(const Into *in, const ConfigFacts *f, Str v, const char *what)
{
    buf_fmt(in->mistakes, "%s: must be %s, is \"%.*s\"\n", f->name, what,
            (int)(v.len < 80 ? v.len : 80), v.len > 0 ? v.at : "");
    return false;
}

static bool wrong_range(const Into *in, const ConfigFacts *f, Str v, const char *unit)
{
    return wrong(in, f, v, str_fmt(in->mem, "%jd to %jd%s", (intmax_t)f->least,
                                  (intmax_t)f->most, unit).at);
}

static bool set_number(const Into *in, const ConfigFacts *f, Str v, void *to)
{
    i64 n;

    if (!str_int(v, &n) || n < f->least || n > f->most)
        return wrong_range(in, f, v, "");
    *(i64 *)to = n;
    return true;
}

static bool set_span(const Into *in, const ConfigFacts *f, Str v, void *to)
{
    Span s;

    if (!span_read(v, &s) || s.ms < f->least * 1000 || s.ms > f->most * 1000)
        return wrong_range(in, f, v, " seconds, written as 300s, 15m, 12h or 7d");
    *(Span *)to = s;
    return true;
}

static bool set_bool(const Into *in, const ConfigFacts *f, Str v, void *to)
{
    bool yes = str_is(v, S("true")) || str_is(v, S("1"));

    if (!yes && !str_is(v, S("false")) && !str_is(v, S("0")))
        return wrong(in, f, v, "true or false");
    *(bool *)to = yes;
    return true;
}

static bool set_word(const Into *in, const ConfigFacts *f, Str v, void *to)
{
    Str words = str_of(f->otherwise);

    for (int i = 0; words.at != NULL; i++)
        if (str_is(str_cut(&words, ' '), v)) {
            *(int *)to = i;
            return true;
        }
    return wrong(in, f, v, str_fmt(in->mem, "one of: %s", f->otherwise).at);
}

static bool set_text(const Into *in, const ConfigFacts *f, Str v, void *to)
{
    if (v.len < f->least || v.len > f->most || !str_utf8(v))
        return wrong_range(in, f, v, " letters of UTF-8");
    *(Str *)to = str_copy(in->mem, v);
    return true;
}

/* The value never appears in the message. */
static bool set_secret(const Into *in, const ConfigFacts *f, Str v, void *to)
{
    if (v.len < f->least || v.len > f->most) {
        buf_fmt(in->mistakes, "%s: must have %jd to %jd letters, has %td\n", f->name,
                (intmax_t)f->least, (intmax_t)f->most, v.len);
        return false;
    }
    *(Secret *)to = secret_copy(v);
    return true;
}

bool row_set(const Into *in, isize i, Str v)
{
    void *to = (char *)in->out + places[i].at;

    switch (places[i].kind) {
    case KIND_INT:    return set_number(in, &config_table[i], v, to);
    case KIND_SPAN:   return set_span(in, &config_table[i], v, to);
    case KIND_BOOL:   return set_bool(in, &config_table[i], v, to);
    case KIND_NAMES:  return set_word(in, &config_table[i], v, to);
    case KIND_SECRET: return set_secret(in, &config_table[i], v, to);
    case KIND_TEXT:
    case KIND_PATH:
    case KIND_LIST:   return set_text(in, &config_table[i], v, to);
    case GROUP_TITLE: break;
    }
    return true;
}

void config_wipe(Config *c)
{
    for (isize i = 0; i < countof(places); i++)
        if (places[i].kind == KIND_SECRET)
            secret_wipe((Secret *)(void *)((char *)c + places[i].at));
}

static bool same_secret(const Secret *a, const Secret *b)
{
    return a->len == b->len && same_bytes(a->at, b->at, a->len);
}

bool config_same(const Config *one, const Config *other, isize row)
{
    const void *a = (const char *)one + places[row].at,
                *b = (const char *)other + places[row].at;

    switch (places[row].kind) {
    case KIND_INT:    return *(const i64 *)a == *(const i64 *)b;
    case KIND_SPAN:   return ((const Span *)a)->ms == ((const Span *)b)->ms;
    case KIND_BOOL:   return *(const bool *)a == *(const bool *)b;
    case KIND_NAMES:  return *(const int *)a == *(const int *)b;
    case KIND_SECRET: return same_secret(a, b);
    case KIND_TEXT:
    case KIND_PATH:
    case KIND_LIST:   return str_is(*(const Str *)a, *(const Str *)b);
    case GROUP_TITLE: break;
    }
    return true;
}

static const isize sizes[] = {
    [KIND_INT] = sizeof(i64), [KIND_SPAN] = sizeof(Span), [KIND_BOOL] = sizeof(bool),
    [KIND_NAMES] = sizeof(int) };

void config_take(Arena *mem, Config *to, Config *from, isize row)
{
    void *a = (char *)to + places[row].at, *b = (char *)from + places[row].at;
    Secret old;

    switch (places[row].kind) {
    case KIND_INT:
    case KIND_SPAN:
    case KIND_BOOL:
    case KIND_NAMES:
        memcpy(a, b, (size_t)sizes[places[row].kind]);
        break;
    case KIND_SECRET:
        old = *(Secret *)a;
        *(Secret *)a = *(Secret *)b;
        *(Secret *)b = old;
        break;
    case KIND_TEXT:
    case KIND_PATH:
    case KIND_LIST:
        *(Str *)a = str_copy(mem, *(const Str *)b);
        break;
    case GROUP_TITLE:
        return;
    }
    to->from[row] = str_copy(mem, from->from[row]);
}

void config_raw(Buf *b, const Config *c, isize row)
{
    const void *at = (const char *)c + places[row].at;

    switch (places[row].kind) {
    case KIND_INT:    buf_int(b, *(const i64 *)at); break;
    case KIND_SPAN:   buf_int(b, ((const Span *)at)->ms); break;
    case KIND_BOOL:   buf_int(b, *(const bool *)at); break;
    case KIND_NAMES:  buf_int(b, *(const int *)at); break;
    case KIND_SECRET: buf_add(b, (Str){ (const char *)((const Secret *)at)->at,
                                        ((const Secret *)at)->len }); break;
    case KIND_TEXT:
    case KIND_PATH:
    case KIND_LIST:   buf_add(b, *(const Str *)at); break;
    case GROUP_TITLE: break;
    }
}
