/* request_hmac.h - one request that a service has signed: the older way than a token.
 *
 *   x-internal-service    its id                   x-internal-timestamp   Unix
 *   milliseconds x-internal-nonce      16 letters or more       x-internal-body-hash
 *   hex SHA-256, of a body x-internal-signature  hex HMAC-SHA256 of
 *   service:timestamp:nonce:METHOD:target:bodyHash
 *
 * with that service's secret. `target` is path and query as they were sent; without a
 * body the last part is empty. A request is good once and within a minute; it may do what
 * the list says of its service. Only what is under /internal is asked in this way.
 * Needs: service, kv, net.  Used by: machine. */
#pragma once
#include "access/service.h"
#include "net/req.h"

#define REQUEST_WINDOW minutes(1)

/* True when this request says that it is signed so. */
bool request_is_signed(const Req *rq);

/*   fails   INVALID_SERVICE_TOKEN (its form), UNTRUSTED_SERVICE,
 *           INVALID_SERVICE_SIGNATURE (also: another body, another time, or seen before),
 *           SERVICE_REVOKED; KV_UNAVAILABLE */
CHECKED bool request_check(Ctx *cx, const Req *rq, Peer *out);
