/* member.c - each change is one UPDATE that names what was seen: two admins at once, on
 * whichever nodes, can't undo each other unseen. Changes of the whole installation stand
 * in one line and each asks what the asker still is: of two who demote each other one is
 * an admin no more when his turn comes. */
#include "identity/member.h"
#include "identity/epoch.h"
#include "identity/note.h"
#include "identity/session.h"

const Shape member_shape = SHAPE(Member,
    ID(Member, id, 0, "the person"),
    TEXT(Member, email, 3, 255, 0, "in lower case"),
    TEXT(Member, firstName, 0, 100, 0, "given name"),
    TEXT(Member, lastName, 0, 100, 0, "family name"),
    BOOL(Member, emailVerified, 0, "whether the mailbox was reached"),
    BOOL(Member, mfaEnabled, 0, "whether a second factor is asked for"),
    NAME(Member, role, &role_names, 0, "what the person may do in this tenant"),
    NAME(Member, status, &person_status_names, 0, "whether he may sign in"),
    TIME(Member, lockedUntil, OPTIONAL, "until when a lock runs or ran"),
    TIME(Member, lastLoginAt, OPTIONAL, "when he last signed in"),
    TIME(Member, createdAt, 0, "when the account was made"));

#define COLUMNS "id, email, first_name, last_name, email_verified, mfa_enabled, role, status," \
                " locked_until, last_login_at, created_at"

SQL(member_page, "SELECT " COLUMNS " FROM person WHERE tenant = $1 AND id > $2"
                 " ORDER BY id LIMIT $3");
SQL(member_by_email, "SELECT " COLUMNS " FROM person WHERE tenant = $1 AND email = $2");
SQL(member_admins,
    "SELECT " COLUMNS " FROM person WHERE tenant = $1"
                      " AND role IN ('admin', 'super-admin')"
    " AND status IN ('PENDING', 'ACTIVE') AND (role = $2 OR $2 IS NULL)"
    " ORDER BY created_at, id LIMIT $3");
/* A person's key begins with the tenant that is looked for: one look into each. */
SQL_ALL(member_home,
    "SELECT t.id FROM tenant t WHERE EXISTS"
    " (SELECT 1 FROM person p WHERE p.tenant = t.id AND p.id = $1)");
SQL(member_by_id, "SELECT " COLUMNS " FROM person WHERE tenant = $1 AND id = $2");

SQL(member_promote,
    "UPDATE person SET role = $3, updated_at = $5, version = version + 1"
    " WHERE tenant = $1 AND id = $2 AND role = $4");

SQL(member_stop,
    "UPDATE person SET status = $3, updated_at = $5, version = version + 1,"
    " deleted_at = NULL"
    " WHERE tenant = $1 AND id = $2 AND status = $4 AND erased_at IS NULL");

typedef struct {
    Str email;
    UserId after;
    i64 most;
    Member **rows;
    isize *count;
} Listing;

static bool list(Ctx *cx, void *arg)
{
    const Listing *l = arg;

    if (l->email.at != NULL)
        return sql_rows(cx, &member_by_email, &member_shape, l->rows, l->count,
                        V(str_lower(cx->mem, l->email)));
    return sql_rows(cx, &member_page, &member_shape, l->rows, l->count, V(l->after.v),
                    V(l->most));
}

bool member_list(Ctx *cx, Str email, UserId after, i64 most, Member **rows, isize *count)
{
    if (uuid_zero(after.v))
        after.v.b[sizeof after.v.b - 1] = 1;      /* a zero id would be NULL  */
    return read_tx(cx, list, &(Listing){ email, after, most, rows, count });
}

typedef struct {
    UserId id;
    Role   role;
    PersonStatus status;
    Str    reason;
    Member member;
    i64    epoch;
} Changing;

static bool get(Ctx *cx, void *arg)
{
    Changing *c = arg;
    return sql_get(cx, &member_by_id, &member_shape, &c->member, V(c->id.v));
}

bool member_get(Ctx *cx, UserId id, Member *out)
{
    Changing c = { .id = id };

    if (!read_tx(cx, get, &c))
        return false;
    *out = c.member;
    return true;
}

typedef struct { UserId id; Member *out; bool *found; } Finding;

static bool find(Ctx *cx, void *arg)
{
    const Finding *f = arg;
    return sql_find(cx, &member_by_id, &member_shape, f->out, f->found, V(f->id.v));
}

bool member_find(Ctx *cx, UserId id, Member *out, bool *found)
{
    return read_tx(cx, find, &(Finding){ id, out, found });
}

typedef struct { Str role; i64 most; Member **rows; isize *count; } Admins;

static bool list_admins(Ctx *cx, void *arg)
{
    const Admins *a = arg;
    return sql_rows(cx, &member_admins, &member_shape, a->rows, a->count, V(a->role),
                    V(a->most));
}

bool member_list_admins(Ctx *cx, Role role, i64 most, Member **rows, isize *count)
{
    Str only = role == ANYONE ? (Str){ 0 } : names_str(&role_names, (int)role);
    return read_tx(cx, list_admins, &(Admins){ only, most, rows, count });
}

typedef struct { UserId id; TenantId tenant; } Home;
static const Shape home_row = SHAPE(Home, ID(Home, tenant, 0, ""));

static bool find_home(Ctx *cx, void *arg)
{
    Home *h = arg;
    return sql_get(cx, &member_home, &home_row, h, V(h->id.v));
}

bool member_tenant(Ctx *cx, UserId id, TenantId *out)
{
    Home h = { .id = id };

    if (!read_tx(cx, find_home, &h))
        return false;
    *out = h.tenant;
    return true;
}

static Lane line_of_admins(void) { return lane_of(TENANT_DEFAULT.v); }

typedef struct { int role, status; } Asker;
static const Shape asker_row = SHAPE(Asker, NAME(Asker, role, &role_names, 0, ""),
                                     NAME(Asker, status, &person_status_names, 0, ""));
SQL(member_asker, "SELECT role, status FROM person WHERE tenant = $1 AND id = $2");

/* His token may be older than his fall. A super-admin's row is in his own tenant. */
static bool find_asker(Ctx *cx, Role *role)
{
    TenantId here = cx->tenant;
    Asker now = { 0 };
    bool found;

    *role = cx->who.role;
    if (uuid_zero(cx->who.user.v))
        return true;                              /* the operator's bearer    */
    if (!uuid_zero(cx->who.home.v))
        cx->tenant = cx->who.home;
    bool good = sql_find(cx, &member_asker, &asker_row, &now, &found, V(cx->who.user.v));
    cx->tenant = here;
    if (!good)
        return false;
    if (!found || (now.status != PERSON_ACTIVE && now.status != PERSON_PENDING))
        return fail(cx, FORBIDDEN, "the asker is not active");
    if (GUARDED((Role)now.role < *role))
        *role = (Role)now.role;
    return role_covers(*role, ADMIN) ||
           fail(cx, FORBIDDEN, "the asker is an admin no more");
}

static bool may_touch(Ctx *cx, const Member *m, Role *asker)
{
    if (uuid_is(m->id.v, cx->who.user.v))
        return fail(cx, FORBIDDEN, "his own role or status");
    if (!find_asker(cx, asker))
        return false;
    return role_covers(*asker, (Role)m->role) ||
           fail(cx, FORBIDDEN, "a role above the asker's own");
}

static bool promote(Ctx *cx, void *arg)
{
    Changing *c = arg;
    Role asker;
    i64 changed;

    if (!get(cx, c) || !may_touch(cx, &c->member, &asker))
        return false;
    if (!role_covers(asker, c->role))
        return fail(cx, FORBIDDEN, "gives a role above his own");
    if (c->member.role == (int)c->role)
        return true;
    if (!sql_run(cx, &member_promote, &changed, V(c->id.v),
                 V(names_str(&role_names, (int)c->role)),
                 V(names_str(&role_names, c->member.role)), V(cx->now)))
        return false;
    if (changed != 1)
        return fail(cx, CONFLICT, "another role meanwhile");
    AuditAction action = (int)c->role > c->member.role ? AUDIT_ROLE_GRANTED
                                                       : AUDIT_ROLE_REVOKED;
    c->member.role = (int)c->role;
    return epoch_raise(cx, c->id, &c->epoch) &&
           note_write(cx, action, c->id, names_str(&role_names, (int)c->role));
}

bool member_set_role(Ctx *cx, UserId id, Role role, Member *out)
{
    Changing c = { .id = id, .role = role };

    if (!write_tx(cx, line_of_admins(), promote, &c))
        return false;
    epoch_heard(cx, id, c.epoch);
    *out = c.member;
    return true;
}

static bool set_status(Ctx *cx, void *arg)
{
    Changing *c = arg;
    Role asker;
    i64 changed;

    if (!get(cx, c) || !may_touch(cx, &c->member, &asker))
        return false;
    if (c->member.status == PERSON_DELETED && c->status == PERSON_SUSPENDED)
        return fail(cx, INVALID_STATE, "deleted");
    if (c->status == PERSON_ACTIVE && !c->member.emailVerified)
        c->status = PERSON_PENDING;               /* as before he was suspended */
    if (c->member.status == (int)c->status)
        return true;
    if (!sql_run(cx, &member_stop, &changed, V(c->id.v),
                 V(names_str(&person_status_names, (int)c->status)),
                 V(names_str(&person_status_names, c->member.status)), V(cx->now)))
        return false;
    if (changed != 1)
        return fail(cx, CONFLICT, "another status meanwhile, or erased");
    c->member.status = (int)c->status;
    return epoch_raise(cx, c->id, &c->epoch) &&
           note_write(cx, AUDIT_STATUS_CHANGED, c->id,
                      str_fmt(cx->mem, "%s %.*s", person_status_names.at[c->status],
                              STR_ARGS(c->reason)));
}

/* From the commit on the status itself keeps him from refreshing; ending the sessions
 * after it means that he has to sign in again when he may. */
bool member_set_status(Ctx *cx, UserId id, PersonStatus status, Str reason, Member *out)
{
    Changing c = { .id = id, .status = status, .reason = reason };

    if (!write_tx(cx, line_of_admins(), set_status, &c))
        return false;
    epoch_heard(cx, id, c.epoch);
    *out = c.member;
    return status != PERSON_SUSPENDED || session_end_all(cx, id, "suspended");
}

static bool sign_out(Ctx *cx, void *arg)
{
    Changing *c = arg;
    Role asker;

    return get(cx, c) && may_touch(cx, &c->member, &asker) &&
           note_write(cx, AUDIT_SESSIONS_REVOKED, c->id, (Str){ 0 });
}

bool member_sign_out(Ctx *cx, UserId id)
{
    return write_tx(cx, line_of_admins(), sign_out, &(Changing){ .id = id }) &&
           session_end_all(cx, id, "ended by an admin");
}
