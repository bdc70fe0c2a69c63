/* tenant.c - see tenant.h. */
#include "identity/tenant.h"
#include "kv/kv.h"

static const char *const status_words[] = { "ACTIVE", "SUSPENDED", "INACTIVE" };
static const Names status_names = { status_words, countof(status_words) };

const Shape tenant_shape = SHAPE(Tenant,
    ID(Tenant, id, 0, "the tenant"),
    TEXT(Tenant, name, 1, 200, 0, "what people call it"),
    TEXT(Tenant, slug, 1, 63, 0, "its name in addresses"),
    NAME(Tenant, status, &status_names, 0, "whether it does business"),
    RAW(Tenant, settings, 0, "its settings"),
    TIME(Tenant, createdAt, 0, "when it was added"));

#define CHECK_LASTS minutes(1)

SQL(tenant_by_id,
    "SELECT id, name, slug, status, settings, created_at FROM tenant WHERE id = $1");

SQL(tenant_new,
    "INSERT INTO tenant (id, name, slug, created_at) VALUES ($1, $2, $3, $4)");

bool tenant_find(Ctx *cx, Tenant *out, bool *found)
{
    return sql_find(cx, &tenant_by_id, &tenant_shape, out, found);
}

typedef struct { Tenant tenant; bool found; Str name, slug; } Doing;

static bool find(Ctx *cx, void *arg)
{
    Doing *d = arg;
    return tenant_find(cx, &d->tenant, &d->found);
}

bool tenant_check(Ctx *cx)
{
    Key key = kv_key(cx, "tenant", S("active"));
    Doing d = { .found = false };
    Str known;
    bool have = false;

    if (!kv_get(cx, key, &known, &have) && !kv_do_without(cx, METRIC_KV_NO_TENANT))
        return false;
    if (have)
        return true;
    if (!read_tx(cx, find, &d))
        return false;
    if (!d.found || d.tenant.status != TENANT_ACTIVE)
        return fail(cx, INVALID_TENANT, "unknown or not active");
    return kv_put(cx, key, S("1"), CHECK_LASTS) || kv_do_without(cx, METRIC_KV_NO_TENANT);
}

bool tenant_forget(Ctx *cx)
{
    return kv_delete(cx, kv_key(cx, "tenant", S("active"))) ||
           kv_do_without(cx, METRIC_KV_NO_TENANT);
}

Str tenant_status_str(TenantStatus status)
{
    return names_str(&status_names, (int)status);
}

static bool add(Ctx *cx, void *arg)
{
    Doing *d = arg;
    return sql_run(cx, &tenant_new, NULL, V(d->name), V(d->slug), V(cx->now)) &&
           tenant_find(cx, &d->tenant, &d->found);
}

bool tenant_add(Ctx *cx, Str name, Str slug, Tenant *out)
{
    Doing d = { .name = name, .slug = slug };

    cx->tenant.v = uuid_new(cx->now);
    if (!write_tx(cx, lane_of(cx->tenant.v), add, &d))
        return false;
    *out = d.tenant;
    return true;
}

SQL(tenant_make,
    "INSERT INTO tenant (id, name, slug, created_at) VALUES ($1, $2, $2, $3)"
    " ON CONFLICT DO NOTHING");

static bool ensure(Ctx *cx, void *arg)
{
    (void)arg;
    return sql_run(cx, &tenant_make, NULL, V(uuid_str(cx->mem, cx->tenant.v)),
                   V(cx->now));
}

bool tenant_ensure(Ctx *cx)
{
    return write_tx(cx, lane_of(cx->tenant.v), ensure, NULL);
}
