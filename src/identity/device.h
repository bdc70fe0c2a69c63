/* device.h - the sessions of a person, as he sees them: where, on what, since when.
 * Needs: session, audit.  Used by: device_http. */
#pragma once
#include "identity/audit.h"
#include "identity/session.h"

typedef struct Device {
    Uuid    id;                                   /* of the session           */
    Str     ip, userAgent, name;                  /* name: "Firefox on Linux" */
    Instant createdAt, lastUsedAt, expiresAt;
    bool    current;
} Device;
extern const Shape device_shape;

/* The open ones of cx->who, newest first, older than `before_` (zero: from the start).
 *   tx  opens its own */
CHECKED bool device_list(Ctx *cx, Uuid before_, i64 most, Device **rows, isize *count);

/* Ends one of cx->who's; another's, or one that has ended, is NOT_FOUND.
 *   tx  opens its own */
CHECKED bool device_end(Ctx *cx, const Caller *from, Uuid session);

typedef enum WhichDevices { ALL_DEVICES, OTHER_DEVICES } WhichDevices;
CHECKED bool device_end_all(Ctx *cx, const Caller *from, WhichDevices which, i64 *n);

/* Signs out: ends the session that asks. No mistake if it has ended. */
CHECKED bool device_logout(Ctx *cx, const Caller *from);
