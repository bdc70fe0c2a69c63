/* permission_http.c - so that a client shows a button only to who may press it; the
 * server asks the same table again when it is pressed. */
#include "events/permission_http.h"
#include "events/venue.h"
#include "identity/member.h"
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
    return reply(cx, rq, 200, &permissions_shape,
                 &(Permissions){ (int)role, buf_str(&b) });
}

/* ---- asked by another service about somebody --------------------------------- */

typedef struct Validate { UserId userId; Str permissions; VenueId venueId; } Validate;
const Shape validate_shape = SHAPE(Validate,
    ID(Validate, userId, 0, "who"),
    RAW(Validate, permissions, 0, "a list of words such as events:update"),
    ID(Validate, venueId, OPTIONAL, "at which venue; none: in the tenant"));

typedef struct Validated {
    bool valid;
    UserId userId;
    int role, venueRole;
    TenantId tenantId;
} Validated;
const Shape validated_shape = SHAPE(Validated,
    BOOL(Validated, valid, 0, "whether he may all of it"),
    ID(Validated, userId, 0, "who"),
    NAME(Validated, role, &role_names, 0, "what he is in the tenant"),
    NAME(Validated, venueRole, &staff_roles, 0, "what he is there"),
    ID(Validated, tenantId, 0, "the tenant"));

/* A word that is none is held by nobody. */
static bool holds_all(Ctx *cx, Str text, StaffRole role, bool *all)
{
    Str why;
    const Json *list = json_read(cx->mem, text, &why);

    *all = true;
    if (list == NULL || json_kind(list) != J_LIST)
        return fail_field(cx, S("permissions"), "must be a list of words");
    for (isize i = 0; i < json_count(list); i++) {
        const Json *word = json_item(list, i);
        if (json_kind(word) != J_STR)
            return fail_field(cx, S("permissions"), "must be a list of words");
        int p = names_find(&permission_names, json_str(word));
        *all &= p >= 0 && permission_held((VenueRank)role, (Permission)p);
    }
    return true;
}

/* As he would be asked himself, by the same function. */
static bool role_of(Ctx *cx, const Member *m, VenueId venue, StaffRole *out)
{
    Who asker = cx->who;

    *out = m->role >= VENUE_MANAGER ? STAFF_OWNER : STAFF_NONE;
    if (uuid_zero(venue.v))
        return true;
    cx->who = (Who){ .user = m->id, .role = (Role)m->role };
    bool good = venue_role(cx, venue, out);
    cx->who = asker;
    return good;
}

bool permission_validate(Ctx *cx, Req *rq)
{
    Validate in;
    Member m;
    StaffRole role;
    bool all;

    if (!req_read(cx, rq, &validate_shape, &in) || !member_get(cx, in.userId, &m) ||
        !role_of(cx, &m, in.venueId, &role) || !holds_all(cx, in.permissions, role, &all))
        return false;
    bool may = m.status == PERSON_ACTIVE || m.status == PERSON_PENDING;
    return reply(cx, rq, 200, &validated_shape,
                 &(Validated){ may && all, m.id, m.role, (int)role, cx->tenant });
}
