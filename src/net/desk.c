/* desk.c - see desk.h. */
#include "net/desk.h"

enum { KEPT = 64 << 10 };           /* of the arena, from one request to the next */

Ctx desk_begin(Desk *d)
{
    return ctx_new(&d->mem, (TenantId){ 0 });
}

void desk_serve(Desk *d, Ctx *cx, Req *rq)
{
    d->hooks->serve(cx, rq);
    must(rq->reply.status != 0);
}

/* Fault codes whose answer names when to come again (RFC 9110 10.2.3). */
static Str retry_after(const Ctx *cx)
{
    return cx->fault.retry_after > 0 ? str_fmt(cx->mem, "%d", cx->fault.retry_after)
                                     : S("1");
}

void desk_refuse(Desk *d, Ctx *cx, Req *rq)
{
    if (cx->fault.code == BUSY)
        reply_header(cx, rq, S("Retry-After"), retry_after(cx));
    d->hooks->refuse(cx, rq);
    must(rq->reply.status != 0);
}

void desk_clear(Desk *d) { arena_reset(&d->mem, KEPT); }

void desk_end(Desk *d, Ctx *cx, const Req *rq, Mono came)
{
    if (d->hooks->done != NULL)
        d->hooks->done(cx, rq, mono_us(came, mono_now()));
    desk_clear(d);
}
