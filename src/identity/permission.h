/* permission.h - what may be done at a venue, by the words that clients know, and by
 * whom.
 *
 * One table: the nouns ask it, and GET /api/v1/venues/:id/permissions shows it. Managers
 * of the tenant and above act at each venue as its owner.
 * Needs: base.  Used by: events (venue, permission_http). */
#pragma once
#include "base/shape.h"

typedef enum Permission {
    EVENTS_CREATE, EVENTS_UPDATE, EVENTS_DELETE, VENUES_UPDATE, ROLES_MANAGE,
    TICKETS_SELL, TICKETS_VIEW, TICKETS_VALIDATE, PAYMENTS_PROCESS, REPORTS_DAILY,
    REPORTS_VIEW, REPORTS_EXPORT, TICKETS_PURCHASE, TICKETS_VIEW_OWN,
    TICKETS_TRANSFER_OWN, PROFILE_UPDATE_OWN, PERMISSION_COUNT
} Permission;
extern const Names permission_names;              /* "events:create" ...      */

/* The roles at a venue, each a column of the table; a person without one is AT_NONE. */
typedef enum VenueRank { AT_NONE, AT_DOOR, AT_BOX_OFFICE, AT_MANAGER, AT_OWNER,
                         RANK_COUNT_AT_VENUE } VenueRank;

bool permission_held(VenueRank rank, Permission p);
