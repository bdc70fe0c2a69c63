/* webhook.h - a message of a machine that proves who sent it, and when.
 *
 * Three headers: x-webhook-timestamp (Unix milliseconds), x-webhook-nonce, and
 * x-internal-signature, the hex HMAC-SHA256 of `timestamp:nonce:body`, where the
 * body is its JSON with members sorted by name at every depth and no spaces. So
 * a proxy that re-serialises the body breaks nothing.
 * Needs: base, net.  Used by: sandbox_http.c, tickets (the webhook routes). */
#pragma once
#include "base/crypto.h"
#include "net/req.h"

#define WEBHOOK_WINDOW  minutes(5)                /* from now, either way     */
#define WEBHOOK_NONCE_KEPT minutes(10)            /* twice the window         */
enum { WEBHOOK_HEADERS = 3 };

/* What was proved. The caller must then take `nonce` (unique per endpoint, until
 * `until`) in the transaction that does the work, so that a nonce is spent exactly
 * when its webhook has had its effect. */
typedef struct Webhook { Str nonce; Instant sent, until; } Webhook;

/* Checks signature, then time; a nonce of a forged message is never spent.
 *   gives   *out, its texts as long as rq
 *   fails   INVALID_SIGNATURE (nothing more is told), BAD_JSON */
CHECKED bool webhook_check(Ctx *cx, const Req *rq, Webhook *out);

/* Signs `body`, a JSON object, as of cx->now with a fresh nonce. */
CHECKED bool webhook_sign(Ctx *cx, Str body, Header out[WEBHOOK_HEADERS]);

/* The key that both use, borrowed; none: every webhook is refused. Set at boot. */
void webhook_key(Secret key);
