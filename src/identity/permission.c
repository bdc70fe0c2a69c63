/* permission.c - the table. A manager gives roles too, up to his own (staff.c): else an
 * owner on holiday would stop the door from being staffed. What everybody may is what is
 * one's own. */
#include "identity/permission.h"

static const char *const words[PERMISSION_COUNT] = {
    "events:create", "events:update", "events:delete", "venues:update", "roles:manage",
    "tickets:sell", "tickets:view", "tickets:validate", "payments:process",
    "reports:daily", "reports:view", "reports:export", "tickets:purchase",
    "tickets:view-own", "tickets:transfer-own", "profile:update-own",
};
const Names permission_names = { words, PERMISSION_COUNT };

/* none, door, box office, manager, owner */
static const bool held[PERMISSION_COUNT][RANK_COUNT_AT_VENUE] = {
    [EVENTS_CREATE]        = { 0, 0, 0, 1, 1 },
    [EVENTS_UPDATE]        = { 0, 0, 0, 1, 1 },
    [EVENTS_DELETE]        = { 0, 0, 0, 1, 1 },
    [VENUES_UPDATE]        = { 0, 0, 0, 1, 1 },
    [ROLES_MANAGE]         = { 0, 0, 0, 1, 1 },
    [TICKETS_SELL]         = { 0, 0, 1, 0, 1 },
    [TICKETS_VIEW]         = { 0, 1, 1, 1, 1 },
    [TICKETS_VALIDATE]     = { 0, 1, 1, 1, 1 },
    [PAYMENTS_PROCESS]     = { 0, 0, 1, 0, 1 },
    [REPORTS_DAILY]        = { 0, 0, 1, 1, 1 },
    [REPORTS_VIEW]         = { 0, 0, 0, 1, 1 },
    [REPORTS_EXPORT]       = { 0, 0, 0, 1, 1 },
    [TICKETS_PURCHASE]     = { 1, 1, 1, 1, 1 },
    [TICKETS_VIEW_OWN]     = { 1, 1, 1, 1, 1 },
    [TICKETS_TRANSFER_OWN] = { 1, 1, 1, 1, 1 },
    [PROFILE_UPDATE_OWN]   = { 1, 1, 1, 1, 1 },
};

bool permission_held(VenueRank rank, Permission p)
{
    must(rank < RANK_COUNT_AT_VENUE && p < PERMISSION_COUNT);
    return held[p][rank];
}
