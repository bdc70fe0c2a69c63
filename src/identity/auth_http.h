/* auth_http.h - the handlers under /auth and the shapes of their bodies.
 *
 *   POST /auth/register      OPEN       register_shape -> 201 signed_in_shape
 *   POST /auth/login         OPEN       login_shape    -> 200 signed_in_shape
 *   POST /auth/refresh       OPEN       refresh_shape  -> 200 tokens_shape
 *   POST /auth/logout        SIGNED_IN  no body needed -> 200 done_shape
 *   POST /auth/revoke     OPEN       revoke_shape   -> 200 done_shape
 *   GET  /auth/me            SIGNED_IN                 -> 200 me_shape
 *   GET  /auth/verify-email  OPEN       ?token=        -> 200 done_shape
 *
 * Needs: login, session, net.  Used by: web (the table of routes). */
#pragma once
#include "identity/login.h"
#include "net/req.h"

extern const Shape register_shape, login_shape, refresh_shape, revoke_shape, me_shape, done_shape;

Handler auth_register, auth_login, auth_refresh, auth_logout, auth_revoke, auth_me, auth_verify_email;

