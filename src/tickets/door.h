/* door.h - lets each ticket in once.
 *
 * A scan reads the code, and in one transaction moves the ticket to USED by
 * compare-and-set and writes down what it answered; two gates at the same instant
 * meet in one lane, and the second hears ALREADY_USED.
 * Needs: code, ticket, events.  Used by: door_http.c. */
#pragma once
#include "tickets/ticket.h"

typedef enum ScanResult { SCAN_ALLOW, SCAN_DENY } ScanResult;

typedef struct Scan { Str qrCode; EventId eventId; Str gate, deviceId; } Scan;
typedef struct Verdict {
    ScanResult result;
    Str        reason;                   /* absent when allowed              */
    Ticket     ticket;                   /* zero id: the code names none     */
} Verdict;

extern const Shape scan_shape, verdict_shape;

/* Judges a code. Whoever scans needs DOOR_SCAN at the event's venue.
 *   gives   a verdict, DENY with a reason code: INVALID_CODE, CODE_EXPIRED, ALREADY_USED,
 *           OLD_OWNER, EVENT_CANCELLED, or what the ticket is (CANCELLED, REFUNDED ...)
 *   fails   NOT_FOUND, FORBIDDEN
 *   tx      opens its own */
CHECKED bool door_scan(Ctx *cx, const Scan *scan, Verdict *out);
