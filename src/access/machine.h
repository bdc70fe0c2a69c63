/* machine.h - who comes with no account: another service, or a program of a tenant.
 *
 *   X-Service-Token      a service of the list, for any tenant (service.h)
 *   Authorization        the same, as a JWT of class service (service_jwt.h)
 *   x-internal-service   the same, with a signature of this one request (request_hmac.h)
 *   X-API-Key            a program of one tenant (api_key.h)
 *
 * Needs: service, api_key, net.  Used by: guard. */
#pragma once
#include "net/req.h"

/* Looks at what came (`bearer`: of Authorization, or absent) and sets cx->who: comer,
 * machine, service, scopes, and the user and tenant that the credential names; one that
 * names no user acts in its own name. Without one, cx->who.comer stays A_PERSON.
 *   fails   as service_check, request_check, api_key_check */
CHECKED bool machine_read(Ctx *cx, const Req *rq, Str bearer);

/* The same of what needs no waiting: a service's token in either form, an API key as
 * api_key_recall has it.
 *   thread  any: an io thread too */
CHECKED bool machine_recall(Ctx *cx, const Req *rq, Str bearer);
