/* key_http.h - the signing keys, for whoever runs the installation.
 *
 *   GET  /.well-known/jwks.json       OPEN                    -> 200 {"keys":[...]}
 *   GET  /auth/admin/keys             SUPERS                  -> 200 list of key_shape
 *   POST /auth/admin/keys/rotate      SUPERS  rotate_shape    -> 200 rotated_shape
 *
 * Needs: key, net.  Used by: web (the table of routes). */
#pragma once
#include "identity/key.h"
#include "net/req.h"

extern const Shape rotate_shape, rotated_shape;

Handler key_set, key_index, key_turn;
