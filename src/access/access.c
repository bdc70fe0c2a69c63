/* access.c - see access.h. */
#include "access/access.h"
#include "access/api_key.h"
#include "access/refusal.h"
#include "access/service_revoked.h"

bool access_open(Arena *mem, const ServiceConfig *services, Str *why)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);

    if (!service_open(mem, services, why))
        return false;
    api_key_open();
    if (service_revoked_watch(&cx))
        return true;
    *why = str_fmt(mem, "what was taken back can't be read: %s", cx.fault.why);
    access_close();
    return false;
}

void access_close(void)
{
    refusal_clear();
    api_key_close();
    service_close();
}

bool access_watch(Ctx *cx)
{
    service_watch(cx);
    return service_revoked_watch(cx) && api_key_watch(cx);
}

bool access_sweep(Ctx *cx)
{
    i64 gone;

    return service_revoked_sweep(cx, &gone) && api_key_sweep(cx, &gone);
}
