/* tenant_http.c - read, call, reply. A list's cursor is the id that the next page begins
 * with. Whom `ADMINS` asks about is cx->tenant: his own, or with X-Tenant-Id a
 * super-admin's choice. */
#include "identity/tenant_http.h"

typedef struct TenantReply { Tenant tenant; } TenantReply;
const Shape tenant_reply_shape = SHAPE(TenantReply,
    OBJECT(TenantReply, tenant, &tenant_shape, 0, "the tenant"));

typedef struct TenantIn { Str name, slug; } TenantIn;
const Shape tenant_in_shape = SHAPE(TenantIn,
    TEXT(TenantIn, name, 1, 200, 0, "what people call it"),
    TEXT(TenantIn, slug, 1, 63, 0, "its name in addresses: a-z, 0-9 and - between"));

static const Names settable = { (const char *const[]){ "ACTIVE", "SUSPENDED",
                                                       "INACTIVE" }, 3 };
typedef struct TenantStatusIn { int status; } TenantStatusIn;
const Shape tenant_status_shape = SHAPE(TenantStatusIn,
    NAME(TenantStatusIn, status, &settable, 0, "whether it does business"));

typedef struct SettingsIn { Str settings; } SettingsIn;
const Shape settings_in_shape = SHAPE(SettingsIn,
    RAW(SettingsIn, settings, 0, "an object, in place of the one before"));

bool tenant_index(Ctx *cx, Req *rq)
{
    Tenant *rows;
    isize count;
    TenantId from = { 0 };
    Page page;
    Str next = { 0 };

    if (!req_page_id(cx, rq, &page, &from.v) ||
        !tenant_list(cx, from, page.limit + 1, &rows, &count))
        return false;
    if (page_cut(&page, &count))
        next = uuid_str(cx->mem, rows[count].id.v);
    return reply_list(cx, rq, &tenant_shape, rows, count, page.limit, next);
}

static bool check_slug(Ctx *cx, Str s)
{
    bool good = s.at[0] != '-' && s.at[s.len - 1] != '-';

    for (isize i = 0; i < s.len; i++) {
        char c = s.at[i];
        good &= (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }
    return good || fail_field(cx, S("slug"), "must be a-z, 0-9 and - between");
}

bool tenant_create(Ctx *cx, Req *rq)
{
    TenantIn in;
    TenantReply out;

    return req_read(cx, rq, &tenant_in_shape, &in) && check_slug(cx, in.slug) &&
           tenant_add(cx, in.name, in.slug, &out.tenant) &&
           reply(cx, rq, 201, &tenant_reply_shape, &out);
}

bool tenant_show(Ctx *cx, Req *rq)
{
    TenantId id;
    TenantReply out;

    return req_id(cx, rq, "id", &id.v) && tenant_get(cx, id, &out.tenant) &&
           reply(cx, rq, 200, &tenant_reply_shape, &out);
}

bool tenant_status(Ctx *cx, Req *rq)
{
    TenantId id;
    TenantStatusIn in;
    TenantReply out;

    return req_id(cx, rq, "id", &id.v) && req_read(cx, rq, &tenant_status_shape, &in) &&
           tenant_set_status(cx, id, (TenantStatus)in.status, &out.tenant) &&
           reply(cx, rq, 200, &tenant_reply_shape, &out);
}

bool tenant_own(Ctx *cx, Req *rq)
{
    TenantReply out;

    return tenant_get(cx, cx->tenant, &out.tenant) &&
           reply(cx, rq, 200, &tenant_reply_shape, &out);
}

bool tenant_settings(Ctx *cx, Req *rq)
{
    SettingsIn in;
    TenantReply out;

    return req_read(cx, rq, &settings_in_shape, &in) &&
           tenant_set_settings(cx, in.settings, &out.tenant) &&
           reply(cx, rq, 200, &tenant_reply_shape, &out);
}
