/* permission_http.h - what the asker may do at a venue.
 *   GET /api/v1/venues/:id/permissions  SIGNED_IN -> 200 permissions_shape
 * Needs: venue, identity (permission), net.  Used by: web (the table of routes). */
#pragma once
#include "net/req.h"

extern const Shape permissions_shape;

Handler permission_show;
