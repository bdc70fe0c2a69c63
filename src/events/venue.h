/* venue.h - a place where events happen, and who may do what there.
 *
 * Managers of the tenant may do everything at each of its venues; others by a
 * role that they were given at one venue (staff.h), as long as it lasts.
 * Needs: base, store.  Used by: event, staff, tickets (door, sales), venue_http. */
#pragma once
#include "base/shape.h"

typedef enum VenueStatus { VENUE_ACTIVE, VENUE_CLOSED } VenueStatus;

typedef struct Venue {
    VenueId id;
    Str     name, timezone;                       /* IANA name                */
    i64     capacity;
    Str     country, city;
    int     status;                               /* VenueStatus              */
    UserId  createdBy;
    Instant createdAt, updatedAt;
    i64     version;
} Venue;
extern const Shape venue_shape;

typedef struct VenueIn { Str name, timezone; i64 capacity; Str country, city; } VenueIn;
extern const Shape venue_in_shape;

/* What is absent stays; a `version` must be the present one. */
typedef struct VenueChange {
    Str name, timezone;
    i64 capacity;
    Str country, city;
    int status;                                   /* -1: stays                */
    i64 version;
} VenueChange;
extern const Shape venue_change_shape;

typedef enum VenueRight { VENUE_MANAGE, EVENT_MANAGE, DOOR_SCAN, SALES_VIEW } VenueRight;

typedef enum StaffRole { STAFF_NONE, DOOR_STAFF, BOX_OFFICE, STAFF_MANAGER, STAFF_OWNER,
                         STAFF_ROLE_COUNT } StaffRole;
extern const Names staff_roles;                   /* "none" is never given to anybody */

/* True when cx->who may do that at that venue.
 *   fails   NOT_FOUND (another tenant's too), FORBIDDEN
 *   tx      inside the caller's, or opens its own for reading */
CHECKED bool venue_may(Ctx *cx, VenueId id, VenueRight right);

/* The same as an answer. Fails NOT_FOUND. */
CHECKED bool venue_can(Ctx *cx, VenueId id, VenueRight right, bool *can);

/* The role that cx->who acts with there: managers of the tenant count as its owner. */
CHECKED bool venue_role(Ctx *cx, VenueId id, StaffRole *out);

/* Makes a venue whose owner is cx->who. Fails FORBIDDEN below VENUE_MANAGER,
 * VALIDATION_ERROR.  tx  inside the caller's write_tx */
CHECKED bool venue_add(Ctx *cx, VenueId id, const VenueIn *in, Venue *out);

/* Fails NOT_FOUND, FORBIDDEN, CONFLICT (version), VALIDATION_ERROR.
 *   tx  inside the caller's write_tx */
CHECKED bool venue_change(Ctx *cx, VenueId id, const VenueChange *change, Venue *out);

/* Fails NOT_FOUND.  tx  inside the caller's */
CHECKED bool venue_get(Ctx *cx, VenueId id, Venue *out);

/* The newest first, from below `before` (zero: the newest of all).
 *   tx  inside the caller's */
CHECKED bool venue_list(Ctx *cx, VenueId before, i64 most, Venue **rows, isize *count);
