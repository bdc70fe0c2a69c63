/* head.c - one pass over the lines as they come, so a head that can't become right is
 * refused at its first wrong byte and not when its time is up. Whatever has two
 * readings somewhere (RFC 9112 section 11.2) is refused here: the next hop never
 * gets to choose the other one. */
#include "net/head.h"
#include <string.h>

typedef struct Reader { const char *at, *end; Head *head; } Reader;

enum { TCHAR = 1, TEXT_BYTE = 2, TARGET_BYTE = 4, HOST_BYTE = 8 };

/* What each byte may be part of: RFC 9110 5.6.2 (token), 5.5 (field value), RFC 3986
 * (target and host; the target is wider, as browsers are). */
static const u8 class_of[256] = {
    ['\t'] = TEXT_BYTE,
    [' '] = TEXT_BYTE,
    ['!'] = 15, ['"'] = 6, ['#'] = 3, ['$'] = 15, ['%'] = 15, ['&'] = 15, ['\''] = 15,
    ['('] = 14, [')'] = 14, ['*'] = 15, ['+'] = 15, [','] = 14, ['-'] = 15, ['.'] = 15,
    ['/'] = 6, ['0' ... '9'] = 15, [':'] = 14, [';'] = 14, ['<'] = 6, ['='] = 14,
    ['>'] = 6, ['?'] = 6, ['@'] = 6, ['A' ... 'Z'] = 15, ['['] = 14, ['\\'] = 6,
    [']'] = 14, ['^'] = 7, ['_'] = 15, ['`'] = 7, ['a' ... 'z'] = 15, ['{'] = 6,
    ['|'] = 7, ['}'] = 6, ['~'] = 15,
    [128 ... 255] = TEXT_BYTE,
};

static HeadResult bad(Head *h, FaultCode fault, const char *why)
{
    h->fault = fault;
    h->why = why;
    return HEAD_BAD;
}

/* Takes the longest run of bytes of one class. */
static Str take_run(Reader *r, u8 class)
{
    const char *from = r->at;

    while (r->at < r->end && (class_of[(u8)*r->at] & class) != 0)
        r->at++;
    return (Str){ from, r->at - from };
}

static HeadResult take_byte(Reader *r, char want, const char *why)
{
    if (r->at == r->end)
        return HEAD_MORE;
    return *r->at++ == want ? HEAD_DONE : bad(r->head, BAD_REQUEST, why);
}

static HeadResult take_line_end(Reader *r, const char *why)
{
    HeadResult got = take_byte(r, '\r', why);
    return got == HEAD_DONE ? take_byte(r, '\n', why) : got;
}

/* One empty line before the request is forgiven (RFC 9112 2.2). */
static HeadResult skip_empty_line(Reader *r)
{
    if (r->at < r->end && *r->at == '\r')
        return take_line_end(r, "CR without LF");
    return HEAD_DONE;
}

static HeadResult take_method(Reader *r)
{
    Str m = take_run(r, TCHAR);

    r->head->method_text = m;
    if (m.len > 32)
        return bad(r->head, NOT_IMPLEMENTED, "method too long");
    if (m.len == 0 && r->at < r->end)
        return bad(r->head, BAD_REQUEST, "no method");
    return take_byte(r, ' ', "method is no token");
}

static HeadResult take_target(Reader *r)
{
    Str t = take_run(r, TARGET_BYTE);

    r->head->target = t;
    if (t.len > TARGET_MOST)
        return bad(r->head, URI_TOO_LONG, "target too long");
    if (t.len == 0 && r->at < r->end)
        return bad(r->head, BAD_REQUEST, "no target");
    return take_byte(r, ' ', "byte in the target");
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* "HTTP/1.1": what looks like a version but is none of ours is 505, the rest 400. */
static HeadResult take_version(Reader *r)
{
    static const char name[] = "HTTP/";
    isize have = r->end - r->at < 8 ? r->end - r->at : 8;
    const char *v = r->at;

    if (memcmp(v, name, (size_t)(have < 5 ? have : 5)) != 0)
        return bad(r->head, BAD_REQUEST, "no version");
    if (have < 8)
        return HEAD_MORE;
    if (!is_digit(v[5]) || v[6] != '.' || !is_digit(v[7]))
        return bad(r->head, BAD_REQUEST, "no version");
    if (v[5] != '1' || v[7] > '1')
        return bad(r->head, HTTP_VERSION_NOT_SUPPORTED, "version");
    r->head->minor = v[7] - '0';
    r->at += 8;
    return take_line_end(r, "line end after the version");
}

/* Eight bytes at once while none of them is a control byte (a tab is read singly): a
 * token is six hundred bytes long. A byte under 0x20 borrows from its highest bit, and so
 * does 0x7F, once it is zero. */
static void pass_text(Reader *r)
{
    const u64 ones = UINT64_C(0x0101010101010101), high = ones << 7;
    u64 v, del;

    for (; r->end - r->at >= 8; r->at += 8) {
        memcpy(&v, r->at, 8);
        del = v ^ ones * 0x7F;
        if ((((v - ones * 0x20) & ~v) | ((del - ones) & ~del)) & high)
            return;
    }
}

static HeadResult take_value(Reader *r, Str *value)
{
    const char *from = r->at;

    pass_text(r);
    take_run(r, TEXT_BYTE);
    *value = str_trim((Str){ from, r->at - from });
    return take_line_end(r, "control byte in a value");
}

static HeadResult take_field(Reader *r, Header *field)
{
    if (*r->at == ' ' || *r->at == '\t')
        return bad(r->head, BAD_REQUEST, "folded line");
    field->name = take_run(r, TCHAR);
    if (field->name.len == 0)
        return bad(r->head, BAD_REQUEST, "no field name");
    HeadResult got = take_byte(r, ':', "field name is no token");
    return got == HEAD_DONE ? take_value(r, &field->value) : got;
}

HeadResult head_field(const char **at, const char *end, Header *out, const char **why)
{
    Head none;
    Reader r = { *at, end, &none };
    HeadResult got = take_field(&r, out);

    *at = r.at;
    if (got == HEAD_BAD)
        *why = none.why;
    return got;
}

/* What the fields say about framing, gathered while they are read. */
typedef struct Framing { int hosts, lengths, codings; Str host; } Framing;

static HeadResult note_length(Head *h, Framing *f, Str v)
{
    if (f->lengths++ > 0)
        return bad(h, BAD_REQUEST, "two Content-Length");
    if (v.len == 0 || v.len > 18)
        return bad(h, BAD_REQUEST, "Content-Length");
    h->length = 0;
    for (isize i = 0; i < v.len; i++) {
        if (!is_digit(v.at[i]))
            return bad(h, BAD_REQUEST, "Content-Length");
        h->length = h->length * 10 + (v.at[i] - '0');
    }
    return HEAD_DONE;
}

static HeadResult note_coding(Head *h, Framing *f, Str v)
{
    if (f->codings++ > 0 || !str_is_nocase(v, S("chunked")))
        return bad(h, BAD_REQUEST, "Transfer-Encoding");
    h->chunked = true;
    return HEAD_DONE;
}

static void note_connection(Head *h, Str v)
{
    while (v.at != NULL) {
        Str word = str_trim(str_cut(&v, ','));
        if (str_is_nocase(word, S("close")))
            h->close = true;
        else if (h->minor == 0 && str_is_nocase(word, S("keep-alive")))
            h->keep_old = true;
    }
}

static HeadResult note_expect(Head *h, Str v)
{
    if (!str_is_nocase(v, S("100-continue")))
        return bad(h, EXPECTATION_FAILED, "Expect");
    h->expect_continue = h->minor >= 1;
    return HEAD_DONE;
}

/* A bracketed address or a name, and a port: RFC 3986 3.2.2, without user info. */
static bool host_good(Str host)
{
    isize end = host.len > 0 && host.at[0] == '[' ? str_find(host, ']') : -1;
    Str port = host, name = end < 0 ? str_cut(&port, ':') : str_sub(host, 1, end);

    if (end >= 0) {
        port = str_sub(host, end + 1, host.len);
        if (port.len > 0 && port.at[0] != ':')
            return false;
        port = port.len > 0 ? str_sub(port, 1, port.len) : (Str){ 0 };
    }
    for (isize i = 0; i < port.len; i++)
        if (!is_digit(port.at[i]))
            return false;
    for (isize i = 0; i < name.len; i++) {
        char c = name.at[i];
        if ((class_of[(u8)c] & HOST_BYTE) == 0 || c == '[' || c == ']' ||
            (end < 0 && c == ':'))
            return false;
    }
    return name.len > 0 && port.len <= 5;
}

static HeadResult note_host(Head *h, Framing *f, Str v)
{
    if (f->hosts++ > 0)
        return bad(h, BAD_REQUEST, "two Host");
    if (!host_good(v))
        return bad(h, BAD_REQUEST, "Host");
    f->host = v;
    return HEAD_DONE;
}

static HeadResult note_field(Head *h, Framing *f, const Header *field)
{
    Str n = field->name;

    if (n.len == 4 && str_is_nocase(n, S("Host")))
        return note_host(h, f, field->value);
    if (n.len == 6 && str_is_nocase(n, S("Expect")))
        return note_expect(h, field->value);
    if (n.len == 10 && str_is_nocase(n, S("Connection")))
        note_connection(h, field->value);
    if (n.len == 14 && str_is_nocase(n, S("Content-Length")))
        return note_length(h, f, field->value);
    if (n.len == 17 && str_is_nocase(n, S("Transfer-Encoding")))
        return note_coding(h, f, field->value);
    return HEAD_DONE;
}

static HeadResult take_fields(Reader *r, Framing *f)
{
    Head *h = r->head;
    HeadResult got;

    while (r->at < r->end && *r->at != '\r') {
        if (h->count == HEADERS_MOST)
            return bad(h, HEADERS_TOO_LARGE, "too many fields");
        Header *field = &h->headers[h->count];
        if ((got = take_field(r, field)) != HEAD_DONE ||
            (got = note_field(h, f, field)) != HEAD_DONE)
            return got;
        h->count++;
    }
    return take_line_end(r, "CR without LF");
}

static HeadResult check_framing(Head *h, const Framing *f)
{
    if (f->codings > 0 && f->lengths > 0)
        return bad(h, BAD_REQUEST, "Content-Length and Transfer-Encoding");
    if (f->codings > 0 && h->minor == 0)
        return bad(h, BAD_REQUEST, "Transfer-Encoding in HTTP/1.0");
    if (f->hosts == 0 && h->minor >= 1)
        return bad(h, BAD_REQUEST, "no Host");
    h->close |= h->minor == 0 && !h->keep_old;
    return HEAD_DONE;
}

/* http://host/path is taken when it names the same host as the Host field does. */
static bool strip_authority(Str *target, Str host)
{
    Str t = *target;
    isize scheme = str_starts(t, S("http://")) ? 7 : str_starts(t, S("https://")) ? 8 : 0;

    if (scheme == 0)
        return false;
    t = str_sub(t, scheme, t.len);
    isize end = 0;
    while (end < t.len && t.at[end] != '/' && t.at[end] != '?')
        end++;
    *target = end == t.len ? S("/") : str_sub(t, end, t.len);
    return host.at != NULL && str_is_nocase(str_sub(t, 0, end), host);
}

static HeadResult settle_target(Arena *mem, Head *h, Str host)
{
    Str t = h->target;

    if (h->method == M_OPTIONS && str_is(t, S("*"))) {
        h->path = t;
        h->query = (Str){ 0 };
        return HEAD_DONE;
    }
    if (t.at[0] != '/' && !strip_authority(&t, host))
        return bad(h, BAD_REQUEST, "target form");
    Str path = str_cut(&t, '?');
    h->query = t;
    if (!path_settle(mem, path.len > 0 ? path : S("/"), &h->path))
        return bad(h, BAD_REQUEST, "path");
    return HEAD_DONE;
}

static HeadResult settle_method(Head *h)
{
    int m = names_find(&method_names, h->method_text);

    h->method = m < 0 ? M_OTHER : (Method)m;
    return h->method == M_OTHER ? bad(h, NOT_IMPLEMENTED, "method") : HEAD_DONE;
}

static HeadResult read_all(Arena *mem, Reader *r)
{
    Framing f = { 0 };
    Head *h = r->head;
    HeadResult got;

    if ((got = skip_empty_line(r)) != HEAD_DONE ||
        (got = take_method(r)) != HEAD_DONE || (got = take_target(r)) != HEAD_DONE ||
        (got = take_version(r)) != HEAD_DONE || (got = take_fields(r, &f)) != HEAD_DONE ||
        (got = check_framing(h, &f)) != HEAD_DONE ||
        (got = settle_method(h)) != HEAD_DONE)
        return got;
    return settle_target(mem, h, f.host);
}

HeadResult head_read(Arena *mem, Str in, Head *out)
{
    Str most = str_sub(in, 0, HEAD_MOST);
    Reader r = { most.at, most.at + most.len, out };

    memset(out, 0, offsetof(Head, headers));
    memset(&out->count, 0, sizeof *out - offsetof(Head, count));
    out->length = -1;
    HeadResult got = read_all(mem, &r);
    out->size = r.at - in.at;
    out->end = r.at;
    if (got == HEAD_MORE && in.len >= HEAD_MOST)
        return bad(out, HEADERS_TOO_LARGE, "head too large");
    return got;
}
