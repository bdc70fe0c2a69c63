/* uuid.h - 128-bit names (RFC 9562) and the strong ids made of them.
 *
 * Every id is its own type, typedef struct { Uuid v; } HoldId, so that passing
 * an OrderId for a HoldId does not compile.
 * Needs: time, rand.  Used by: everything. */
#pragma once
#include "base/time.h"

typedef struct Uuid { u8 b[16]; } Uuid;
typedef struct { Uuid v; } TenantId;
typedef struct { Uuid v; } UserId;
typedef struct { Uuid v; } VenueId;
typedef struct { Uuid v; } EventId;
typedef struct { Uuid v; } TypeId;                /* ticket type              */
typedef struct { Uuid v; } HoldId;
typedef struct { Uuid v; } OrderId;
typedef struct { Uuid v; } TicketId;

/* Version 7 (RFC 9562 section 5.7): sorts by `now`, 74 random bits. */
Uuid uuid_new(Instant now);
bool uuid_is(Uuid a, Uuid b);
bool uuid_zero(Uuid u);                           /* "no id"                  */

/* 36 letters, lower case; the reader takes any version and either case. */
enum { UUID_LETTERS = 36 };
void uuid_write(Buf *b, Uuid u);
Str  uuid_str(Arena *mem, Uuid u);
CHECKED bool uuid_read(Str s, Uuid *out);
