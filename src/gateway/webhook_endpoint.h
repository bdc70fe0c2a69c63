/* webhook_endpoint.h - where an integrator wants to hear what happens in his tenant.
 *
 * Deliveries of an endpoint are numbered without holes. `told` is the last number that
 * was given, `sent` the last that arrived; what lies between waits. A replay sets `sent`
 * back. Its secret is shown when it is made and when it changes, and rests sealed; the
 * one before signs beside it for a day.
 * Needs: store, identity (seal, note).  Used by: webhook_http, webhook_send,
 * webhook_feed. */
#pragma once
#include "base/crypto.h"
#include "store/store.h"

enum { WEBHOOK_ENDPOINTS_MOST = 20, ENDPOINT_URL_MOST = 1000, ENDPOINT_SECRET_BYTES = 32 };
#define ENDPOINT_OVERLAP hours(24)

typedef struct { Uuid v; } EndpointId;
typedef enum EndpointStatus { ENDPOINT_ACTIVE, ENDPOINT_PAUSED,
                              ENDPOINT_FAILED } EndpointStatus;

typedef struct WebhookEndpoint {
    EndpointId id;
    Str     url, eventTypes, description;         /* eventTypes: JSON list    */
    int     status;
    i64     told, sent, tries;                    /* tries: since the last success */
    Instant tryAt, failingSince, oldSecretUntil;
    Str     lastError;
    Instant createdAt, updatedAt;
} WebhookEndpoint;
extern const Shape endpoint_shape;

/* Whom endpoints may be: only https on the internet, or anything. Set at boot, with the
 * master of what seals secrets. */
typedef enum EndpointReach { REACH_PUBLIC, REACH_ANYONE } EndpointReach;
void endpoint_setup(const Secret *master, EndpointReach reach);
EndpointReach endpoint_reach(void);

/* All of cx->tenant; each opens its own transaction, and what changes is on record. */

/*   gives   *secret, shown now and never again: whsec_...
 *   fails   INVALID_STATE: the tenant has WEBHOOK_ENDPOINTS_MOST already */
CHECKED bool endpoint_add(Ctx *cx, Str url, Str types, Str description,
                          WebhookEndpoint *out, Str *secret);
CHECKED bool endpoint_list(Ctx *cx, WebhookEndpoint **rows, isize *count);
CHECKED bool endpoint_get(Ctx *cx, EndpointId id, WebhookEndpoint *out);   /* NOT_FOUND */
CHECKED bool endpoint_remove(Ctx *cx, EndpointId id);                     /* NOT_FOUND */
CHECKED bool endpoint_rotate(Ctx *cx, EndpointId id, WebhookEndpoint *out, Str *secret);

/* What is absent (status: -1) stays. ACTIVE tries at once and forgets its failures. */
typedef struct EndpointChange { Str url, types, description; int status; } EndpointChange;
CHECKED bool endpoint_change(Ctx *cx, EndpointId id, const EndpointChange *in,
                             WebhookEndpoint *out);

/* Sends again from number `from` on.
 *   fails   NOT_FOUND; VALIDATION_ERROR: more than `sent` + 1 */
CHECKED bool endpoint_replay(Ctx *cx, EndpointId id, i64 from, WebhookEndpoint *out);

/* The secrets that sign now, opened: one or two.
 *   tx  runs inside the caller's */
typedef struct EndpointSecrets { Str now, before; } EndpointSecrets;
CHECKED bool endpoint_secrets(Ctx *cx, EndpointId id, EndpointSecrets *out);
