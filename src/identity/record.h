/* record.h - reading the audit: one's own sign-ins, and for admins all of it.
 * Needs: audit, net.  Used by: web (the table of routes).
 *
 *   GET /auth/login-attempts      SIGNED_IN  one's own, also those that failed
 *   GET /auth/admin/audit         ADMINS     ?action= &subject= &actor= &success= &from=
 *   &to= GET /auth/admin/audit/export  ADMINS     the same as application/x-ndjson,
 *   oldest first */
#pragma once
#include "net/req.h"

extern const Shape record_shape, record_query_shape, record_export_query_shape;

Handler record_own, record_list, record_export;
