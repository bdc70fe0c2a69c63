/* req.c - see req.h. A header or parameter that comes twice is its first. */
#include "net/req.h"
#include "base/rand.h"
#include "net/head.h"

Str req_header(const Req *rq, Str name)
{
    for (isize i = 0; i < rq->header_count; i++)
        if (rq->headers[i].name.len == name.len &&
            str_is_nocase(rq->headers[i].name, name))
            return rq->headers[i].value;
    return (Str){ 0 };
}

/* The weight of one element of Accept: 0 only for "q=0", "q=0.0" and the like. */
static bool refuses(Str parameters)
{
    while (parameters.at != NULL) {
        Str p = str_trim(str_cut(&parameters, ';'));
        if (p.len < 3 || (p.at[0] | 32) != 'q' || p.at[1] != '=')
            continue;
        for (isize i = 2; i < p.len; i++)
            if (p.at[i] != '0' && p.at[i] != '.')
                return false;
        return true;
    }
    return false;
}

/* How closely a media range names `type`: 0 not, 1 by the star, 2 by its first half,
 * 3 exactly. */
static int closeness(Str range, Str type)
{
    Str half = str_sub(type, 0, str_find(type, '/') + 1);

    if (str_is_nocase(range, type))
        return 3;
    if (range.len == half.len + 1 && str_ends(range, S("*")) &&
        str_is_nocase(str_sub(range, 0, half.len), half))
        return 2;
    return str_is(range, S("*/*"));
}

bool req_accepts(const Req *rq, Str type)
{
    Str accept = req_header(rq, S("Accept"));
    int best = 0;
    bool refused = accept.len > 0;

    while (accept.len > 0) {
        Str element = str_cut(&accept, ',');
        Str range = str_trim(str_cut(&element, ';'));
        int close = closeness(range, type);
        if (close > best) {
            best = close;
            refused = refuses(element);
        }
    }
    return !refused;
}

Str req_query(Ctx *cx, const Req *rq, Str name)
{
    Str rest = rq->query, value;

    while (rest.at != NULL) {
        Str pair = str_cut(&rest, '&');
        if (!str_is(str_cut(&pair, '='), name))
            continue;
        if (pair.at == NULL)
            return S("");
        return query_decode(cx->mem, pair, &value) ? value : (Str){ 0 };
    }
    return (Str){ 0 };
}

Str req_param(const Req *rq, const char *name)
{
    Str wanted = str_of(name);

    for (int i = 0; i < rq->param_count; i++)
        if (str_is((Str){ rq->params[i].name, rq->params[i].name_len }, wanted))
            return rq->params[i].value;
    must(!"the route names this parameter");
    return (Str){ 0 };
}

bool req_id(Ctx *cx, const Req *rq, const char *name, Uuid *out)
{
    Str text = req_param(rq, name);

    if (!uuid_read(text, out) || uuid_zero(*out))
        return fail(cx, NOT_FOUND, "%s=%.*s", name, (int)(text.len < 40 ? text.len : 40),
                    text.at);
    return true;
}

enum { PAGE_USUAL = 20, PAGE_MOST = 100, CURSOR_MOST = 512 };

bool req_page(Ctx *cx, const Req *rq, Page *out)
{
    Str limit = req_query(cx, rq, S("limit"));
    Page page = { PAGE_USUAL, req_query(cx, rq, S("cursor")) };
    bool good = true;

    if (limit.at != NULL &&
        (!str_int(limit, &page.limit) || page.limit < 1 || page.limit > PAGE_MOST))
        good = fail_field(cx, S("limit"), "must be a number from 1 to %d", PAGE_MOST);
    if (page.cursor.len > CURSOR_MOST)
        good = fail_field(cx, S("cursor"), "must have at most %d letters", CURSOR_MOST);
    if (good)
        *out = page;
    return good;
}

bool page_cut(const Page *page, isize *count)
{
    bool more = *count > page->limit;

    *count = more ? (isize)page->limit : *count;
    return more;
}

bool req_page_id(Ctx *cx, const Req *rq, Page *out, Uuid *from)
{
    if (!req_page(cx, rq, out))
        return false;
    return out->cursor.at == NULL || uuid_read(out->cursor, from) ||
           fail(cx, INVALID_CURSOR, "no id");
}

bool req_page_number(Ctx *cx, const Req *rq, Page *out, i64 *from)
{
    if (!req_page(cx, rq, out))
        return false;
    return out->cursor.at == NULL || (str_int(out->cursor, from) && *from > 0) ||
           fail(cx, INVALID_CURSOR, "no number");
}

/* "application/json", with no charset or the only one that JSON has. */
static bool is_json(Str type)
{
    Str rest = type, name = str_trim(str_cut(&rest, ';'));

    if (!str_is_nocase(name, S("application/json")))
        return false;
    while (rest.at != NULL) {
        Str p = str_trim(str_cut(&rest, ';'));
        bool utf8 = str_is_nocase(p, S("charset=utf-8")) ||
                    str_is_nocase(p, S("charset=\"utf-8\""));
        if (p.len >= 8 && str_is_nocase(str_sub(p, 0, 8), S("charset=")) && !utf8)
            return false;
    }
    return true;
}

bool req_read(Ctx *cx, const Req *rq, const Shape *shape, void *out)
{
    Str type = req_header(rq, S("Content-Type"));

    if (!is_json(type))
        return fail(cx, UNSUPPORTED_MEDIA_TYPE, "type=%.*s",
                    (int)(type.len < 80 ? type.len : 80), type.at == NULL ? "" : type.at);
    return shape_read(cx, shape, rq->body, out);
}

/* Only a number and a truth are written otherwise in JSON than in a query. */
static void put_given(Buf *b, const Field *f, Str given)
{
    i64 n;
    bool number = f->kind == K_INT && str_int(given, &n);
    bool truth = (f->kind == K_BOOL || f->kind == K_MAYBE) &&
                 (str_is(given, S("true")) || str_is(given, S("false")));

    json_put_name(b, f->name);
    if (number || truth)
        buf_add(b, given);
    else
        json_put_str(b, given);
}

bool req_read_query(Ctx *cx, const Req *rq, const Shape *shape, void *out)
{
    Buf b = buf_in(cx->mem, 128);

    buf_byte(&b, '{');
    for (isize i = 0; i < shape->count; i++) {
        Str given = req_query(cx, rq, str_of(shape->fields[i].name));
        if (given.at != NULL)
            put_given(&b, &shape->fields[i], given);
    }
    buf_byte(&b, '}');
    return shape_read(cx, shape, buf_str(&b), out);
}

bool reply(Ctx *cx, Req *rq, int status, const Shape *shape, const void *value)
{
    Buf b = buf_in(cx->mem, 512);

    shape_write(&b, shape, value);
    return reply_json(rq, status, buf_str(&b));
}

bool reply_json(Req *rq, int status, Str json)
{
    return reply_text(rq, status, S("application/json"), json);
}

bool reply_text(Req *rq, int status, Str type, Str body)
{
    rq->reply.status = status;
    rq->reply.type = type;
    rq->reply.body = body;
    return true;
}

bool reply_empty(Req *rq, int status)
{
    return reply_text(rq, status, (Str){ 0 }, (Str){ 0 });
}

void reply_hold(Req *rq, Span least, Span jitter)
{
    i64 more_us = jitter.ms > 0 ? rand_below((u32)jitter.ms * 1000) : 0;

    rq->reply.not_before = (Mono){ mono_after(mono_now(), least).ns + more_us * 1000 };
}

bool reply_list(Ctx *cx, Req *rq, const Shape *shape, const void *rows, isize count,
                i64 limit, Str next)
{
    Buf b = buf_in(cx->mem, 1024);

    buf_lit(&b, "{\"data\":[");
    for (isize i = 0; i < count; i++) {
        if (i > 0)
            buf_byte(&b, ',');
        shape_write(&b, shape, (const char *)rows + i * shape->size);
    }
    buf_lit(&b, "],\"pagination\":{\"limit\":");
    buf_int(&b, limit);
    if (next.at != NULL) {
        buf_lit(&b, ",\"nextCursor\":");
        json_put_str(&b, next);
    }
    buf_lit(&b, "}}");
    return reply_json(rq, 200, buf_str(&b));
}

static bool has_control(Str s)
{
    for (isize i = 0; i < s.len; i++)
        if ((u8)s.at[i] < ' ' || s.at[i] == 0x7f)
            return true;
    return false;
}

static Str without_controls(Arena *mem, Str s)
{
    char *to = make(mem, char, s.len + 1);

    for (isize i = 0; i < s.len; i++)
        to[i] = (u8)s.at[i] < ' ' || s.at[i] == 0x7f ? ' ' : s.at[i];
    return (Str){ to, s.len };
}

void reply_header(Ctx *cx, Req *rq, Str name, Str value)
{
    ReplyHeader *h = make(cx->mem, ReplyHeader, 1), **last = &rq->reply.headers;

    must(name.len > 0 && !has_control(name));
    h->name = name;
    h->value = has_control(value) ? without_controls(cx->mem, value) : value;
    while (*last != NULL)
        last = &(*last)->next;
    *last = h;
}
