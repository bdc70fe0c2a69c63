/* json.c - jansson behind our own small view (the only file that includes it).
 * Its memory comes from the arena of the call: jansson lets us say where, but
 * only once for the process, so the arena is kept in a thread variable while
 * json_read runs. Nothing is ever freed one by one. */
#include "base/json.h"
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local Arena *reading;

static void *take(size_t n)
{
    must(reading != NULL);
    return arena_take(reading, 1, 16, (isize)n);
}

static void give(void *p) { (void)p; }

static void use_arena(void)
{
    json_set_alloc_funcs(take, give);
    json_object_seed(0);
}

static const json_t *of(const Json *j) { return (const json_t *)j; }

/* jansson's own bound is 2048, which is deep enough to hurt a small stack. And each
 * empty object of two letters becomes 200 bytes, so a body of a megabyte would take
 * eighty: the number of parts is bounded before anything is built. */
static const char *excess(Str s)
{
    int depth = 0, parts = 0;
    bool text = false;

    for (isize i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (text) {
            i += c == '\\';
            text = c != '"';
        } else if (c == '"')
            text = true;
        else if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        parts += !text && (c == ',' || c == ':');
        if (depth > JSON_DEEPEST)
            return "nested too deeply";
        if (parts > JSON_PARTS_MOST)
            return "too many parts";
    }
    return NULL;
}

const Json *json_read(Arena *mem, Str text, Str *why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *too_much = excess(text);
    json_error_t error;

    if (too_much != NULL) {
        *why = str_of(too_much);
        return NULL;
    }
    pthread_once(&once, use_arena);
    reading = mem;
    json_t *j = json_loadb(text.len > 0 ? text.at : "", (size_t)text.len,
                           JSON_REJECT_DUPLICATES, &error);
    reading = NULL;
    if (j == NULL)
        *why = str_fmt(mem, "%s at byte %d", error.text, error.position);
    return (const Json *)j;
}

JsonKind json_kind(const Json *j)
{
    switch (json_typeof(of(j))) {
    case JSON_OBJECT:  return J_OBJECT;
    case JSON_ARRAY:   return J_LIST;
    case JSON_STRING:  return J_STR;
    case JSON_INTEGER: return J_INT;
    case JSON_REAL:    return J_REAL;
    case JSON_TRUE:
    case JSON_FALSE:   return J_BOOL;
    default:           return J_NULL;
    }
}

Str json_str(const Json *j)
{
    must(json_is_string(of(j)));
    return (Str){ json_string_value(of(j)), (isize)json_string_length(of(j)) };
}

i64 json_int(const Json *j)
{
    must(json_is_integer(of(j)));
    return json_integer_value(of(j));
}

double json_float(const Json *j)       { return json_number_value(of(j)); }
bool json_bool(const Json *j)         { return json_is_true(of(j)); }

isize json_count(const Json *j)
{
    return (isize)(json_is_object(of(j)) ? json_object_size(of(j))
                                         : json_array_size(of(j)));
}

const Json *json_item(const Json *list, isize i)
{
    return (const Json *)json_array_get(of(list), (size_t)i);
}

const Json *json_member(const Json *object, const char *name)
{
    return (const Json *)json_object_get(of(object), name);
}

bool json_get_str(const Json *object, const char *name, Str *out)
{
    const Json *j = json_member(object, name);

    if (j == NULL || json_kind(j) != J_STR)
        return false;
    *out = json_str(j);
    return true;
}

bool json_get_int(const Json *object, const char *name, i64 *out)
{
    const Json *j = json_member(object, name);

    if (j == NULL || json_kind(j) != J_INT)
        return false;
    *out = json_int(j);
    return true;
}

/* In the order of JavaScript (RFC 8785 section 3.2.3), which compares UTF-16: what is
 * beyond U+FFFF, four bytes here, comes before U+E000. Else it is that of the bytes. */
static int by_name(const void *a, const void *b)
{
    const u8 *x = *(const u8 *const *)a, *y = *(const u8 *const *)b;

    while (*x == *y && *x != '\0')
        x++, y++;
    if (*x >= 0xEE && *y >= 0xEE && (*x >= 0xF0) != (*y >= 0xF0))
        return *x >= 0xF0 ? -1 : 1;
    return *x - *y;
}

static void write_object(Buf *b, const Json *j)
{
    isize n = json_count(j), i = 0;
    const char **names = make(b->mem, const char *, n + 1), *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)of(j), name, value)
        names[i++] = name;
    qsort(names, (size_t)n, sizeof *names, by_name);
    buf_byte(b, '{');
    for (i = 0; i < n; i++) {
        json_put_name(b, names[i]);
        json_write_sorted(b, json_member(j, names[i]));
    }
    buf_byte(b, '}');
}

/* The fewest digits that read back as the same number, as d.ddde+xx. */
static void shortest(double d, char *to, isize room)
{
    for (int digits = 0; digits <= 16; digits++) {
        snprintf(to, (size_t)room, "%.*e", digits, d);
        if (strtod(to, NULL) <= d && strtod(to, NULL) >= d)
            return;
    }
}

static void put_zeros(Buf *b, int n)
{
    while (n-- > 0)
        buf_byte(b, '0');
}

/* As JavaScript writes it (RFC 8785 section 3.2.2.3), because most who sign JSON do so
 * with JSON.stringify. */
static void put_real(Buf *b, double d)
{
    char text[40], digits[20];
    int n = 0, point;

    shortest(__builtin_fabs(d), text, sizeof text);
    char *e = strchr(text, 'e');
    must(e != NULL);
    point = (int)strtol(e + 1, NULL, 10) + 1;  /* the point stands after so many digits */
    for (const char *at = text; at < e; at++)
        if (*at != '.')
            digits[n++] = *at;
    Str all = { digits, n };
    if (d < 0)
        buf_byte(b, '-');
    if (point > 21 || point < -5) {
        buf_add(b, str_sub(all, 0, 1));
        buf_add(b, n > 1 ? S(".") : S(""));
        buf_add(b, str_sub(all, 1, n));
        buf_fmt(b, "e%+d", point - 1);
    } else if (point <= 0) {
        buf_lit(b, "0.");
        put_zeros(b, -point);
        buf_add(b, all);
    } else {
        buf_add(b, str_sub(all, 0, n < point ? n : point));
        put_zeros(b, point - n);
        buf_add(b, n > point ? S(".") : S(""));
        buf_add(b, str_sub(all, n < point ? n : point, n));
    }
}

void json_write_sorted(Buf *b, const Json *j)
{
    switch (json_kind(j)) {
    case J_OBJECT: write_object(b, j); break;
    case J_LIST:
        buf_byte(b, '[');
        for (isize i = 0; i < json_count(j); i++) {
            if (i > 0)
                buf_byte(b, ',');
            json_write_sorted(b, json_item(j, i));
        }
        buf_byte(b, ']');
        break;
    case J_STR:  json_put_str(b, json_str(j)); break;
    case J_INT:  buf_int(b, json_int(j)); break;
    case J_REAL: put_real(b, json_float(j)); break;
    case J_BOOL: buf_add(b, json_bool(j) ? S("true") : S("false")); break;
    case J_NULL: buf_lit(b, "null"); break;
    }
}

void json_put_name(Buf *b, const char *name)
{
    if (b->len > 0 && b->at[b->len - 1] != '{' && b->at[b->len - 1] != '[')
        buf_byte(b, ',');
    json_put_str(b, str_of(name));
    buf_byte(b, ':');
}

void json_put_text(Buf *b, const char *name, Str value)
{
    json_put_name(b, name);
    json_put_str(b, value);
}

void json_put_int(Buf *b, const char *name, i64 value)
{
    json_put_name(b, name);
    buf_int(b, value);
}

void json_put_raw(Buf *b, const char *name, Str json)
{
    json_put_name(b, name);
    buf_add(b, json);
}

void json_open(Buf *b, const char *name)
{
    if (name != NULL)
        json_put_name(b, name);
    buf_byte(b, '{');
}

void json_shut(Buf *b) { buf_byte(b, '}'); }

/* Letters that can stand as they are go in runs: most text is one run. */
void json_put_str(Buf *b, Str s)
{
    bool utf8 = str_utf8(s);

    buf_byte(b, '"');
    for (isize i = 0, run = 0; i <= s.len; i++) {
        u8 c = i < s.len ? (u8)s.at[i] : 0;
        if (i < s.len && c >= 0x20 && c != '"' && c != '\\' && (utf8 || c < 0x80))
            continue;
        buf_add(b, str_sub(s, run, i));
        run = i + 1;
        if (i == s.len)
            break;
        switch (c) {
        case '"':  buf_lit(b, "\\\""); break;
        case '\\': buf_lit(b, "\\\\"); break;
        case '\n': buf_lit(b, "\\n"); break;
        case '\r': buf_lit(b, "\\r"); break;
        case '\t': buf_lit(b, "\\t"); break;
        case '\b': buf_lit(b, "\\b"); break;
        case '\f': buf_lit(b, "\\f"); break;
        default:
            if (c < 0x20)
                buf_fmt(b, "\\u%04x", c);
            else
                buf_lit(b, "\xEF\xBF\xBD");
        }
    }
    buf_byte(b, '"');
}
