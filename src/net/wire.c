/* wire.c - the size is known before the first byte is written, so there is one place
 * that checks for room and none that can run out of it. The date is made once a
 * second and thread. */
#include "net/wire.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Indexed by status - 100; RFC 9110 section 15 and RFC 6585. */
static const char *const reasons[500] = {
    [0] = "Continue", [3] = "Early Hints", [100] = "OK", [101] = "Created",
    [102] = "Accepted", [104] = "No Content", [105] = "Reset Content",
    [106] = "Partial Content", [201] = "Moved Permanently", [202] = "Found",
    [203] = "See Other", [204] = "Not Modified", [207] = "Temporary Redirect",
    [208] = "Permanent Redirect", [300] = "Bad Request", [301] = "Unauthorized",
    [302] = "Payment Required", [303] = "Forbidden", [304] = "Not Found",
    [305] = "Method Not Allowed", [306] = "Not Acceptable", [308] = "Request Timeout",
    [309] = "Conflict", [310] = "Gone", [311] = "Length Required",
    [312] = "Precondition Failed", [313] = "Content Too Large", [314] = "URI Too Long",
    [315] = "Unsupported Media Type", [317] = "Expectation Failed",
    [322] = "Unprocessable Content", [328] = "Precondition Required",
    [329] = "Too Many Requests", [331] = "Request Header Fields Too Large",
    [400] = "Internal Server Error", [401] = "Not Implemented", [402] = "Bad Gateway",
    [403] = "Service Unavailable", [404] = "Gateway Timeout",
    [405] = "HTTP Version Not Supported",
};

enum { HEAD_LINES = 256 };          /* status, date, length, connection: at most these */

static bool has_body(int status)
{
    return status != 204 && status != 304;
}

isize wire_size(const Wire *w, const Req *rq)
{
    const Reply *r = &rq->reply;
    isize n = HEAD_LINES + r->type.len + r->body.len + w->extra.len;

    for (const ReplyHeader *h = r->headers; h != NULL; h = h->next)
        n += h->name.len + h->value.len + 4;
    return n;
}

char *wire_put(char *to, Str s)
{
    if (s.len > 0)
        memcpy(to, s.at, (size_t)s.len);
    return to + s.len;
}

static char *put_number(char *to, i64 v)
{
    char digits[20];
    isize n = 0;

    do
        digits[n++] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    while (n > 0)
        *to++ = digits[--n];
    return to;
}

char *wire_put_status(char *to, int status)
{
    const char *reason = status >= 100 && status < 600 ? reasons[status - 100] : NULL;

    must(status >= 100 && status < 600);
    to = wire_put(to, S("HTTP/1.1 "));
    to = put_number(to, status);
    *to++ = ' ';
    to = wire_put(to, reason == NULL ? S("") : str_of(reason));
    return wire_put(to, S("\r\n"));
}

/* IMF-fixdate, in no locale's words (RFC 9110 5.6.7). */
static void renew_date(Wire *w, i64 second)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t t = (time_t)second;
    struct tm tm;

    w->second = second;
    gmtime_r(&t, &tm);
    snprintf(w->date, sizeof w->date, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
             days + 3 * tm.tm_wday, (unsigned)tm.tm_mday % 100, months + 3 * tm.tm_mon,
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
             (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

char *wire_put_date(Wire *w, char *to)
{
    i64 second = time_now().ms / 1000;

    if (second != w->second)
        renew_date(w, second);
    return wire_put_field(to, S("Date"), (Str){ w->date, 29 });
}

char *wire_put_length(char *to, i64 length)
{
    to = put_number(wire_put(to, S("Content-Length: ")), length);
    return wire_put(to, S("\r\n"));
}

static char *put_length(char *to, const Reply *r)
{
    if (r->type.len > 0)
        to = wire_put_field(to, S("Content-Type"), r->type);
    if (r->stream != NULL || r->endless || !has_body(r->status))
        return to;
    return wire_put_length(to, r->body.len);
}

char *wire_put_field(char *to, Str name, Str value)
{
    to = wire_put(wire_put(wire_put(to, name), S(": ")), value);
    return wire_put(to, S("\r\n"));
}

char *wire_put_headers(char *to, const ReplyHeader *h)
{
    for (; h != NULL; h = h->next)
        to = wire_put_field(to, h->name, h->value);
    return to;
}

char *wire_put_connection(char *to, WireHow how)
{
    if (how.close)
        return wire_put(to, S("Connection: close\r\n"));
    return how.keep_old ? wire_put(to, S("Connection: keep-alive\r\n")) : to;
}

isize wire_write(Wire *w, const Req *rq, WireHow how, char *to)
{
    const Reply *r = &rq->reply;
    char *from = to;

    to = wire_put_status(to, r->status);
    to = wire_put_date(w, to);
    to = put_length(to, r);
    to = wire_put_connection(to, how);
    to = wire_put_headers(to, r->headers);
    to = wire_put(to, w->extra);
    to = wire_put(to, S("\r\n"));
    if (has_body(r->status) && !rq->head)
        to = wire_put(to, r->body);
    return to - from;
}
