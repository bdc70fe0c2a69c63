/* service_http.h - the services that may call, and taking that back, for operators.
 * Needs: service, service_revoked, net.  Used by: web (the table of routes).
 *
 *   GET    /auth/admin/services                        who may call, and what for
 *   GET    /auth/admin/services/self                   as whom we call, and our secret's
 *          state
 *   GET    /auth/admin/services/revocations            what is not taken any more
 *   POST   /auth/admin/services/revocations            one service, or one token
 *   DELETE /auth/admin/services/revocations/:service   lets it speak again */
#pragma once
#include "net/req.h"

extern const Shape service_row_shape, self_shape, revoke_in_shape, revocation_shape;

Handler service_index, service_self, revocation_index, revocation_create,
        revocation_remove;
