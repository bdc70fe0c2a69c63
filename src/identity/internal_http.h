/* internal_http.h - what other services may ask about the people of a tenant.
 *
 *   GET  /auth/internal/users/:id                MACHINES | MAY_USERS_READ  -> 200 person
 *   GET  /auth/internal/users/by-email/:email    the same   -> 200 person, or found false
 *   POST /auth/internal/validate-users           userIds, at most 100 -> 200 who there is
 *
 * What a person may do at a venue is asked of events/permission_http.h.
 * Needs: member, net.  Used by: web (the table of routes). */
#pragma once
#include "net/req.h"

extern const Shape known_shape, known_email_shape, ask_users_shape, known_users_shape;

Handler internal_user, internal_user_by_email, internal_validate_users;
