/* exchange.c - the bytes of a connection, in turn: a head, its body, the next head. */
#include "net/exchange.h"
#include <string.h>
#include "net/admission.h"
#include "net/ask.h"
#include "net/io.h"
#include "net/response.h"

enum { OUT_MOST = 64 << 10,         /* answers that wait for one write        */
       READ_AT_ONCE = 32 << 10 };   /* of a body                              */

static void send_any(Conn *c)
{
    if (c->io->out.len > 0)
        response_flush(c);
}

/* A promise takes no memory: room is made for what has come, so what is kept of all bodies
 * at once is what somebody has sent. */
static bool make_room(Conn *c, isize more)
{
    JobShelf *shelf = c->link.via->shared ? NULL : &c->io->jobs;

    if (job_grow(shelf, c->job, more))
        return true;
    admission_give_up(c, BUSY, "bodies of all");
    return false;
}

static void take_chunks(Conn *c, Str *in)
{
    Job *j = c->job;
    FaultCode fault = OK;

    if (!make_room(c, in->len))
        return;
    switch (chunked_read(&j->chunked, in, j->body, &j->body_len, j->body_most, &fault)) {
    case HEAD_DONE:
        admission_submit(c);
        return;
    case HEAD_BAD:
        admission_give_up(c, fault, "chunked body");
        return;
    case HEAD_MORE:
        return;
    }
}

static void take_body(Conn *c, Str *in)
{
    Job *j = c->job;

    if (j->body_want < 0) {
        take_chunks(c, in);
        return;
    }
    isize n = j->body_want - j->body_len < in->len ? (isize)j->body_want - j->body_len
                                                   : in->len;
    if (!make_room(c, n))
        return;
    memcpy(j->body + j->body_len, in->at, (size_t)n);
    *in = str_sub(*in, n, in->len);
    j->body_len += n;
    if (j->body_len == j->body_want)
        admission_submit(c);
}

void exchange_read_body(Conn *c)
{
    Job *j = c->job;
    i64 left = j->body_want - j->body_len;
    isize n = 0;

    if (make_room(c, left < READ_AT_ONCE ? (isize)left : READ_AT_ONCE)) {
        isize room = j->body_cap - j->body_len;
        n = conn_read(c, j->body + j->body_len, left < room ? (isize)left : room);
        if (n == 0)
            return;
        j->body_len += n;
        if (j->body_len < j->body_want)
            return;
        admission_submit(c);
    }
    send_any(c);
}

/* False when the rest of the head has yet to come. */
static bool take_head(Conn *c, Str *in)
{
    Io *io = c->io;
    HeadResult got = head_read(&io->desk.mem, *in, &io->head);

    if (got == HEAD_MORE) {
        if (c->state == C_IDLE)
            conn_become(c, C_HEAD, DUE_HEAD);
        return false;
    }
    *in = str_sub(*in, io->head.size, in->len);
    if (got == HEAD_BAD)
        admission_give_up(c, io->head.fault, io->head.why);
    else
        admission_decide(c, &io->head, in, FIRST_LOOK);
    desk_clear(&io->desk);
    return true;
}

static void take_skipped(Conn *c, Str *in)
{
    isize n = c->skip < in->len ? (isize)c->skip : in->len;

    *in = str_sub(*in, n, in->len);
    c->skip -= n;
    if (c->skip == 0)
        conn_become(c, C_IDLE, DUE_IDLE);
}

/* One step of the digestion; false when it can't go on. */
static bool take(Conn *c, Str *in)
{
    switch (c->state) {
    case C_IDLE:
    case C_HEAD:     return !c->closes && take_head(c, in);
    case C_BODY:     take_body(c, in); return true;
    case C_SKIPPING: take_skipped(c, in); return true;
    case C_FORWARDING: return ask_take(c, in);
    default:         return false;
    }
}

void exchange_digest(Conn *c, Str *in)
{
    OutBuf *out = &c->io->out;

    while (in->len > 0 && take(c, in))
        if (out->len >= OUT_MOST)
            response_flush(c);
    send_any(c);
}

/* ---- in pieces ------------------------------------------------------------ */

void exchange_open(Conn *c, Str text, BodyToCome body)
{
    Io *io = c->io;
    Str nothing = S("");

    HeadResult got = head_read(&io->desk.mem, text, &io->head);
    must(got != HEAD_MORE);
    if (got == HEAD_BAD) {
        exchange_give_up(c, io->head.fault, io->head.why);
        return;
    }
    if (body == BODY_NONE && io->head.length < 0)
        io->head.length = 0;
    io->head.chunked = body == BODY_FOLLOWS && io->head.length < 0;
    admission_decide(c, &io->head, &nothing, FIRST_LOOK);
    send_any(c);
    desk_clear(&io->desk);
}

void exchange_feed(Conn *c, Str bytes)
{
    Job *j = c->job;
    i64 most = j->body_want < 0 ? j->body_most : j->body_want;

    if (bytes.len > most - j->body_len) {
        exchange_give_up(c, CONTENT_TOO_LARGE, "body");
        return;
    }
    if (!make_room(c, bytes.len))
        return;
    memcpy(j->body + j->body_len, bytes.at, (size_t)bytes.len);
    j->body_len += bytes.len;
}

void exchange_end(Conn *c)
{
    if (c->state != C_BODY)
        return;
    admission_submit(c);
    send_any(c);
}

void exchange_give_up(Conn *c, FaultCode fault, const char *why)
{
    Desk *d = &c->io->desk;

    admission_give_up(c, fault, why);
    response_flush(c);
    desk_clear(d);
}

void exchange_too_late(Conn *c)
{
    exchange_give_up(c, REQUEST_TIMEOUT, "too slow");
}
