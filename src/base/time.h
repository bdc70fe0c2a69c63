/* time.h - instants, spans, and the port that says what time it is.
 *
 * Instant is a moment of the calendar (milliseconds since 1970, UTC), Mono a
 * reading that only runs forward, for deadlines. Time is a port: with the test
 * engine (CLOCK=test) a test moves the calendar; Mono is never moved, so no
 * time-out is tricked.
 * Needs: str.  Used by: everything. */
#pragma once
#include "base/str.h"

typedef struct { i64 ms; } Instant;               /* 0 is "no instant"        */
typedef struct { i64 ms; } Span;
typedef struct { i64 ns; } Mono;

static inline Span seconds(i64 n) { return (Span){ n * 1000 }; }
static inline Span minutes(i64 n) { return (Span){ n * 60000 }; }
static inline Span hours(i64 n)   { return (Span){ n * 3600000 }; }
static inline Span days(i64 n)    { return (Span){ n * 86400000 }; }

static inline Instant later(Instant t, Span s)    { return (Instant){ t.ms + s.ms }; }
static inline Instant earlier(Instant t, Span s)  { return (Instant){ t.ms - s.ms }; }
static inline bool before(Instant a, Instant b)   { return a.ms < b.ms; }
static inline bool is_set(Instant t)              { return t.ms != 0; }

Instant time_now(void);
Mono    mono_now(void);

/* Waits for `s` where a program only begins and nobody has its promise: a server, which
 * keeps SIGTERM and SIGINT blocked, ends here when one comes instead of afterwards.
 *   thread  the first one, before a server serves */
void    wait_at_start(Span s);
static inline Mono mono_after(Mono m, Span s)     { return (Mono){ m.ns + s.ms * 1000000 }; }
static inline i64  mono_us(Mono from, Mono to)    { return (to.ns - from.ns) / 1000; }

/* The test engine: the calendar runs `s` ahead of the machine's from now on. */
void time_shift(Span s);
Span time_shifted(void);

/* RFC 3339 in UTC with milliseconds: 2026-11-22T07:30:00.000Z (24 letters). */
void time_write(Buf *b, Instant t);
/* Reads RFC 3339 section 5.6 with any offset; false on anything else. */
CHECKED bool time_read(Str s, Instant *out);

/* True when `name` is an IANA zone of this machine's tz database. */
bool timezone_known(Str name);
