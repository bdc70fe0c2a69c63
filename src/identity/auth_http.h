/* auth_http.h - the handlers under /auth and the shapes of their bodies.
 *
 *   POST /auth/register      OPEN       register_shape -> 201 signed_in_shape
 *   POST /auth/login         OPEN       login_shape    -> 200 entered_shape
 *   POST /auth/refresh       OPEN       refresh_shape  -> 200 tokens_shape
 *   POST /auth/revoke     OPEN       revoke_shape   -> 200 done_shape
 *   GET  /auth/me            SIGNED_IN                 -> 200 me_shape
 *
 * Needs: login, session, net.  Used by: web (the table of routes). */
#pragma once
#include "identity/login.h"
#include "net/req.h"

extern const Shape register_shape, login_shape, refresh_shape, revoke_shape, me_shape,
                   done_shape;

Handler auth_register, auth_login, auth_refresh, auth_revoke, auth_me;

/* What the handlers of the factors (mfa_http.c and its kin) share. */
Caller http_caller(const Req *rq);
void   http_use_tenant(Ctx *cx, TenantId t);      /* of a body; zero: as it is */
void   http_keep_private(Ctx *cx, Req *rq);       /* no-store: RFC 6749 section 5.1 */
typedef struct Done { bool success; } Done;
extern const Done http_done;

/* How long answers take at least, in milliseconds, so that their time tells nothing. */
void auth_floors(i64 login, i64 forgot, i64 jitter);
void http_hold_forgot(Req *rq);

