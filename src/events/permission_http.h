/* permission_http.h - what the asker may do at a venue.
 *   GET  /api/v1/venues/:id/permissions      SIGNED_IN -> 200 permissions_shape
 *   POST /auth/internal/validate-permissions  MACHINES | MAY_USERS_READ: the same about
 *   somebody
 * Needs: venue, identity (permission), net.  Used by: web (the table of routes). */
#pragma once
#include "net/req.h"

extern const Shape permissions_shape, validate_shape, validated_shape;

Handler permission_show, permission_validate;
