/* message.c - a letter as bytes on the wire. Bodies are quoted-printable, which a
 * person can still read in the file; a subject is encoded words when it must be. */
#include "mail/engine.h"
#include "base/rand.h"
#include <stdio.h>
#include <time.h>

enum { LINE_MOST = 76, WORD_BYTES = 39 };         /* 39 bytes: 52 letters of base64 */

static const char hex_digit[] = "0123456789ABCDEF";

static void put_escaped(Buf *b, u8 c)
{
    buf_byte(b, '=');
    buf_byte(b, hex_digit[c >> 4]);
    buf_byte(b, hex_digit[c & 15]);
}

/* RFC 2045 section 6.7. A space or tab is escaped only before the end of a line. */
static void put_quoted(Buf *b, Str s)
{
    isize column = 0;

    for (isize i = 0; i < s.len; i++) {
        u8 c = (u8)s.at[i];
        if (c == '\r' && i + 1 < s.len && s.at[i + 1] == '\n')
            continue;
        if (c == '\n') {
            buf_lit(b, "\r\n");
            column = 0;
            continue;
        }
        bool ends = i + 1 == s.len || s.at[i + 1] == '\n' || s.at[i + 1] == '\r';
        bool plain = (c > ' ' && c < 0x7F && c != '=') ||
                     ((c == ' ' || c == '\t') && !ends);
        isize width = plain ? 1 : 3;
        if (column + width >= LINE_MOST) {
            buf_lit(b, "=\r\n");
            column = 0;
        }
        column += width;
        if (plain)
            buf_byte(b, (char)c);
        else
            put_escaped(b, c);
    }
    buf_lit(b, "\r\n");
}

/* base64 as RFC 2047 wants it: with its own two letters and padding. */
static void put_base64(Buf *b, Str s)
{
    Str url = base64url_write(b->mem, s.at, s.len);

    for (isize i = 0; i < url.len; i++)
        buf_byte(b, url.at[i] == '-' ? '+' : url.at[i] == '_' ? '/' : url.at[i]);
    for (isize i = url.len; i % 4 != 0; i++)
        buf_byte(b, '=');
}

static bool is_ascii(Str s)
{
    for (isize i = 0; i < s.len; i++)
        if ((u8)s.at[i] >= 0x80)
            return false;
    return true;
}

/* An encoded word must not cut a letter in two (RFC 2047 section 5). */
static isize word_end(Str s)
{
    isize n = s.len < WORD_BYTES ? s.len : WORD_BYTES;

    while (n < s.len && ((u8)s.at[n] & 0xC0) == 0x80)
        n--;
    return n;
}

static void put_subject(Buf *b, Str s)
{
    buf_lit(b, "Subject: ");
    if (is_ascii(s) && s.len <= LINE_MOST - 9 && !str_has(s, S("=?"))) {
        buf_add(b, s);
        buf_lit(b, "\r\n");
        return;
    }
    for (bool first = true; s.len > 0; first = false) {
        isize n = word_end(s);
        buf_add(b, first ? S("=?utf-8?B?") : S("\r\n =?utf-8?B?"));
        put_base64(b, str_sub(s, 0, n));
        buf_lit(b, "?=");
        s = str_sub(s, n, s.len);
    }
    buf_lit(b, "\r\n");
}

/* RFC 5322 section 3.3; strftime's names would follow the machine's locale. */
static void put_date(Buf *b, Instant t)
{
    static const char *const day[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char *const month[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
                                         "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t s = (time_t)(t.ms / 1000);
    struct tm tm;

    must(gmtime_r(&s, &tm) != NULL);
    buf_fmt(b, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", day[tm.tm_wday],
            tm.tm_mday, month[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
            tm.tm_sec);
}

static void put_part(Buf *b, const char *type, Str body)
{
    buf_fmt(b, "Content-Type: %s; charset=utf-8\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n", type);
    put_quoted(b, body);
}

static void put_alternatives(Buf *b, const Letter *l)
{
    u8 chance[12];

    rand_bytes(chance, sizeof chance);
    Str mark = hex_write(b->mem, chance, sizeof chance);
    buf_fmt(b, "Content-Type: multipart/alternative; boundary=\"%.*s\"\r\n\r\n--%.*s\r\n",
            STR_ARGS(mark), STR_ARGS(mark));
    put_part(b, "text/plain", l->text);
    buf_fmt(b, "\r\n--%.*s\r\n", STR_ARGS(mark));
    put_part(b, "text/html", l->html);
    buf_fmt(b, "\r\n--%.*s--\r\n", STR_ARGS(mark));
}

Str message_write(Ctx *cx, Str from, const Letter *l)
{
    Buf b = buf_in(cx->mem, 1024 + 2 * (l->text.len + l->html.len));
    Str domain = str_sub(from, str_find(from, '@') + 1, from.len);
    Str id = uuid_str(cx->mem, uuid_new(cx->now));

    put_date(&b, cx->now);
    buf_fmt(&b, "From: <%.*s>\r\nTo: <%.*s>\r\nMessage-ID: <%.*s@%.*s>\r\n",
            STR_ARGS(from), STR_ARGS(l->to), STR_ARGS(id), STR_ARGS(domain));
    put_subject(&b, l->subject);
    buf_lit(&b, "MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n");
    if (l->html.len > 0)
        put_alternatives(&b, l);
    else
        put_part(&b, "text/plain", l->text);
    return buf_str(&b);
}
