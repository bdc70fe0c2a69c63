/* foreign_http.h - which subjects of other issuers an account is, for admins.
 *
 *   GET    /auth/admin/users/:id/identities         ADMINS        -> 200 list of
 *          foreign_link_shape
 *   POST   /auth/admin/users/:id/identities         ADMINS, FRESH -> 201
 *          foreign_link_shape
 *   DELETE /auth/admin/users/:id/identities/:link   ADMINS        -> 204
 *
 * Needs: foreign, net.  Used by: web (the table of routes). */
#pragma once
#include "identity/foreign.h"
#include "net/req.h"

extern const Shape foreign_in_shape;

Handler foreign_index, foreign_post, foreign_delete;
