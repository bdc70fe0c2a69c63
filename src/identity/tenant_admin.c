/* tenant_admin.c - see tenant_admin.h. The status that nodes remember (tenant_check) is
 * forgotten with the change; where the kv is away it lapses within a minute. */
#include "identity/tenant_admin.h"
#include "identity/note.h"
#include "identity/policy.h"
#include "identity/revoked.h"
#include "identity/token.h"

#define COLUMNS "id, name, slug, status, settings, created_at"

SQL_ALL(tenant_page,
    "SELECT " COLUMNS " FROM tenant WHERE id >= $1 ORDER BY id LIMIT $2");

SQL(tenant_stop,
    "UPDATE tenant SET status = $2, status_at = $3 WHERE id = $1 AND status <> $2");

SQL(tenant_arrange, "UPDATE tenant SET settings = $2 WHERE id = $1");

typedef struct { TenantId from; i64 most; Tenant **rows; isize *count; } Listing;

static bool list(Ctx *cx, void *arg)
{
    const Listing *l = arg;
    return sql_rows(cx, &tenant_page, &tenant_shape, l->rows, l->count, V(l->from.v),
                    V(l->most));
}

/* No tenant has the id zero, which would be NULL, and none is before the first one's. */
bool tenant_list(Ctx *cx, TenantId from, i64 most, Tenant **rows, isize *count)
{
    if (uuid_zero(from.v))
        from = TENANT_DEFAULT;
    return read_tx(cx, list, &(Listing){ from, most, rows, count });
}

typedef struct { TenantStatus status; Str settings; Tenant tenant; } Changing;

static bool get(Ctx *cx, void *arg)
{
    Changing *c = arg;
    bool found;

    return tenant_find(cx, &c->tenant, &found) &&
           (found || fail(cx, NOT_FOUND, "no such tenant"));
}

bool tenant_get(Ctx *cx, TenantId id, Tenant *out)
{
    Changing c = { 0 };

    cx->tenant = id;
    if (!read_tx(cx, get, &c))
        return false;
    *out = c.tenant;
    return true;
}

static bool set_status(Ctx *cx, void *arg)
{
    Changing *c = arg;
    i64 changed;

    if (!sql_run(cx, &tenant_stop, &changed, V(tenant_status_str(c->status)),
                 V(cx->now)) ||
        !get(cx, c))
        return false;
    return changed == 0 ||
           note_write(cx, AUDIT_TENANT_STATUS, (UserId){ 0 },
                      tenant_status_str(c->status));
}

bool tenant_set_status(Ctx *cx, TenantId id, TenantStatus status, Tenant *out)
{
    Changing c = { .status = status };

    if (uuid_is(id.v, cx->tenant.v))
        return fail(cx, INVALID_STATE, "the asker's own tenant");
    cx->tenant = id;
    if (!write_tx(cx, lane_of(id.v), set_status, &c))
        return false;
    if (status == TENANT_ACTIVE)
        revoked_lift(id.v);
    else
        revoked_add(id.v, (Instant){ INT64_MAX });
    *out = c.tenant;
    return tenant_forget(cx);
}

static bool arrange(Ctx *cx, void *arg)
{
    Changing *c = arg;

    return sql_run(cx, &tenant_arrange, NULL, V(c->settings)) && get(cx, c) &&
           note_write(cx, AUDIT_TENANT_SETTINGS, (UserId){ 0 }, (Str){ 0 });
}

bool tenant_set_settings(Ctx *cx, Str settings, Tenant *out)
{
    Changing c = { .settings = settings };

    if (!str_starts(settings, S("{")) || settings.len > SETTINGS_MOST)
        return fail_field(cx, S("settings"), "must be an object of at most %d bytes",
                          SETTINGS_MOST);
    if (!policy_check(cx, settings) || !write_tx(cx, lane_of(cx->tenant.v), arrange, &c))
        return false;
    *out = c.tenant;
    return true;
}
