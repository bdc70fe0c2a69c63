/* venue.c - a right is asked for with one statement that finds the venue and the
 * asker's role together: a venue of another tenant gives no row, which is NOT_FOUND,
 * and a stranger gives the role `none`, which may nothing. */
#include "events/venue.h"
#include "identity/permission.h"
#include "store/store.h"
#include <string.h>

static const Names venue_statuses = { (const char *const[]){ "ACTIVE", "CLOSED" }, 2 };
const Names staff_roles = { (const char *const[]){ "none", "door-staff", "box-office",
                            "venue-manager", "venue-owner" }, STAFF_ROLE_COUNT };

static const Field venue_fields[] = {
    ID(Venue, id, 0, "the venue's id"),
    TEXT(Venue, name, 2, 200, 0, "what people call it"),
    TEXT(Venue, timezone, 1, 64, 0, "IANA time zone, such as Europe/Berlin"),
    NUMBER(Venue, capacity, 1, 1000000, 0, 0, "how many people may be in it"),
    TEXT(Venue, country, 2, 2, OPTIONAL, "ISO 3166 country code"),
    TEXT(Venue, city, 1, 100, OPTIONAL, "town"),
    NAME(Venue, status, &venue_statuses, 0, "a closed venue takes no new events"),
    ID(Venue, createdBy, UNLISTED, "who made it"),
    TIME(Venue, createdAt, 0, "when it was made"),
    TIME(Venue, updatedAt, 0, "when it was last changed"),
    NUMBER(Venue, version, 1, INT64_MAX, 0, 0, "rises with each change"),
};
const Shape venue_shape = { "Venue", sizeof(Venue), venue_fields, countof(venue_fields) };

static const Field venue_in_fields[] = {
    TEXT(VenueIn, name, 2, 200, 0, "what people call it"),
    TEXT(VenueIn, timezone, 1, 64, 0, "IANA time zone, such as Europe/Berlin"),
    NUMBER(VenueIn, capacity, 1, 1000000, 0, 0, "how many people may be in it"),
    TEXT(VenueIn, country, 2, 2, OPTIONAL, "ISO 3166 country code, upper case"),
    TEXT(VenueIn, city, 1, 100, OPTIONAL, "town"),
};
const Shape venue_in_shape = { "VenueIn", sizeof(VenueIn), venue_in_fields,
                               countof(venue_in_fields) };

static const Field venue_change_fields[] = {
    TEXT(VenueChange, name, 2, 200, OPTIONAL, "what people call it"),
    TEXT(VenueChange, timezone, 1, 64, OPTIONAL, "IANA time zone"),
    NUMBER(VenueChange, capacity, 1, 1000000, 0, OPTIONAL,
           "how many people may be in it"),
    TEXT(VenueChange, country, 2, 2, OPTIONAL, "ISO 3166 country code, upper case"),
    TEXT(VenueChange, city, 1, 100, OPTIONAL, "town"),
    { F_(VenueChange, status, K_NAME), .names = &venue_statuses, .is = OPTIONAL,
      .otherwise = -1, .says = "a closed venue takes no new events" },
    NUMBER(VenueChange, version, 1, INT64_MAX, 0, OPTIONAL,
           "refused unless it is the present one"),
};
const Shape venue_change_shape = { "VenueChange", sizeof(VenueChange),
                                   venue_change_fields, countof(venue_change_fields) };

/* ---- who may -------------------------------------------------------------- */

/* What a right is called in the table of permissions; roles stand in the same order
 * there. */
static const Permission behind[] = {
    [VENUE_MANAGE] = VENUES_UPDATE, [EVENT_MANAGE] = EVENTS_UPDATE,
    [DOOR_SCAN] = TICKETS_VALIDATE, [SALES_VIEW] = REPORTS_DAILY,
};
_Static_assert((int)STAFF_OWNER == (int)AT_OWNER && (int)DOOR_STAFF == (int)AT_DOOR,
               "ranks");

SQL(venue_asker,
    "SELECT coalesce(s.role, 'none') FROM venue v"
    " LEFT JOIN venue_staff s ON s.tenant = v.tenant AND s.venue = v.id AND s.person = $3"
    " AND (s.expires_at IS NULL OR s.expires_at > $4)"
    " WHERE v.tenant = $1 AND v.id = $2");

typedef struct { VenueId id; int role; } Asking;
static const Shape asking_row = SHAPE(Asking, NAME(Asking, role, &staff_roles, 0, ""));

static bool ask_role(Ctx *cx, void *arg)
{
    Asking *a = arg;
    Asking row;

    if (!sql_get(cx, &venue_asker, &asking_row, &row, V(a->id.v), V(cx->who.user.v),
                 V(cx->now)))
        return false;
    a->role = cx->who.role >= VENUE_MANAGER ? STAFF_OWNER : row.role;
    return true;
}

bool venue_role(Ctx *cx, VenueId id, StaffRole *out)
{
    Asking a = { .id = id };

    if (!(cx->db != NULL ? ask_role(cx, &a) : read_tx(cx, ask_role, &a)))
        return false;
    *out = (StaffRole)a.role;
    return true;
}

bool venue_can(Ctx *cx, VenueId id, VenueRight right, bool *can)
{
    StaffRole role;

    if (!venue_role(cx, id, &role))
        return false;
    *can = permission_held((VenueRank)role, behind[right]);
    return true;
}

bool venue_may(Ctx *cx, VenueId id, VenueRight right)
{
    bool can;

    return venue_can(cx, id, right, &can)
        && (can || fail(cx, FORBIDDEN, "no right %d at this venue", (int)right));
}

/* ---- making and changing -------------------------------------------------- */

#define VENUE_COLUMNS "id, name, timezone, capacity, country, city, status, created_by," \
                      " created_at, updated_at, version"

SQL(venue_read, "SELECT " VENUE_COLUMNS " FROM venue WHERE tenant = $1 AND id = $2");

SQL(venue_insert,
    "INSERT INTO venue (tenant, " VENUE_COLUMNS ")"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, 1)");

SQL(venue_first_owner,
    "INSERT INTO venue_staff (tenant, venue, person, role, granted_by, granted_at)"
    " VALUES ($1, $2, $3, 'venue-owner', $3, $4)");

SQL(venue_write,
    "UPDATE venue SET name = $4, timezone = $5, capacity = $6, country = $7, city = $8,"
    " status = $9, updated_at = $10, version = version + 1"
    " WHERE tenant = $1 AND id = $2 AND version = $3");

static bool check(Ctx *cx, const Venue *v)
{
    bool good = true;

    if (str_trim(v->name).len < 2)
        good &= fail_field(cx, S("name"), "must have at least 2 characters that show");
    if (!timezone_known(v->timezone))
        good &= fail_field(cx, S("timezone"), "must be an IANA time zone");
    for (isize i = 0; i < v->country.len; i++)
        if (v->country.at[i] < 'A' || v->country.at[i] > 'Z') {
            good &= fail_field(cx, S("country"), "must be two upper-case letters");
            break;
        }
    return good;
}

bool venue_get(Ctx *cx, VenueId id, Venue *out)
{
    return sql_get(cx, &venue_read, &venue_shape, out, V(id.v));
}

bool venue_add(Ctx *cx, VenueId id, const VenueIn *in, Venue *out)
{
    Venue v = { .id = id, .name = in->name, .timezone = in->timezone,
                .capacity = in->capacity, .country = in->country, .city = in->city,
                .status = VENUE_ACTIVE, .createdBy = cx->who.user, .createdAt = cx->now,
                .updatedAt = cx->now, .version = 1 };

    if (cx->who.role < VENUE_MANAGER)
        return fail(cx, FORBIDDEN, "role %d makes no venues", (int)cx->who.role);
    if (!check(cx, &v)
        || !sql_run(cx, &venue_insert, NULL, V(v.id.v), V(v.name), V(v.timezone),
                    V(v.capacity), V(v.country), V(v.city),
                    V(names_str(&venue_statuses, v.status)), V(v.createdBy.v),
                    V(v.createdAt))
        || !sql_run(cx, &venue_first_owner, NULL, V(v.id.v), V(cx->who.user.v),
                    V(cx->now)))
        return false;
    *out = v;
    return true;
}

static void apply(Venue *v, const VenueChange *c)
{
    if (c->name.at != NULL)
        v->name = c->name;
    if (c->timezone.at != NULL)
        v->timezone = c->timezone;
    if (c->capacity != 0)
        v->capacity = c->capacity;
    if (c->country.at != NULL)
        v->country = c->country;
    if (c->city.at != NULL)
        v->city = c->city;
    if (c->status >= 0)
        v->status = c->status;
}

bool venue_change(Ctx *cx, VenueId id, const VenueChange *change, Venue *out)
{
    Venue v;
    i64 changed = 0;

    if (!venue_may(cx, id, VENUE_MANAGE) || !venue_get(cx, id, &v))
        return false;
    if (change->version != 0 && change->version != v.version)
        return fail(cx, CONFLICT, "version %jd, not %jd", (intmax_t)v.version,
                    (intmax_t)change->version);
    apply(&v, change);
    if (!check(cx, &v)
        || !sql_run(cx, &venue_write, &changed, V(id.v), V(v.version), V(v.name),
                    V(v.timezone), V(v.capacity), V(v.country), V(v.city),
                    V(names_str(&venue_statuses, v.status)), V(cx->now)))
        return false;
    if (changed == 0)
        return fail(cx, CONFLICT, "the venue changed meanwhile");
    v.updatedAt = cx->now;
    v.version++;
    *out = v;
    return true;
}

/* ---- listing -------------------------------------------------------------- */

SQL(venue_page,
    "SELECT " VENUE_COLUMNS " FROM venue"
    " WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3");

bool venue_list(Ctx *cx, VenueId before_, i64 most, Venue **rows, isize *count)
{
    if (uuid_zero(before_.v))
        memset(before_.v.b, 0xFF, sizeof before_.v.b);
    return sql_rows(cx, &venue_page, &venue_shape, rows, count, V(before_.v), V(most));
}
