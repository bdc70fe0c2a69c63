/* log.c - a line is made on the stack and leaves in one write(2), so lines of
 * several threads never mix and logging never allocates. Too long is cut. */
#include "base/log.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MOST = 4096 };

static struct { LogLevel least; bool json; int fd; } set = { LOG_INFO, false, 2 };

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
    "email", "password", "token", "authorization", "creditcard", "ssn", "phone", "address",
    "apikey", "secret", "refreshtoken", "accesstoken", "cookie", "xapikey", "xauthtoken",
    "xservicetoken", "setcookie", "cardnumber", "cvc", "iban", "qrcode", "signature",
    "mfatoken", "otp", "privatekey",
};

static isize plain_name(Str name, char *to, isize room)
{
    isize n = 0;
    for (isize i = 0; i < name.len && n < room; i++) {
        char c = name.at[i];
        if (c != '-' && c != '_')
            to[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return n;
}

bool log_redacts(Str name)
{
    char text[64];
    isize dot;
    while ((dot = str_find(name, '.')) >= 0)
        name = str_sub(name, dot + 1, name.len);
    Str plain = { text, plain_name(name, text, countof(text)) };
    for (isize i = 0; i < countof(masked); i++)
        if (str_ends(plain, str_of(masked[i])))
            return true;
    return false;
}

Str log_target(Arena *mem, Str target)
{
    isize q = str_find(target, '?');
    if (q < 0)
        return target;
    Buf b = buf_in(mem, target.len + 16);
    Str rest = str_sub(target, q + 1, target.len);
    buf_add(&b, str_sub(target, 0, q));
    for (char mark = '?'; rest.at != NULL; mark = '&') {
        Str value = str_cut(&rest, '&'), name = str_cut(&value, '=');
        buf_byte(&b, mark);
        buf_add(&b, name);
        if (value.at != NULL) {
            buf_byte(&b, '=');
            buf_add(&b, log_redacts(name) ? S("[redacted]") : value);
        }
    }
    return buf_str(&b);
}

/* ---- one line ------------------------------------------------------------- */

typedef struct { char at[LINE_MOST]; isize len; } Line;

static void put(Line *l, Str s)
{
    isize room = LINE_MOST - 8 - l->len;          /* keep some for the end    */
    isize n = s.len < room ? s.len : room;
    if (n > 0) {
        memcpy(l->at + l->len, s.at, (size_t)n);
        l->len += n;
    }
}

/* Control letters never reach a terminal or a log parser as they are. */
static void put_text(Line *l, Str s, bool quote)
{
    for (isize i = 0; i < s.len && l->len < LINE_MOST - 16; i++) {
        u8 c = (u8)s.at[i];
        char hex[8];
        if (c < 0x20 || c == 0x7F || (c >= 0x80 && !str_utf8(s))) {
            snprintf(hex, sizeof hex, "\\u%04x", c);
            put(l, str_of(hex));
        } else {
            if (quote && (c == '"' || c == '\\'))
                put(l, S("\\"));
            put(l, str_sub(s, i, i + 1));
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
    bool hide = log_redacts(str_of(f->key));

    if (set.json) {
        put(l, S(",\""));
        put(l, str_of(f->key));
        put(l, S("\":"));
    } else {
        put(l, S(" "));
        put(l, str_of(f->key));
        put(l, S("="));
    }
    if (!f->is_str && !hide) {
        put_number(l, f->i);
        return;
    }
    if (set.json)
        put(l, S("\""));
    put_text(l, hide ? S("[redacted]") : f->s, set.json);
    if (set.json)
        put(l, S("\""));
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
    put_text(&l, str_of(message), set.json);
    put(&l, set.json ? S("\"") : S(""));
    for (isize i = 1; i < n; i++)                 /* [0] only makes the list non-empty */
        put_field(&l, &fields[i]);
    if (set.json)
        l.at[l.len++] = '}';
    l.at[l.len++] = '\n';
    if (write(set.fd, l.at, (size_t)l.len) < 0)
        return;                                   /* nowhere left to say it   */
}
