/* deadletter_http.h - dead letters, for the admins of their tenant.
 * Needs: deadletter, net (req).  Used by: web (the table of routes). */
#pragma once
#include "gateway/deadletter.h"
#include "net/req.h"

extern const Shape deadletter_reply_shape, deadletter_query_shape;

/* GET /api/v1/dead-letters ?state= &type= &userId= -> 200 list, the newest first. */
Handler deadletter_index;
/* GET /api/v1/dead-letters/:id -> 200 {deadLetter} */
Handler deadletter_show;
/* POST /api/v1/dead-letters/:id/retry -> 200 {deadLetter}   INVALID_STATE */
Handler deadletter_try;
/* DELETE /api/v1/dead-letters/:id -> 200 {deadLetter}       INVALID_STATE */
Handler deadletter_drop;
