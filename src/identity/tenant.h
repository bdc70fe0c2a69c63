/* tenant.h - who runs a business here; everything else belongs to one.
 * Needs: store.  Used by: person, login, cli. */
#pragma once
#include "store/store.h"

typedef enum TenantStatus {
    TENANT_ACTIVE, TENANT_SUSPENDED, TENANT_INACTIVE
} TenantStatus;

typedef struct Tenant {
    TenantId id;
    Str      name, slug;
    int      status;
    Str      settings;                            /* JSON                     */
    Instant  createdAt;
} Tenant;
extern const Shape tenant_shape;

/* The tenant with cx->tenant's id.
 *   tx  runs inside the caller's */
CHECKED bool tenant_find(Ctx *cx, Tenant *out, bool *found);

/* That cx->tenant is there and ACTIVE; remembered for a minute.
 *   fails  INVALID_TENANT
 *   tx     opens its own */
CHECKED bool tenant_check(Ctx *cx);

/* What tenant_check remembers of cx->tenant is so no longer. */
CHECKED bool tenant_forget(Ctx *cx);

Str tenant_status_str(TenantStatus status);

/* A new one. Sets cx->tenant to it.
 *   fails  CONFLICT: the slug is taken
 *   tx     opens its own */
CHECKED bool tenant_add(Ctx *cx, Str name, Str slug, Tenant *out);

/* That cx->tenant is there; makes it, named by its id, when it is not. For the CLI.
 *   tx     opens its own */
CHECKED bool tenant_ensure(Ctx *cx);
