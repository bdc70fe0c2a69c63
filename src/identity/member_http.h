/* member_http.h - the routes by which admins see and change the people of their tenant.
 *
 *   GET    /auth/admin/users               ADMINS  ?email=          -> 200 list of
 *          member_shape
 *   GET    /auth/admin/users/:id           ADMINS                   -> 200
 *          member_reply_shape
 *   PUT    /auth/admin/users/:id/role      ADMINS  role_in_shape    -> 200
 *          member_reply_shape
 *   PUT    /auth/admin/users/:id/status    ADMINS  status_in_shape  -> 200
 *          member_reply_shape
 *   DELETE /auth/admin/users/:id/sessions  ADMINS                   -> 204
 *
 * Needs: member, net.  Used by: web (the table of routes). */
#pragma once
#include "identity/member.h"
#include "net/req.h"

extern const Shape member_query_shape, member_reply_shape, role_in_shape, status_in_shape;

Handler member_index, member_show, member_role, member_status, member_leave;
