/* publish_http.h - where other services say what happened.
 * Needs: publish, net (req).  Used by: web (the table of routes). */
#pragma once
#include "net/req.h"

extern const Shape publish_in_shape, publish_out_shape;
extern const Shape publish_batch_in_shape, publish_batch_out_shape;

/* POST /internal/events
 *   {id?|eventId?, type, data|payload, timestamp?, tenantId?, userId?|topic?} -> 202
 *   {id,type,subject,timestamp}; Idempotency-Replayed: true when it came before.
 * Fails VALIDATION_ERROR, MESSAGE_ID_REUSED, NOT_FOUND, INVALID_TENANT, FORBIDDEN,
 * RATE_LIMIT_EXCEEDED (API keys). */
Handler publish_one;

/* POST /internal/events/batch {tenantId?, events:[..]} -> 202 {events:[..]}; all or
 * none. */
Handler publish_batch;
