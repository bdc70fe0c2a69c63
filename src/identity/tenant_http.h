/* tenant_http.h - the routes by which tenants are made and run.
 *
 *   GET  /auth/admin/tenants             SUPERS                       -> 200 list of
 *        tenant_shape
 *   POST /auth/admin/tenants             SUPERS  tenant_in_shape      -> 201
 *   tenant_reply_shape
 *   GET  /auth/admin/tenants/:id         SUPERS                       -> 200
 *        tenant_reply_shape
 *   PUT  /auth/admin/tenants/:id/status  SUPERS  tenant_status_shape  -> 200
 *        tenant_reply_shape
 *   GET  /auth/admin/tenant              ADMINS                       -> 200
 *        tenant_reply_shape
 *   PUT  /auth/admin/tenant/settings     ADMINS  settings_in_shape    -> 200
 *        tenant_reply_shape
 *
 * Needs: tenant_admin, net.  Used by: web (the table of routes). */
#pragma once
#include "identity/tenant_admin.h"
#include "net/req.h"

extern const Shape tenant_reply_shape, tenant_in_shape, tenant_status_shape,
                   settings_in_shape;

Handler tenant_index, tenant_create, tenant_show, tenant_status, tenant_own,
        tenant_settings;
