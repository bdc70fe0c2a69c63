/* privacy_http.h - asking to be forgotten.
 *   POST /auth/gdpr/delete  SIGNED_IN, FRESH  forget_shape -> 200 forgotten_shape
 * Needs: privacy, net.  Used by: web (the table of routes). */
#pragma once
#include "identity/privacy.h"
#include "net/req.h"

extern const Shape forget_shape, forgotten_shape;

Handler privacy_delete;
