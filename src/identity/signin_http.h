/* signin_http.h - the handlers of one's sessions and one's profile.
 *
 *   GET    /auth/sessions          SIGNED_IN  -> 200 list of signin_shape
 *   DELETE /auth/sessions/:id      SIGNED_IN  -> 204
 *   DELETE /auth/sessions/all      SIGNED_IN  -> 200 sessions_ended_shape, also the one
 *   that asks DELETE /auth/sessions/others   SIGNED_IN  -> 200 sessions_ended_shape
 *   POST   /auth/logout            SIGNED_IN  -> 200 done_shape
 *   GET    /auth/profile           SIGNED_IN  -> 200 me_shape
 *   PUT    /auth/profile           SIGNED_IN  profile_shape -> 200 me_shape
 *
 * Needs: signin, person, net.  Used by: web (the table of routes). */
#pragma once
#include "net/req.h"

extern const Shape sessions_ended_shape, profile_shape;

Handler signin_index, signin_remove, signin_remove_all, signin_remove_others,
        signin_leave, profile_show, profile_update;
