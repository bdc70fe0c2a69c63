/* mfa_http.h - the handlers under /auth/mfa, and the shapes of their bodies.
 * Needs: mfa, entry, fresh, net.  Used by: web (the table of routes). */
#pragma once
#include "identity/entry.h"
#include "net/req.h"

extern const Shape mfa_setup_shape, mfa_code_shape, mfa_enabled_shape, mfa_verify_shape,
                   mfa_valid_shape, mfa_codes_shape, mfa_disable_shape;

Handler mfa_setup_http, mfa_verify_setup, mfa_verify, mfa_step_up, mfa_regenerate_http,
        mfa_disable_http;
