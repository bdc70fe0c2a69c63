/* answer.c - a server that answers with a doubtful head may be one that somebody else
 * feeds with what to answer; what it means by it is not guessed (RFC 9112 section 11.1).
 * The length of a refused head is bounded as that of a request is. */
#include "net/answer.h"
#include <string.h>

static HeadResult bad(AnswerHead *a, const char *why)
{
    a->why = why;
    return HEAD_BAD;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* "HTTP/1.1 200 " and a reason that nobody reads. */
static HeadResult take_status(const char **at, const char *end, AnswerHead *a)
{
    const char *v = *at;
    isize have = end - v < 13 ? end - v : 13;

    if (memcmp(v, "HTTP/1.", (size_t)(have < 7 ? have : 7)) != 0)
        return bad(a, "no status line");
    if (have < 13)
        return HEAD_MORE;
    if ((v[7] != '0' && v[7] != '1') || v[8] != ' ' || !is_digit(v[9]) ||
        !is_digit(v[10]) ||
        !is_digit(v[11]) || v[9] < '1' || v[9] > '5' || (v[12] != ' ' && v[12] != '\r'))
        return bad(a, "no status line");
    a->minor = v[7] - '0';
    a->status = (v[9] - '0') * 100 + (v[10] - '0') * 10 + (v[11] - '0');
    for (v += 12; v < end && *v != '\r'; v++)
        if ((u8)*v < ' ' && *v != '\t')
            return bad(a, "control byte in the reason");
    if (end - v < 2)
        return HEAD_MORE;
    *at = v + 2;
    return v[1] == '\n' ? HEAD_DONE : bad(a, "CR without LF");
}

static HeadResult note_length(AnswerHead *a, Str v)
{
    if (a->length >= 0)
        return bad(a, "two Content-Length");
    if (v.len == 0 || v.len > 18)
        return bad(a, "Content-Length");
    a->length = 0;
    for (isize i = 0; i < v.len; i++) {
        if (!is_digit(v.at[i]))
            return bad(a, "Content-Length");
        a->length = a->length * 10 + (v.at[i] - '0');
    }
    return HEAD_DONE;
}

static HeadResult note_coding(AnswerHead *a, Str v)
{
    if (a->chunked || !str_is_nocase(v, S("chunked")))
        return bad(a, "Transfer-Encoding");
    a->chunked = true;
    return HEAD_DONE;
}

static bool names_close(Str v)
{
    while (v.at != NULL)
        if (str_is_nocase(str_trim(str_cut(&v, ',')), S("close")))
            return true;
    return false;
}

static HeadResult note_field(AnswerHead *a, const Header *h)
{
    if (h->name.len == 10 && str_is_nocase(h->name, S("Connection")))
        a->close |= names_close(h->value);
    if (h->name.len == 14 && str_is_nocase(h->name, S("Content-Length")))
        return note_length(a, h->value);
    if (h->name.len == 17 && str_is_nocase(h->name, S("Transfer-Encoding")))
        return note_coding(a, h->value);
    return HEAD_DONE;
}

static HeadResult take_fields(const char **at, const char *end, AnswerHead *a)
{
    HeadResult got;

    while (*at < end && **at != '\r') {
        if (a->count == HEADERS_MOST)
            return bad(a, "too many fields");
        Header *h = &a->headers[a->count];
        if ((got = head_field(at, end, h, &a->why)) != HEAD_DONE ||
            (got = note_field(a, h)) != HEAD_DONE)
            return got;
        a->count++;
    }
    if (end - *at < 2)
        return HEAD_MORE;
    *at += 2;
    return (*at)[-1] == '\n' ? HEAD_DONE : bad(a, "CR without LF");
}

/* RFC 9112 6.3, without its leniency. */
static HeadResult settle_body(AnswerHead *a, Asked asked)
{
    bool none = a->status < 200 || a->status == 204 || a->status == 304;

    if (a->chunked && a->length >= 0)
        return bad(a, "Content-Length and Transfer-Encoding");
    if (a->chunked && (a->minor == 0 || a->status < 200 || a->status == 204))
        return bad(a, "Transfer-Encoding where none may be");
    if (a->length > 0 && (a->status < 200 || a->status == 204))
        return bad(a, "Content-Length where none may be");
    a->close |= a->minor == 0;
    a->body = none || asked == ASKED_HEAD || a->length == 0 ? ENDS_AT_HEAD
            : a->chunked ? ENDS_BY_CHUNKS
                         : a->length > 0 ? ENDS_BY_LENGTH : ENDS_AT_CLOSE;
    a->close |= a->body == ENDS_AT_CLOSE;
    return HEAD_DONE;
}

HeadResult answer_read(Str in, Asked asked, AnswerHead *out)
{
    Str most = str_sub(in, 0, HEAD_MOST);
    const char *at = most.at, *end = most.at + most.len;
    HeadResult got;

    memset(out, 0, offsetof(AnswerHead, headers));
    memset(&out->count, 0, sizeof *out - offsetof(AnswerHead, count));
    out->length = -1;
    out->why = "";
    if ((got = take_status(&at, end, out)) == HEAD_DONE &&
        (got = take_fields(&at, end, out)) == HEAD_DONE)
        got = settle_body(out, asked);
    out->size = at - in.at;
    if (got == HEAD_MORE && in.len >= HEAD_MOST)
        return bad(out, "head too large");
    return got;
}

/* ---- fields of one hop ------------------------------------------------------ */

static bool is_one_of(Str name, const Str *names, isize count)
{
    for (isize i = 0; i < count; i++)
        if (names[i].len == name.len && str_is_nocase(name, names[i]))
            return true;
    return false;
}

static bool is_named(Str list, Str name)
{
    while (list.at != NULL)
        if (str_is_nocase(str_trim(str_cut(&list, ',')), name))
            return true;
    return false;
}

bool hop_field(Str name, const Header *headers, isize count)
{
    static const Str hops[] = {
        S("Connection"), S("Content-Length"), S("Keep-Alive"), S("Proxy-Connection"),
        S("Proxy-Authenticate"), S("Proxy-Authorization"), S("Proxy-Authentication-Info"),
        S("TE"), S("Trailer"), S("Transfer-Encoding"), S("Upgrade"), S("HTTP2-Settings") };

    if (is_one_of(name, hops, countof(hops)))
        return true;
    for (isize i = 0; i < count; i++)
        if (headers[i].name.len == 10 &&
            str_is_nocase(headers[i].name, S("Connection")) &&
            is_named(headers[i].value, name))
            return true;
    return false;
}

static bool trailer_passes(Str name)
{
    static const Str never[] = {
        S("Host"), S("Authorization"), S("Cookie"), S("Set-Cookie"), S("Cache-Control"),
        S("Expect"), S("Max-Forwards"), S("Pragma"), S("Range"), S("Location"), S("Vary"),
        S("Content-Encoding"), S("Content-Type"), S("Content-Range"), S("Forwarded"),
        S("WWW-Authenticate"), S("Retry-After"), S("Date"), S("Age"), S("Expires") };
    static const Str ours[] = { S("X-Forwarded-"), S("X-Service-"), S("X-Internal-"),
                                S("X-Tenant-"), S("X-User-"), S("X-Request-") };

    for (isize i = 0; i < countof(ours); i++)
        if (str_is_nocase(str_sub(name, 0, ours[i].len), ours[i]))
            return false;
    return !hop_field(name, NULL, 0) && !is_one_of(name, never, countof(never)) &&
           str_find(name, '_') < 0;
}

isize trailers_filter(Str lines, FieldPasses *passes, const void *of, char *to)
{
    const char *at = lines.at, *end = lines.at + lines.len, *why;
    char *p = to;
    int count = 0;
    Header h;

    while (at < end) {
        const char *from = at;
        if (++count > HEADERS_MOST || head_field(&at, end, &h, &why) != HEAD_DONE)
            return -1;
        if (!trailer_passes(h.name) || !passes(of, h.name))
            continue;
        memcpy(p, from, (size_t)(at - from));
        p += at - from;
    }
    return p - to;
}
