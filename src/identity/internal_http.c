/* internal_http.c - read, call, reply. An answer has what another service needs to know
 * of a person and nothing about how he signs in. */
#include "identity/internal_http.h"
#include "identity/member.h"

enum { USERS_AT_ONCE = 100 };

typedef struct Known {
    UserId  id;
    Str     email, firstName, lastName;
    bool    emailVerified;
    int     role, status;
    TenantId tenantId;
} Known;
static const Shape known_row = SHAPE(Known,
    ID(Known, id, 0, "the person"),
    TEXT(Known, email, 3, 255, 0, "in lower case"),
    TEXT(Known, firstName, 0, 100, 0, "given name"),
    TEXT(Known, lastName, 0, 100, 0, "family name"),
    BOOL(Known, emailVerified, 0, "whether the mailbox was reached"),
    NAME(Known, role, &role_names, 0, "what the person may do in this tenant"),
    NAME(Known, status, &person_status_names, 0, "whether he may sign in"),
    ID(Known, tenantId, 0, "the tenant"));

typedef struct KnownReply { Known user; } KnownReply;
const Shape known_shape = SHAPE(KnownReply,
    OBJECT(KnownReply, user, &known_row, 0, "the person"));

typedef struct KnownEmail { Known user; bool found; } KnownEmail;
const Shape known_email_shape = SHAPE(KnownEmail,
    OBJECT(KnownEmail, user, &known_row, OPTIONAL, "the person, when there is one"),
    BOOL(KnownEmail, found, 0, "whether there is"));

typedef struct KnownAdmins { List users; } KnownAdmins;
const Shape known_admins_shape = SHAPE(KnownAdmins,
    LIST(KnownAdmins, users, &known_row, 0, USERS_AT_ONCE, 0,
         "the eldest first, at most 100"));

typedef struct UserTenant { UserId userId; TenantId tenantId; } UserTenant;
const Shape user_tenant_shape = SHAPE(UserTenant,
    ID(UserTenant, userId, 0, "the person"), ID(UserTenant, tenantId, 0, "the tenant"));

typedef struct AskUsers { Str userIds; } AskUsers;
const Shape ask_users_shape = SHAPE(AskUsers,
    RAW(AskUsers, userIds, 0, "a list of at most 100 ids"));

typedef struct KnownUsers { bool valid; List users; Str missing; } KnownUsers;
const Shape known_users_shape = SHAPE(KnownUsers,
    BOOL(KnownUsers, valid, 0, "whether all of them are there and may sign in"),
    LIST(KnownUsers, users, &known_row, 0, USERS_AT_ONCE, 0, "those who are there"),
    RAW(KnownUsers, missing, 0, "the ids of those who are not"));

static Known known(const Ctx *cx, const Member *m)
{
    return (Known){ m->id, m->email, m->firstName, m->lastName, m->emailVerified, m->role,
                    m->status, cx->tenant };
}

bool internal_user(Ctx *cx, Req *rq)
{
    UserId id;
    Member m;

    return req_id(cx, rq, "id", &id.v) && member_get(cx, id, &m) &&
           reply(cx, rq, 200, &known_shape, &(KnownReply){ known(cx, &m) });
}

bool internal_user_by_email(Ctx *cx, Req *rq)
{
    Member *rows;
    isize n;

    if (!member_list(cx, req_param(rq, "email"), (UserId){ 0 }, 1, &rows, &n))
        return false;
    KnownEmail out = { .found = n > 0 };
    if (n > 0)
        out.user = known(cx, &rows[0]);
    return reply(cx, rq, 200, &known_email_shape, &out);
}

/* ?roles=admin,super-admin; ANYONE: both. */
static bool read_roles(Ctx *cx, const Req *rq, Role *out)
{
    Str list = req_query(cx, rq, S("roles"));
    bool some = false, both = list.at == NULL;

    for (*out = ANYONE; list.len > 0; some = true) {
        Role one = role_find(str_trim(str_cut(&list, ',')));
        if (one != ADMIN && one != SUPER_ADMIN)
            return fail_field(cx, S("roles"), "must be of admin and super-admin");
        both |= some && one != *out;
        *out = one;
    }
    if (both)
        *out = ANYONE;
    return some || both || fail_field(cx, S("roles"), "must be of admin and super-admin");
}

bool internal_admins(Ctx *cx, Req *rq)
{
    Member *rows;
    isize n;
    Role role;

    if (!read_roles(cx, rq, &role) ||
        !member_list_admins(cx, role, USERS_AT_ONCE, &rows, &n))
        return false;
    Known *users = make(cx->mem, Known, n + 1);
    for (isize i = 0; i < n; i++)
        users[i] = known(cx, &rows[i]);
    return reply(cx, rq, 200, &known_admins_shape, &(KnownAdmins){ { users, n } });
}

/* A credential or a header that names a tenant asks of that one alone. */
static bool is_asked_of(const Ctx *cx, const Req *rq, TenantId tenant)
{
    bool narrowed = !uuid_zero(cx->who.home.v) ||
                    req_header(rq, S("x-tenant-id")).at != NULL;
    return !narrowed || uuid_is(cx->tenant.v, tenant.v);
}

bool internal_user_tenant(Ctx *cx, Req *rq)
{
    UserTenant out = { 0 };

    if (!req_id(cx, rq, "id", &out.userId.v) ||
        !member_tenant(cx, out.userId, &out.tenantId))
        return false;
    if (!is_asked_of(cx, rq, out.tenantId))
        return fail(cx, NOT_FOUND, "of another tenant");
    return reply(cx, rq, 200, &user_tenant_shape, &out);
}

static bool read_ids(Ctx *cx, Str text, UserId *ids, isize *count)
{
    Str why, none = { 0 };
    const Json *list = json_read(cx->mem, text, &why);

    if (list == NULL || json_kind(list) != J_LIST || json_count(list) > USERS_AT_ONCE)
        return fail_field(cx, S("userIds"), "must be a list of at most %d ids",
                          USERS_AT_ONCE);
    *count = json_count(list);
    for (isize i = 0; i < *count; i++) {
        const Json *item = json_item(list, i);
        if (!uuid_read(json_kind(item) == J_STR ? json_str(item) : none, &ids[i].v) ||
            uuid_zero(ids[i].v))
            return fail_field(cx, S("userIds"), "number %td is no id", i + 1);
    }
    return true;
}

/* One after the other: a hundred reads of one row each by its key. */
static bool find_all(Ctx *cx, const UserId *ids, isize count, KnownUsers *out)
{
    Known *found = make(cx->mem, Known, count + 1);
    Buf missing = buf_in(cx->mem, 64);

    *out = (KnownUsers){ .valid = true, .users = { found, 0 } };
    buf_byte(&missing, '[');
    for (isize i = 0; i < count; i++) {
        Member m;
        bool there;
        if (!member_find(cx, ids[i], &m, &there))
            return false;
        out->valid &= there && (m.status == PERSON_ACTIVE || m.status == PERSON_PENDING);
        if (there)
            found[out->users.count++] = known(cx, &m);
        else
            buf_fmt(&missing, "%s\"%.*s\"", missing.len > 1 ? "," : "",
                    STR_ARGS(uuid_str(cx->mem, ids[i].v)));
    }
    buf_byte(&missing, ']');
    out->missing = buf_str(&missing);
    return true;
}

bool internal_validate_users(Ctx *cx, Req *rq)
{
    AskUsers in;
    UserId ids[USERS_AT_ONCE];
    isize count = 0;
    KnownUsers out;

    return req_read(cx, rq, &ask_users_shape, &in) &&
           read_ids(cx, in.userIds, ids, &count) &&
           find_all(cx, ids, count, &out) && reply(cx, rq, 200, &known_users_shape, &out);
}
