/* webhook_http.h - webhooks, for the organisers and admins of a tenant.
 * Needs: webhook_endpoint, webhook_send, net (req).  Used by: web (the table of
 * routes). */
#pragma once
#include "net/req.h"

extern const Shape delivery_query_shape, endpoint_in_shape, endpoint_change_shape,
                   endpoint_reply_shape, endpoint_secret_shape, replay_in_shape,
                   test_out_shape, delivery_shape;

/* POST /api/v1/webhook-endpoints {url,eventTypes?,description?} -> 201
 * {endpoint,secret} */
Handler webhook_create;
/* GET -> 200 list; GET /:id, PUT /:id -> 200 {endpoint}; DELETE /:id -> 204 */
Handler webhook_index, webhook_show, webhook_update, webhook_delete;
/* POST /:id/rotate -> 200 {endpoint,secret}: both secrets sign for a day. */
Handler webhook_rotate;
/* POST /:id/replay {from} -> 200 {endpoint} */
Handler webhook_replay;
/* POST /:id/test -> 200 {delivered,httpStatus?,ms,error?}: one that is not counted. */
Handler webhook_test;
/* GET /:id/deliveries ?status= &type= -> 200 list, the newest first. */
Handler webhook_deliveries;
