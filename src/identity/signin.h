/* signin.h - the sessions of a person, as he sees them: where, on what, since when.
 * Needs: session, audit.  Used by: signin_http. */
#pragma once
#include "identity/audit.h"
#include "identity/session.h"

typedef struct Signin {
    Uuid    id;                                   /* of the session           */
    Str     ip, userAgent, name;                  /* name: "Firefox on Linux" */
    Instant createdAt, lastUsedAt, expiresAt;
    bool    current;
} Signin;
extern const Shape signin_shape;

/* The open ones of cx->who, newest first, older than `before_` (zero: from the start).
 *   tx  opens its own */
CHECKED bool signin_list(Ctx *cx, Uuid before_, i64 most, Signin **rows, isize *count);

/* Ends one of cx->who's; another's, or one that has ended, is NOT_FOUND.
 *   tx  opens its own */
CHECKED bool signin_end(Ctx *cx, const Caller *from, Uuid session);

typedef enum WhichDevices { ALL_DEVICES, OTHER_DEVICES } WhichDevices;
CHECKED bool signin_end_all(Ctx *cx, const Caller *from, WhichDevices which, i64 *n);

/* Signs out: ends the session that asks. No mistake if it has ended, or if its token is
 * of the command line and there is none. */
CHECKED bool signin_logout(Ctx *cx, const Caller *from);
