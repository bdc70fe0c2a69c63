/* time.c - civil dates by Howard Hinnant's day arithmetic, so no libc zone state
 * is touched and every thread may ask. */
#include "base/time.h"
#include "base/log.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static _Atomic i64 shift_ms;

Instant time_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (Instant){ (i64)t.tv_sec * 1000 + t.tv_nsec / 1000000 + shift_ms };
}

Mono mono_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (Mono){ (i64)t.tv_sec * 1000000000 + t.tv_nsec };
}

void wait_at_start(Span s)
{
    Mono until = mono_after(mono_now(), s);
    sigset_t ending;

    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    for (i64 us; (us = mono_us(mono_now(), until)) > 0;) {
        struct timespec t = { us / 1000000, us % 1000000 * 1000 };
        int number = sigtimedwait(&ending, NULL, &t);
        if (number < 0)
            continue;
        log_info("told to stop before it had started", L("signal", strsignal(number)));
        _exit(0);
    }
}

void time_shift(Span s)   { shift_ms = s.ms; }
Span time_shifted(void)   { return (Span){ shift_ms }; }

typedef struct { i64 year, month, day; } Date;

static Date date_of(i64 days)
{
    days += 719468;
    i64 era = (days >= 0 ? days : days - 146096) / 146097;
    i64 doe = days - era * 146097;
    i64 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    i64 doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    i64 mp = (5 * doy + 2) / 153;
    i64 month = mp < 10 ? mp + 3 : mp - 9;

    return (Date){ yoe + era * 400 + (month <= 2), month, doy - (153 * mp + 2) / 5 + 1 };
}

static i64 days_of(Date d)
{
    i64 y = d.year - (d.month <= 2);
    i64 era = (y >= 0 ? y : y - 399) / 400;
    i64 yoe = y - era * 400;
    i64 doy = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;
    i64 doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

    return era * 146097 + doe - 719468;
}

static i64 floor_div(i64 a, i64 b)
{
    return a / b - (a % b < 0);
}

/* `n` digits of v and the letter after them. By hand: a hold writes eight instants, and
 * printf is the slowest thing on its way. */
static char *put_digits(char *to, i64 v, int n, char after)
{
    for (int i = n - 1; i >= 0; i--, v /= 10)
        to[i] = (char)('0' + v % 10);
    to[n] = after;
    return to + n + 1;
}

void time_write(Buf *b, Instant t)
{
    i64 day = floor_div(t.ms, 86400000), ms = t.ms - day * 86400000;
    Date d = date_of(day);
    char text[32], *at = text;

    at = put_digits(at, d.year, 4, '-');
    at = put_digits(at, d.month, 2, '-');
    at = put_digits(at, d.day, 2, 'T');
    at = put_digits(at, ms / 3600000, 2, ':');
    at = put_digits(at, ms / 60000 % 60, 2, ':');
    at = put_digits(at, ms / 1000 % 60, 2, '.');
    at = put_digits(at, ms % 1000, 3, 'Z');
    buf_add(b, (Str){ text, at - text });
}

/* Takes `n` digits off the front of s. */
static bool digits(Str *s, int n, i64 *out)
{
    if (s->len < n || s->at[0] == '-' || !str_int(str_sub(*s, 0, n), out))
        return false;
    *s = str_sub(*s, n, s->len);
    return true;
}

static bool mark(Str *s, const char *any)
{
    for (; s->len > 0 && *any != '\0'; any++)
        if (s->at[0] == *any) {
            *s = str_sub(*s, 1, s->len);
            return true;
        }
    return false;
}

static bool read_fraction(Str *s, i64 *ms)
{
    i64 unit = 100, n = 0;

    *ms = 0;
    if (!mark(s, "."))
        return true;
    for (; s->len > 0 && s->at[0] >= '0' && s->at[0] <= '9'; n++, unit /= 10) {
        *ms += (s->at[0] - '0') * unit;
        *s = str_sub(*s, 1, s->len);
    }
    return n > 0;
}

static bool read_offset(Str *s, i64 *minutes_east)
{
    i64 h, m;

    *minutes_east = 0;
    if (mark(s, "Zz"))
        return s->len == 0;
    bool west = s->len > 0 && s->at[0] == '-';
    if (!mark(s, "+-") || !digits(s, 2, &h) || !mark(s, ":") || !digits(s, 2, &m))
        return false;
    *minutes_east = (west ? -1 : 1) * (h * 60 + m);
    return h < 24 && m < 60 && s->len == 0;
}

static bool real_date(Date d)
{
    Date same = date_of(days_of(d));
    return d.year >= 1 && d.month >= 1 && d.month <= 12 && d.day >= 1 &&
           same.month == d.month && same.day == d.day;
}

bool time_read(Str s, Instant *out)
{
    Date d;
    i64 h, m, sec, ms, east;

    if (!digits(&s, 4, &d.year) || !mark(&s, "-") || !digits(&s, 2, &d.month) ||
        !mark(&s, "-") || !digits(&s, 2, &d.day) || !mark(&s, "Tt ") ||
        !digits(&s, 2, &h) || !mark(&s, ":") || !digits(&s, 2, &m) || !mark(&s, ":") ||
        !digits(&s, 2, &sec) || !read_fraction(&s, &ms) || !read_offset(&s, &east))
        return false;
    if (!real_date(d) || h > 23 || m > 59 || sec > 60)
        return false;
    out->ms = ((days_of(d) * 24 + h) * 60 + m - east) * 60000 + sec * 1000 + ms;
    return true;
}

bool timezone_known(Str name)
{
    char path[128];
    struct stat st;

    if (name.len < 1 || name.len > 64 || name.at[0] == '/' || str_has(name, S("..")))
        return false;
    for (isize i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '+' || c == '-'))
            return false;
    }
    if (str_is(name, S("UTC")))
        return true;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", STR_ARGS(name));
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}
