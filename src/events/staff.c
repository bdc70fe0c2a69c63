/* staff.c - "up to his own" keeps a manager from making himself an owner, or from
 * sending the owner away. */
#include "events/staff.h"
#include "base/json.h"
#include "identity/note.h"
#include "store/outbox.h"

/* In a body a role is one of those that can be given. */
static const Names given_roles = { (const char *const[]){ "door-staff", "box-office",
                                   "venue-manager", "venue-owner" }, 4 };

static const Field staff_fields[] = {
    ID(Staff, personId, 0, "who"),
    NAME(Staff, role, &staff_roles, 0, "what he is at this venue"),
    ID(Staff, grantedBy, 0, "who gave the role"),
    TIME(Staff, grantedAt, 0, "when it was given"),
    TIME(Staff, expiresAt, OPTIONAL, "when it lapses by itself"),
};
const Shape staff_shape = { "Staff", sizeof(Staff), staff_fields, countof(staff_fields) };

static const Field staff_in_fields[] = {
    ID(StaffIn, personId, 0, "a person of this tenant"),
    NAME(StaffIn, role, &given_roles, 0, "what he shall be at this venue"),
    TIME(StaffIn, expiresAt, OPTIONAL, "when it lapses by itself"),
};
const Shape staff_in_shape = { "StaffIn", sizeof(StaffIn), staff_in_fields,
                               countof(staff_in_fields) };

SQL(staff_person_count, "SELECT count(*) FROM person WHERE tenant = $1 AND id = $2");

SQL(staff_read,
    "SELECT person, role, granted_by, granted_at, expires_at FROM venue_staff"
    " WHERE tenant = $1 AND venue = $2 AND person = $3");

SQL(staff_other_owners,
    "SELECT count(*) FROM venue_staff WHERE tenant = $1 AND venue = $2 AND person <> $3"
    " AND role = 'venue-owner' AND (expires_at IS NULL OR expires_at > $4)");

SQL(staff_write,
    "INSERT INTO venue_staff (tenant, venue, person, role, granted_by, granted_at,"
    " expires_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)"
    " ON CONFLICT (tenant, venue, person) DO UPDATE SET role = excluded.role,"
    " granted_by = excluded.granted_by, granted_at = excluded.granted_at,"
    " expires_at = excluded.expires_at");

SQL(staff_delete,
    "DELETE FROM venue_staff WHERE tenant = $1 AND venue = $2 AND person = $3");

SQL(staff_all,
    "SELECT person, role, granted_by, granted_at, expires_at FROM venue_staff"
    " WHERE tenant = $1 AND venue = $2 ORDER BY granted_at, person LIMIT 1000");

/* The asker may touch a row whose role is not above his own, before and after. */
static bool may_touch(Ctx *cx, VenueId venue, UserId person, StaffRole after, bool *found)
{
    StaffRole own;
    Staff now;
    i64 others = 0;

    if (!venue_may(cx, venue, VENUE_MANAGE) || !venue_role(cx, venue, &own)
        || !sql_find(cx, &staff_read, &staff_shape, &now, found, V(venue.v), V(person.v))
        || !sql_int(cx, &staff_other_owners, &others, V(venue.v), V(person.v),
                    V(cx->now)))
        return false;
    if (after > own || (*found && now.role > (int)own))
        return fail(cx, FORBIDDEN, "a role above the asker's own");
    if (*found && now.role == STAFF_OWNER && after != STAFF_OWNER && others == 0)
        return fail(cx, INVALID_STATE, "the last owner of a venue");
    return true;
}

/* Told to the person himself, whose streams end with it: what they may hear has
 * changed. */
static bool tell(Ctx *cx, VenueId venue, UserId person, StaffRole role)
{
    Buf b = buf_in(cx->mem, 128);

    buf_byte(&b, '{');
    json_put_text(&b, "venueId", uuid_str(cx->mem, venue.v));
    json_put_text(&b, "role", names_str(&staff_roles, (int)role));
    buf_byte(&b, '}');
    return outbox_tell(cx, person, (EventId){ { { 0 } } }, "staff.changed", buf_str(&b));
}

/* The record says which role, and where. */
static bool record(Ctx *cx, AuditAction action, VenueId venue, UserId person,
                   StaffRole role)
{
    Str what = str_fmt(cx->mem, "%s %.*s", staff_roles.at[role],
                       STR_ARGS(uuid_str(cx->mem, venue.v)));
    return note_write(cx, action, person, what);
}

bool staff_grant(Ctx *cx, VenueId venue, const StaffIn *in, Staff *out)
{
    StaffRole role = (StaffRole)(in->role + DOOR_STAFF);
    i64 there = 0;
    bool found;

    if (!may_touch(cx, venue, in->personId, role, &found)
        || !sql_int(cx, &staff_person_count, &there, V(in->personId.v)))
        return false;
    if (there == 0)
        return fail(cx, NOT_FOUND, "no such person in this tenant");
    if (is_set(in->expiresAt) && !before(cx->now, in->expiresAt))
        return fail_field(cx, S("expiresAt"), "must lie in the future");
    if (role == STAFF_OWNER && is_set(in->expiresAt))
        return fail_field(cx, S("expiresAt"), "an owner's role does not lapse");
    *out = (Staff){ in->personId, (int)role, cx->who.user, cx->now, in->expiresAt };
    return sql_run(cx, &staff_write, NULL, V(venue.v), V(in->personId.v),
                   V(names_str(&staff_roles, (int)role)), V(cx->who.user.v), V(cx->now),
                   V(in->expiresAt)) &&
           record(cx, AUDIT_ROLE_GRANTED, venue, in->personId, role) &&
           tell(cx, venue, in->personId, role);
}

bool staff_revoke(Ctx *cx, VenueId venue, UserId person)
{
    bool found;

    if (!may_touch(cx, venue, person, STAFF_NONE, &found))
        return false;
    if (!found)
        return fail(cx, NOT_FOUND, "no role at this venue");
    return sql_run(cx, &staff_delete, NULL, V(venue.v), V(person.v)) &&
           record(cx, AUDIT_ROLE_REVOKED, venue, person, STAFF_NONE) &&
           tell(cx, venue, person, STAFF_NONE);
}

bool staff_list(Ctx *cx, VenueId venue, Staff **rows, isize *count)
{
    return venue_may(cx, venue, VENUE_MANAGE)
        && sql_rows(cx, &staff_all, &staff_shape, rows, count, V(venue.v));
}
