/* internal_http.h - what other services may ask about the people of a tenant.
 *
 *   GET  /auth/internal/users/:id                MACHINES | MAY_USERS_READ  -> 200 person
 *   GET  /auth/internal/users/by-email/:email    the same   -> 200 person, or found false
 *   GET  /auth/internal/users/admins             ?roles=     -> 200 who runs the tenant
 *   GET  /auth/internal/user-tenant/:id          SERVICES | MAY_USERS_READ  -> 200 whose
 *        he is
 *   POST /auth/internal/validate-users           userIds, at most 100 -> 200 who there is
 *
 * What a person may do at a venue is asked of events/permission_http.h.
 * Needs: member, net.  Used by: web (the table of routes). */
#pragma once
#include "net/req.h"

extern const Shape known_shape, known_email_shape, ask_users_shape, known_users_shape,
                   known_admins_shape, user_tenant_shape;

Handler internal_user, internal_user_by_email, internal_admins, internal_user_tenant,
        internal_validate_users;
