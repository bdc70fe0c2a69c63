/* log.c - a line is made on the stack and leaves in one write(2), so lines of
 * several threads never mix and logging never allocates. Too long is cut. */
#include "base/log.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MOST = 4096 };

static struct {
    _Atomic LogLevel least;
    _Atomic bool json;
    _Atomic int fd;
} set = { LOG_INFO, false, 2 };

void log_setup(LogLevel least, bool json, int fd)
{
    set.least = least;
    set.json = json;
    set.fd = fd;
}

bool log_on(LogLevel level) { return level >= set.least; }

/* Names are compared without case, '-' and '_', so that x-api-key, apiKey and
 * api_key are one. A name that ends in one of these is masked too: oldPassword,
 * stripeSecret, setupToken. */
static const char *const masked[] = {
    "email", "password", "token", "authorization", "creditcard", "ssn", "phone",
    "address", "apikey", "secret", "refreshtoken", "accesstoken", "cookie", "xapikey",
    "xauthtoken", "xservicetoken", "setcookie", "cardnumber", "cvc", "iban", "qrcode",
    "signature", "mfatoken", "otp", "privatekey",
};

enum { NAME_MOST = 64 };

/* The last letters and digits of a name, in lower case, right-aligned in `to`: it is
 * the end of a name that says what it holds. */
static Str plain_name(Str name, char to[NAME_MOST])
{
    isize at = NAME_MOST;
    for (isize i = name.len; i > 0 && at > 0; i--) {
        char c = name.at[i - 1];
        bool upper = c >= 'A' && c <= 'Z';
        if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            to[--at] = upper ? (char)(c + 32) : c;
    }
    return (Str){ to + at, NAME_MOST - at };
}

bool log_redacts(Str name)
{
    char text[NAME_MOST];
    Str plain = plain_name(name, text);
    for (isize i = 0; i < countof(masked); i++)
        if (str_ends(plain, str_of(masked[i])))
            return true;
    return false;
}

/* ---- one line ------------------------------------------------------------- */

typedef struct { char at[LINE_MOST]; isize len; } Line;

/* Text stops at TEXT_MOST and a field begins only before it, so that what closes a
 * line always fits: a cut line is still JSON. */
enum { TEXT_MOST = LINE_MOST - 192, KEY_MOST = 64 };

static void put(Line *l, Str s)
{
    must(l->len + s.len <= LINE_MOST);
    if (s.len > 0)
        memcpy(l->at + l->len, s.at, (size_t)s.len);
    l->len += s.len;
}

/* Bytes of the letter at s[i] that may stand as they are; 0: it must be escaped. */
static isize plain_letter(Str s, isize i)
{
    u8 c = (u8)s.at[i];

    if (c < 0x80)
        return c >= 0x20 && c != 0x7F;
    if (c == 0xC2 && i + 1 < s.len && (u8)s.at[i + 1] < 0xA0)
        return 0;                                 /* C1: a terminal may obey it */
    for (isize n = 2; n <= 4 && i + n <= s.len; n++)
        if (str_utf8(str_sub(s, i, i + n)))
            return n;
    return 0;
}

/* Control letters never reach a terminal or a log parser as they are. */
static void put_text(Line *l, Str s)
{
    for (isize i = 0, n; i < s.len && l->len < TEXT_MOST; i += n > 0 ? n : 1) {
        char hex[8];
        n = plain_letter(s, i);
        if (n == 0) {
            snprintf(hex, sizeof hex, "\\u%04x", (u8)s.at[i]);
            put(l, str_of(hex));
        } else {
            if (set.json && (s.at[i] == '"' || s.at[i] == '\\'))
                put(l, S("\\"));
            put(l, str_sub(s, i, i + n));
        }
    }
}

static void put_number(Line *l, i64 v)
{
    char text[24];
    snprintf(text, sizeof text, "%jd", (intmax_t)v);
    put(l, str_of(text));
}

static void put_field(Line *l, const LogField *f)
{
    Str key = str_of(f->key);
    bool hide = log_redacts(key), quote = set.json && (f->is_str || hide);

    if (l->len >= TEXT_MOST)
        return;
    put(l, set.json ? S(",\"") : S(" "));
    put_text(l, str_sub(key, 0, KEY_MOST));
    put(l, set.json ? S("\":") : S("="));
    put(l, quote ? S("\"") : S(""));
    if (hide)
        put(l, S("[redacted]"));
    else if (f->is_str)
        put_text(l, f->s);
    else
        put_number(l, f->i);
    put(l, quote ? S("\"") : S(""));
}

static void put_time(Line *l)
{
    char room[64];
    Arena none = { room, room + sizeof room, NULL, 0 };
    Buf b = buf_in(&none, 30);
    time_write(&b, time_now());
    put(l, set.json ? buf_str(&b) : str_sub(buf_str(&b), 11, 23));
}

void log_line(LogLevel level, const char *message, const LogField *fields, isize n)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    Line l = { .len = 0 };

    if (level < set.least)
        return;
    put(&l, set.json ? S("{\"time\":\"") : S(""));
    put_time(&l);
    put(&l, set.json ? S("\",\"level\":\"") : S(" "));
    put(&l, str_of(names[level]));
    put(&l, set.json ? S("\",\"message\":\"") : S(" "));
    put_text(&l, str_of(message));
    put(&l, set.json ? S("\"") : S(""));
    for (isize i = 1; i < n; i++)                 /* [0] only makes the list non-empty */
        put_field(&l, &fields[i]);
    put(&l, set.json ? S("}\n") : S("\n"));
    if (write(set.fd, l.at, (size_t)l.len) < 0)
        return;                                   /* nowhere left to say it   */
}
