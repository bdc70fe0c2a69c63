/* staff.h - the people who work at one venue, and until when.
 *
 * Who manages a venue gives roles there, up to his own; the last owner stays.
 * Needs: venue.  Used by: staff_http. */
#pragma once
#include "events/venue.h"

typedef struct Staff {
    UserId  personId;
    int     role;                                 /* StaffRole                */
    UserId  grantedBy;
    Instant grantedAt, expiresAt;                 /* expiresAt 0: for good    */
} Staff;
extern const Shape staff_shape;

typedef struct StaffIn { UserId personId; int role; Instant expiresAt; } StaffIn;
extern const Shape staff_in_shape;

/* Gives a role, or another one in its place.
 *   fails   NOT_FOUND (venue or person), FORBIDDEN, VALIDATION_ERROR,
 *           INVALID_STATE (nobody would be left to own the venue)
 *   tx      inside the caller's write_tx */
CHECKED bool staff_grant(Ctx *cx, VenueId venue, const StaffIn *in, Staff *out);

/* Takes the role back. Fails as above.  tx  inside the caller's write_tx */
CHECKED bool staff_revoke(Ctx *cx, VenueId venue, UserId person);

/* Everybody who has a role there, also lapsed ones. Fails NOT_FOUND, FORBIDDEN.
 *   tx  inside the caller's */
enum { STAFF_MOST = 1000 };
CHECKED bool staff_list(Ctx *cx, VenueId venue, Staff **rows, isize *count);
