/* permission_http.c - so that a client shows a button only to who may press it; the server
 * asks the same table again when it is pressed. */
#include "events/permission_http.h"
#include "events/venue.h"
#include "identity/permission.h"

typedef struct Permissions { int role; Str permissions; } Permissions;
const Shape permissions_shape = SHAPE(Permissions,
    NAME(Permissions, role, &staff_roles, 0, "what the asker is there"),
    RAW(Permissions, permissions, 0, "a list of words such as events:update"));

bool permission_show(Ctx *cx, Req *rq)
{
    VenueId id;
    StaffRole role;
    Buf b = buf_in(cx->mem, 512);

    if (!req_id(cx, rq, "id", &id.v) || !venue_role(cx, id, &role))
        return false;
    buf_byte(&b, '[');
    for (int p = 0; p < PERMISSION_COUNT; p++)
        if (permission_held((VenueRank)role, (Permission)p))
            buf_fmt(&b, "%s\"%s\"", b.len > 1 ? "," : "", permission_names.at[p]);
    buf_byte(&b, ']');
    return reply(cx, rq, 200, &permissions_shape, &(Permissions){ (int)role, buf_str(&b) });
}
