/* api_key_http.h - the keys of a tenant's programs, for its admins.
 *
 *   GET    /auth/admin/api-keys      ADMINS           -> 200 list of api_key_shape
 *   POST   /auth/admin/api-keys      ADMINS, FRESH    -> 201 with the key, this once
 *   DELETE /auth/admin/api-keys/:id  ADMINS           -> 204
 *
 * Needs: api_key, net.  Used by: web (the table of routes). */
#pragma once
#include "access/api_key.h"
#include "net/req.h"

extern const Shape api_key_in_shape, api_key_made_shape;

Handler api_key_index, api_key_post, api_key_delete;
