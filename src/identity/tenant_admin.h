/* tenant_admin.h - tenants, as whoever runs the installation sees and changes them.
 *
 * A suspended tenant pauses: within a second no token of it is taken anywhere, nobody
 * signs in or refreshes, and when it goes on sessions do too.
 * Needs: tenant, revoked, note.  Used by: tenant_http, cli. */
#pragma once
#include "identity/tenant.h"

enum { SETTINGS_MOST = 8 << 10 };

/* In the order of their ids, from `from` (zero: the first); spans tenants. */
CHECKED bool tenant_list(Ctx *cx, TenantId from, i64 most, Tenant **rows, isize *count);

/* The tenant with that id; sets cx->tenant to it. Fails NOT_FOUND. */
CHECKED bool tenant_get(Ctx *cx, TenantId id, Tenant *out);

/* Sets cx->tenant to it.
 *   fails   NOT_FOUND; INVALID_STATE: the asker's own */
CHECKED bool tenant_set_status(Ctx *cx, TenantId id, TenantStatus status, Tenant *out);

/* Of cx->tenant. Fails VALIDATION_ERROR: no JSON object, too large, or a
 * policy for passwords that there is none of (policy.h). */
CHECKED bool tenant_set_settings(Ctx *cx, Str settings, Tenant *out);
