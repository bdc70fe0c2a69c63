/* response.c - answers of one turn wait for each other, so that pipelined requests cost
 * one write. */
#include "net/response.h"
#include "net/io.h"

void response_flush(Conn *c)
{
    OutBuf *out = &c->io->out;
    bool alive = conn_put(c, (Str){ out->at, out->len });

    out->len = 0;
    if (alive && (c->state == C_IDLE || c->state == C_SKIPPING))
        conn_settle(c);
}

void response_put(Conn *c, const Req *rq)
{
    Io *io = c->io;
    char *to = io_room(io, wire_size(&io->desk.wire, rq));

    c->closes |= rq->reply.close || rq->reply.stream != NULL || io->server->draining;
    c->closes |= c->link.via->shared;
    WireHow how = { c->closes, c->keep_old };
    io->out.len += wire_write(&io->desk.wire, rq, how, to);
    c->state = C_IDLE;
}

void response_give(Conn *c, Ctx *cx, Req *rq, Mono came)
{
    Io *io = c->io;
    StreamWish *wish = rq->reply.stream;

    response_put(c, rq);
    io->counts.requests++;
    if (wish != NULL) {
        must(wish->page == NULL);                 /* that is a worker's       */
        c->state = C_AT_WORK;
        response_flush(c);
        if (c->state != C_GONE)
            stream_start(c, wish);
    }
    desk_end(&io->desk, cx, rq, came);
}

static void put_allow(Ctx *cx, Req *rq)
{
    Buf b = buf_in(cx->mem, 64);

    for (int m = 0; m < M_OTHER; m++)
        if (rq->allow & 1u << m) {
            if (b.len > 0)
                buf_lit(&b, ", ");
            buf_add(&b, names_str(&method_names, m));
        }
    reply_header(cx, rq, S("Allow"), buf_str(&b));
}

void response_refuse(Conn *c, Req *rq, FaultCode fault, const char *why)
{
    Desk *d = &c->io->desk;
    Ctx cx = desk_begin(d);

    fail(&cx, fault, "%s", why);
    if (fault == METHOD_NOT_ALLOWED)
        put_allow(&cx, rq);
    desk_refuse(d, &cx, rq);
    c->io->counts.refused++;
    response_give(c, &cx, rq, c->io->now);
}

void response_refuse_and_close(Conn *c, Req *rq, FaultCode fault, const char *why)
{
    c->closes = c->lingers = true;
    response_refuse(c, rq, fault, why);
}
