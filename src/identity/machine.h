/* machine.h - who comes with no account: another service.
 *
 *   X-Service-Token      a service of the list, for any tenant (service.h)
 *   x-internal-service   the same, with a signature of this one request (request_hmac.h)
 *
 * Needs: service, net.  Used by: guard. */
#pragma once
#include "net/req.h"

/* Looks at what came and sets cx->who: comer, machine, service, scopes, and the user and
 * tenant that the credential names. Without one, cx->who.comer stays A_PERSON.
 *   fails   as service_check, request_check */
CHECKED bool machine_read(Ctx *cx, const Req *rq);
