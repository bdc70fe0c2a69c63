/* h2_head.c - no byte can change places here: nghttp2 has refused field names and values
 * that are none (RFC 9113 8.2.1), a control byte or space in a pseudo-field is refused
 * below, and what comes out is read by head.c as if it had come from a socket. */
#include "net/h2_head.h"
#include <stdlib.h>
#include <string.h>
#include "net/head.h"

enum { LINE_MORE = 4 };             /* ": " and CRLF                          */

void h2_head_begin(H2Head *h)
{
    h->len = 0;
    h->open = true;
    h->too_large = h->bad = h->head_only = false;
}

void h2_head_free(H2Head *h)
{
    free(h->at);
    *h = (H2Head){ 0 };
}

static void grow(H2Head *h, isize need)
{
    isize cap = h->cap * 2 > need ? h->cap * 2 : need < 1024 ? 1024 : need;

    if (need <= h->cap)
        return;
    must((h->at = realloc(h->at, (size_t)cap)) != NULL);
    h->cap = cap;
}

static void put(H2Head *h, Str s)
{
    if (s.len > 0)
        memcpy(h->at + h->len, s.at, (size_t)s.len);
    h->len += s.len;
}

static bool has_control(Str s)
{
    for (isize i = 0; i < s.len; i++)
        if (((u8)s.at[i] < ' ' && s.at[i] != '\t') || s.at[i] == 0x7f)
            return true;
    return false;
}

void h2_head_add(H2Head *h, Str name, Str value)
{
    bool pseudo = name.len > 0 && name.at[0] == ':';

    if (h->too_large || h->bad)
        return;
    if (h->len + name.len + value.len + LINE_MORE > HEAD_MOST)
        h->too_large = true;
    h->bad |= has_control(name) || has_control(value) ||
              (pseudo && (str_find(value, ' ') >= 0 || str_find(value, '\t') >= 0));
    h->head_only |= str_is(name, S(":method")) && str_is(value, S("HEAD"));
    if (h->too_large || h->bad)
        return;
    grow(h, h->len + name.len + value.len + LINE_MORE);
    put(h, name);
    put(h, S(": "));
    put(h, value);
    put(h, S("\r\n"));
}

/* Takes the first line off `rest`; its name and value. A pseudo-field's name begins with
 * a colon and no name has another. */
static Str take_line(Str *rest, Str *value)
{
    Str line = str_cut(rest, '\n');
    isize colon = 1 + str_find(str_sub(line, 1, line.len), ':');

    *value = str_sub(line, colon + 2, line.len - 1);
    return str_sub(line, 0, colon);
}

/* What stands in the first line and in Host, and the fields that are joined. */
typedef struct Lead {
    Str   method, scheme, path, authority, host;
    isize hosts, cookies;                         /* hosts: how many; cookies: bytes */
} Lead;

static void note(Lead *l, Str name, Str value)
{
    if (str_is(name, S(":method")))
        l->method = value;
    else if (str_is(name, S(":scheme")))
        l->scheme = value;
    else if (str_is(name, S(":path")))
        l->path = value;
    else if (str_is(name, S(":authority")))
        l->authority = value;
    else if (str_is(name, S("cookie")))
        l->cookies += value.len + 2;
    else if (str_is(name, S("host"))) {
        l->host = value;
        l->hosts++;
    }
}

static Lead lead_of(Str lines)
{
    Lead l = { 0 };

    while (lines.len > 0) {
        Str value, name = take_line(&lines, &value);
        note(&l, name, value);
    }
    return l;
}

/* One authority: ":authority" and "host" name the same, or only one of them came. */
static bool settle_host(Lead *l)
{
    if (l->hosts > 1 || (l->hosts == 1 && l->authority.at != NULL &&
                         !str_is_nocase(l->host, l->authority)))
        return false;
    if (l->authority.at == NULL)
        l->authority = l->host;
    return l->scheme.at == NULL || str_is(l->scheme, S("https")) ||
           str_is(l->scheme, S("http"));
}

static bool stays(Str name)
{
    return name.at[0] != ':' && !str_is(name, S("host")) && !str_is(name, S("cookie"));
}

static void put_fields(Buf *b, Str lines)
{
    while (lines.len > 0) {
        Str value, name = take_line(&lines, &value);
        if (stays(name))
            buf_add(b, (Str){ name.at, name.len + 2 + value.len + 2 });
    }
}

static void put_cookies(Buf *b, Str lines)
{
    const char *between = "cookie: ";

    while (lines.len > 0) {
        Str value, name = take_line(&lines, &value);
        if (!str_is(name, S("cookie")))
            continue;
        buf_add(b, str_of(between));
        buf_add(b, value);
        between = "; ";
    }
    buf_lit(b, "\r\n");
}

FaultCode h2_head_text(const H2Head *h, Arena *mem, Str *out)
{
    Str lines = { h->at, h->len };
    Lead l = lead_of(lines);
    Buf b = buf_in(mem, h->len + 64);

    if (h->too_large)
        return HEADERS_TOO_LARGE;
    if (h->bad || !settle_host(&l))
        return BAD_REQUEST;
    buf_add(&b, l.method);
    buf_byte(&b, ' ');
    buf_add(&b, l.path.at != NULL ? l.path : l.authority);  /* CONNECT has no path */
    buf_lit(&b, " HTTP/1.1\r\n");
    if (l.authority.at != NULL) {
        buf_lit(&b, "Host: ");
        buf_add(&b, l.authority);
        buf_lit(&b, "\r\n");
    }
    put_fields(&b, lines);
    if (l.cookies > 0)
        put_cookies(&b, lines);
    buf_lit(&b, "\r\n");
    *out = buf_str(&b);
    return OK;
}

FaultCode h2_head_trailers(const H2Head *h, Str *out)
{
    if (h->too_large || h->len > TRAILERS_MOST)
        return HEADERS_TOO_LARGE;
    *out = (Str){ h->at, h->len };
    return h->bad ? BAD_REQUEST : OK;
}
