/* machine.c - a credential that came and doesn't hold is refused also where none is needed:
 * a program that sends one should hear that it is wrong at the first request. */
#include "identity/machine.h"
#include "identity/request_hmac.h"
#include "identity/service.h"

static bool read_service(Ctx *cx, Str token)
{
    Peer p;

    if (!service_check(cx, token, &p))
        return false;
    cx->who = (Who){ .user = p.user, .comer = A_PEER, .machine = p.service->machine,
                     .service = p.service->id, .scopes = p.scopes };
    cx->tenant = p.tenant;
    return true;
}

static bool read_signed(Ctx *cx, const Req *rq)
{
    const Service *s;

    if (!request_check(cx, rq, &s))
        return false;
    cx->who = (Who){ .comer = A_PEER, .machine = s->machine, .service = s->id, .scopes = s->scopes };
    return true;
}

bool machine_read(Ctx *cx, const Req *rq)
{
    Str token = req_header(rq, S("x-service-token"));

    if (token.at != NULL)
        return read_service(cx, token);
    return !request_is_signed(rq) || read_signed(cx, rq);
}
