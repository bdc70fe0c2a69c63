/* machine.c - a credential that came and doesn't hold is refused also where none is
 * needed: a program that sends one should hear that it is wrong at the first request. */
#include "access/machine.h"
#include "access/api_key.h"
#include "access/request_hmac.h"
#include "access/service_jwt.h"

typedef enum Way { MAY_WAIT, MUST_NOT_WAIT } Way;

/* Who names no user acts in his own name. */
static bool let_in(Ctx *cx, const Peer *p)
{
    UserId self = { p->machine };

    cx->who = (Who){ .user = uuid_zero(p->user.v) ? self : p->user, .comer = A_PEER,
                     .machine = self.v, .service = p->service, .scopes = p->scopes,
                     .home = p->tenant };
    cx->tenant = p->tenant;
    return true;
}

static bool read_token(Ctx *cx, Str token)
{
    Peer p;
    return service_check(cx, token, &p) && let_in(cx, &p);
}

static bool read_jwt(Ctx *cx, Str token)
{
    Peer p;
    return service_check_jwt(cx, token, &p) && let_in(cx, &p);
}

static bool read_signed(Ctx *cx, const Req *rq)
{
    Peer p;
    return request_check(cx, rq, &p) && let_in(cx, &p);
}

static bool read_key(Ctx *cx, Str key, Str peer, Way way)
{
    KeyHolder k;

    if (way == MAY_WAIT ? !api_key_check(cx, key, peer, &k) : !api_key_recall(cx, key, &k))
        return false;
    cx->who = (Who){ .user = k.user, .comer = A_KEY, .machine = k.id, .service = S("api-key"),
                     .scopes = k.scopes, .home = k.tenant };
    cx->tenant = k.tenant;
    return true;
}

static bool look(Ctx *cx, const Req *rq, Str bearer, Way way)
{
    Str token = req_header(rq, S("x-service-token")), key = req_header(rq, S("x-api-key"));

    if (token.at != NULL)
        return read_token(cx, token);
    if (key.at != NULL)
        return read_key(cx, key, rq->peer, way);
    if (bearer.at != NULL && jwt_is_of_service(cx->mem, bearer))
        return read_jwt(cx, bearer);
    return way == MUST_NOT_WAIT || !request_is_signed(rq) || read_signed(cx, rq);
}

bool machine_read(Ctx *cx, const Req *rq, Str bearer)
{
    return look(cx, rq, bearer, MAY_WAIT);
}

bool machine_recall(Ctx *cx, const Req *rq, Str bearer)
{
    return look(cx, rq, bearer, MUST_NOT_WAIT);
}
