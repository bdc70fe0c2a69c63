/* code.h - the rotating code: what a phone shows and a door reads.
 *
 *   29 bytes   1 generation (mod 64, top bits: format 0)
 *             16 ticket id
 *              2 step, low bits (a step is 30 s of the calendar)
 *             10 HMAC-SHA256, cut to 80 bits (RFC 2104, section 5)
 *   47 letters of Crockford base32, upper case: a QR code of 29 x 29 modules that
 *   keeps 25 % of itself in reserve (version 3, level Q), big and coarse enough for
 *   a phone screen in bright sun.
 *
 * The MAC covers tenant, event, ticket, generation and the whole step, under a key
 * that is the event's own. A device that holds this key checks a code without any
 * network; it learns nothing about other events (docs/why/ticket-code.md).
 * Needs: base.  Used by: ticket_http.c, door.c. */
#pragma once
#include "base/crypto.h"
#include "base/ctx.h"

enum { CODE_BYTES = 29, CODE_LETTERS = 47, CODE_STEP_MS = 30000 };

typedef struct CodeKey { u8 b[SHA256_BYTES]; } CodeKey;

/* The master key of all events; wiped by code_close. */
void code_setup(Secret master);

/* The event's own key: HKDF-SHA256 (RFC 5869) of the master for tenant and event. */
CodeKey code_key(TenantId tenant, EventId event);

typedef struct Code { TicketId ticket; int generation; i64 step; } Code;

/* The code of this step, CODE_LETTERS letters. */
Str code_write(Arena *mem, const CodeKey *key, TenantId tenant, EventId event,
               const Code *code);

typedef enum CodeResult { CODE_GOOD, CODE_FORGED, CODE_STALE } CodeResult;

/* Reads and checks a code: its MAC, and that its step is now's or one beside it.
 * CODE_FORGED also for what is no code at all or of another event. */
CodeResult code_read(const CodeKey *key, TenantId tenant, EventId event, Str text,
                     Instant now, Code *out);

static inline i64 code_step(Instant t) { return t.ms / CODE_STEP_MS; }

/* The text as a QR code in SVG, 29 modules and a quiet zone of four (ISO/IEC 18004). */
CHECKED bool code_svg(Ctx *cx, Str text, Str *out);
