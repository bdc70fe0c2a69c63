/* venue_http.h - the routes of venues and of the people who work there.
 * Needs: venue, staff, net, identity (guard).  Used by: web (the table of routes). */
#pragma once
#include "events/staff.h"
#include "events/venue.h"
#include "net/req.h"

typedef struct VenueReply { Venue venue; } VenueReply;
extern const Shape venue_reply_shape;
typedef struct StaffReply { Staff staff; } StaffReply;
extern const Shape staff_reply_shape;

/* POST /api/v1/venues {name,timezone,capacity,country?,city?} -> 201 {venue}
 * ORGANISER */
Handler venue_create;
/* GET /api/v1/venues -> 200 {data:[venue]}; GET /api/v1/venues/:id -> 200 {venue}
 * OPEN */
Handler venue_index, venue_show;
/* PUT /api/v1/venues/:id -> 200 {venue}  ORGANISER */
Handler venue_update;
/* POST /api/v1/venues/:id/staff {personId,role,expiresAt?} -> 201 {staff}  ORGANISER */
Handler staff_create;
/* GET /api/v1/venues/:id/staff -> 200 {data:[staff]}  ORGANISER */
Handler staff_index;
/* DELETE /api/v1/venues/:id/staff/:personId -> 204  ORGANISER */
Handler staff_remove;
