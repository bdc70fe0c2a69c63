/* time_test.c - dates against the calendar of libc, and RFC 3339's examples. */
#include "unit/test.h"
#include <time.h>

static Str written(Instant t)
{
    Buf b = buf_in(mem, 32);
    time_write(&b, t);
    return buf_str(&b);
}

static bool reads_as(const char *text, i64 ms)
{
    Instant t = { -1 };
    return time_read(str_of(text), &t) && t.ms == ms;
}

TEST(known_moments_are_written_as_they_are)
{
    must(str_is(written((Instant){ 0 }), S("1970-01-01T00:00:00.000Z")));
    must(str_is(written((Instant){ 1582979696789 }), S("2020-02-29T12:34:56.789Z")));
    must(str_is(written((Instant){ -1 }), S("1969-12-31T23:59:59.999Z")));
    must(str_is(written((Instant){ 253402300799999 }), S("9999-12-31T23:59:59.999Z")));
}

TEST(every_day_from_1900_to_2400_agrees_with_libc)
{
    for (i64 day = -25567; day < 157000; day++) {
        time_t at = day * 86400;
        struct tm tm;
        char text[32];
        must(gmtime_r(&at, &tm) != NULL);
        must(strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &tm) == 24);
        must(str_is(written((Instant){ at * 1000 }), str_of(text)));
        must(reads_as(text, at * 1000));
        if (day % 1000 == 0)
            arena_reset(mem, 1 << 20);
    }
}

TEST(the_examples_of_rfc_3339_are_read)
{
    must(reads_as("1985-04-12T23:20:50.52Z", 482196050520));
    must(reads_as("1996-12-19T16:39:57-08:00", 851042397000));
    must(reads_as("1996-12-20T00:39:57Z", 851042397000));
    must(reads_as("1937-01-01T12:00:27.87+00:20", -1041337172130));
    must(reads_as("1990-12-31t23:59:60z", 662688000000));       /* leap second   */
    must(reads_as("2026-11-22T07:30:00.123456789Z", 1795332600123));
}

TEST(what_is_no_time_is_refused)
{
    static const char *const bad[] = {
        "", "2026", "2026-11-22", "2026-11-22T07:30:00", "2026-11-22T07:30Z",
        "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z",
        "2026-04-31T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T07:60:00Z",
        "2026-11-22T07:30:61Z", "2026-11-22T07:30:00.Z", "2026-11-22T07:30:00+24:00",
        "2026-11-22T07:30:00+0100", "2026-11-22T07:30:00Z ", " 2026-11-22T07:30:00Z",
        "0000-01-01T00:00:00Z", "-026-11-22T07:30:00Z", "2026-1-22T07:30:00Z",
        "2026-11-22T07:30:00+01:-1", "2026-11-22T-1:30:00Z" };
    Instant t;
    for (isize i = 0; i < countof(bad); i++)
        must(!time_read(str_of(bad[i]), &t));
}

TEST(the_test_clock_moves_the_calendar_and_no_deadline)
{
    Mono m = mono_now();
    i64 plain = time_now().ms;
    time_shift(hours(5));
    must(time_now().ms >= plain + 5 * 3600000 && time_shifted().ms == 5 * 3600000);
    must(mono_us(m, mono_now()) < 3600 * 1000000LL);
    time_shift((Span){ 0 });
    must(time_now().ms < plain + 3600000);
}

TEST(zones_are_those_of_the_tz_database)
{
    must(timezone_known(S("UTC")) && timezone_known(S("Europe/Zurich")));
    must(!timezone_known(S("Europe")) && !timezone_known(S("Mars/Olympus")));
    must(!timezone_known(S("")) && !timezone_known(S("../etc/passwd")));
    must(!timezone_known(S("/etc/passwd")) && !timezone_known((Str){ "UTC\0x", 5 }));
}
