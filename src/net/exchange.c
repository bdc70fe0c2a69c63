/* exchange.c - what is decided before a worker hears of a request: whether anybody
 * answers here, whether the body may come and is all there. A worker gets whole
 * requests only, so no slow sender ever costs one. */
#include "net/exchange.h"
#include <string.h>
#include "net/ask.h"
#include "net/h2.h"
#include "net/io.h"
#include "net/learn.h"

enum { OUT_MOST = 64 << 10,         /* answers that wait for one write       */
       KEPT = 64 << 10 };

void exchange_flush(Conn *c)
{
    OutBuf *out = &c->io->out;
    bool alive = conn_put(c, (Str){ out->at, out->len });

    out->len = 0;
    if (alive && (c->state == C_IDLE || c->state == C_SKIPPING))
        conn_settle(c);
}

void exchange_put(Conn *c, const Req *rq)
{
    Io *io = c->io;
    char *to = io_room(io, wire_size(&io->desk.wire, rq));

    c->closes |= rq->reply.close || rq->reply.stream != NULL || io->server->draining;
    c->closes |= c->link.via->shared;
    WireHow how = { c->closes, c->keep_old };
    io->out.len += wire_write(&io->desk.wire, rq, how, to);
    c->state = C_IDLE;
}

/* Writes the reply behind the other answers of this turn. */
static void give(Conn *c, Ctx *cx, Req *rq, Mono came)
{
    Io *io = c->io;
    StreamWish *wish = rq->reply.stream;

    exchange_put(c, rq);
    io->counts.requests++;
    if (wish != NULL) {
        must(wish->page == NULL);                 /* that is a worker's       */
        c->state = C_AT_WORK;
        exchange_flush(c);
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

static void refuse(Conn *c, Req *rq, FaultCode fault, const char *why)
{
    Desk *d = &c->io->desk;
    Ctx cx = desk_begin(d);

    fail(&cx, fault, "%s", why);
    if (fault == METHOD_NOT_ALLOWED)
        put_allow(&cx, rq);
    desk_refuse(d, &cx, rq);
    c->io->counts.refused++;
    give(c, &cx, rq, c->io->now);
}

static void refuse_and_close(Conn *c, Req *rq, FaultCode fault, const char *why)
{
    c->closes = c->lingers = true;
    refuse(c, rq, fault, why);
}

static Req stranger(Conn *c)
{
    return (Req){ .method = M_OTHER, .peer = { c->peer, c->peer_len },
                  .secure = c->link.tls != NULL };
}

static Req request_of(Conn *c, const Head *h, const RouteMatch *m)
{
    Req rq = stranger(c);

    rq.head = h->method == M_HEAD;
    rq.method = rq.head ? M_GET : h->method;
    rq.target = h->target;
    rq.path = h->path;
    rq.query = h->query;
    rq.headers = h->headers;
    rq.header_count = h->count;
    rq.body = S("");
    rq.allow = m->allow;
    rq.route = m->route;
    rq.param_count = m->count;
    for (int i = 0; i < m->count; i++)
        rq.params[i] = m->params[i];
    return rq;
}

static void serve_here(Conn *c, Req *rq, Mono came)
{
    Ctx cx = desk_begin(&c->io->desk);

    desk_serve(&c->io->desk, &cx, rq);
    give(c, &cx, rq, came);
}

/* The whole request is there. */
static void submit(Conn *c)
{
    Job *j = c->job;
    bool here = (j->rq.route->is & INLINE) != 0;

    j->rq.body = j->body == NULL ? S("") : (Str){ j->body, j->body_len };
    if (!here && queue_push(&c->io->server->pool.queue, &j->link)) {
        conn_become(c, C_AT_WORK, DUE_NONE);
        return;
    }
    c->job = NULL;
    if (here)
        serve_here(c, &j->rq, j->came);
    else
        refuse(c, &j->rq, BUSY, "work queue is full");
    job_free(&c->io->jobs, j);
}

/* Refuses what is half there; nothing of it reaches a worker. */
static void give_up(Conn *c, FaultCode fault, const char *why)
{
    Job *j = c->job;
    Req rq = j != NULL ? j->rq : stranger(c);

    c->job = NULL;
    refuse_and_close(c, &rq, fault, why);
    if (j != NULL)
        job_free(&c->io->jobs, j);
}

static void take_chunks(Conn *c, Str *in)
{
    Job *j = c->job;
    FaultCode fault = OK;

    job_grow(j, in->len);
    switch (chunked_read(&j->chunked, in, j->body, &j->body_len, j->body_most, &fault)) {
    case HEAD_DONE:
        submit(c);
        return;
    case HEAD_BAD:
        give_up(c, fault, "chunked body");
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
    memcpy(j->body + j->body_len, in->at, (size_t)n);
    *in = str_sub(*in, n, in->len);
    j->body_len += n;
    if (j->body_len == j->body_want)
        submit(c);
}

void exchange_read_body(Conn *c)
{
    Job *j = c->job;
    isize n = conn_read(c, j->body + j->body_len, (isize)j->body_want - j->body_len);

    if (n == 0)
        return;
    j->body_len += n;
    if (j->body_len < j->body_want)
        return;
    submit(c);
    if (c->io->out.len > 0)
        exchange_flush(c);
}

static i64 body_most(const Server *s, const Route *route)
{
    return route != NULL && route->body_most > 0 ? route->body_most : s->config.body_most;
}

static bool has_body(const Head *h)
{
    return h->chunked || h->length > 0;
}

static bool wants_body(const Route *r)
{
    return (r->method == M_POST || r->method == M_PUT || r->method == M_PATCH) &&
           (r->in != NULL || r->body_most > 0) && (r->is & MAY_LACK) == 0;
}

/* Copies the request into a job, and its body as it comes. */
static void begin_job(Conn *c, const Head *h, const Req *rq, Str *in)
{
    Job *j = c->job = job_new(&c->io->jobs);

    j->conn = c;
    j->came = c->io->now;
    j->how = (WireHow){ c->closes, c->keep_old };
    j->body_most = body_most(c->io->server, rq->route);
    j->body_want = h->chunked ? -1 : h->length > 0 ? h->length : 0;
    job_fill(j, rq, h);
    if (!has_body(h)) {
        submit(c);
        return;
    }
    if (!h->chunked)
        job_grow(j, (isize)h->length);
    if (h->expect_continue && in->len == 0) {
        static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";
        memcpy(io_room(c->io, sizeof go), go, sizeof go - 1);
        c->io->out.len += (isize)sizeof go - 1;
    }
    conn_become(c, C_BODY, DUE_BODY);
}

static void pass_over_body(Conn *c, const Head *h, FaultCode fault);

typedef enum Look { FIRST_LOOK, LAST_LOOK } Look;

/* The handler decides by the head alone; what it does not send on is refused there. */
static void serve_at_head(Conn *c, const Head *h, Req *rq, Str in, Look look)
{
    Ctx cx = desk_begin(&c->io->desk);

    rq->looked_up = look == LAST_LOOK;
    desk_serve(&c->io->desk, &cx, rq);
    if (rq->reply.forward != NULL) {
        ask_begin(c, &cx, rq, h, in);
        return;
    }
    bool large = h->length > c->io->server->config.body_most;
    pass_over_body(c, h, large ? CONTENT_TOO_LARGE : OK);
    if (look == LAST_LOOK || rq->reply.learn == NULL || !learn_begin(c, rq, h))
        give(c, &cx, rq, c->io->now);
}

static FaultCode judge(const Server *s, const Head *h, const RouteMatch *m)
{
    bool forwards = m->route != NULL && (m->route->is & FORWARDS) != 0;

    if (!forwards && h->length > body_most(s, m->route))
        return CONTENT_TOO_LARGE;
    if (m->route == NULL)
        return m->allow != 0 ? METHOD_NOT_ALLOWED : NOT_FOUND;
    if (h->length < 0 && !h->chunked && wants_body(m->route))
        return LENGTH_REQUIRED;
    return OK;
}

/* The body of a request that is answered without it: read and dropped when it is
 * known how much comes and that it does come. */
static void pass_over_body(Conn *c, const Head *h, FaultCode fault)
{
    if (h->chunked || fault == CONTENT_TOO_LARGE || (has_body(h) && h->expect_continue))
        c->closes = c->lingers = true;
    else
        c->skip = h->length > 0 ? h->length : 0;
}

static bool is_options(const Head *h, const RouteMatch *m)
{
    return h->method == M_OPTIONS && m->route == NULL && m->allow != 0;
}

static void admit(Conn *c, const Head *h, Str *in, Look look)
{
    Server *s = c->io->server;
    RouteMatch m;

    router_find(s->hooks.router, h->method, h->path, &m);
    if (h->method == M_OPTIONS && str_is(h->path, S("*")))
        m.allow = (1u << M_OTHER) - 1;
    FaultCode fault = judge(s, h, &m);
    Req rq = request_of(c, h, &m);
    c->closes = h->close;
    c->keep_old = h->keep_old;
    bool here = is_options(h, &m) && fault == METHOD_NOT_ALLOWED;

    if (fault != OK)
        pass_over_body(c, h, fault);
    if (fault == OK && (m.route->is & FORWARDS))
        serve_at_head(c, h, &rq, *in, look);
    else if (here || (fault == OK && (m.route->is & INLINE) && !has_body(h)))
        serve_here(c, &rq, c->io->now);
    else if (fault != OK)
        refuse(c, &rq, fault, fault_facts(fault)->code);
    else
        begin_job(c, h, &rq, in);
    if (c->skip > 0 && c->state == C_IDLE)
        c->state = C_SKIPPING;
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
    if (got == HEAD_BAD) {
        Req rq = stranger(c);
        refuse_and_close(c, &rq, io->head.fault, io->head.why);
    } else
        admit(c, &io->head, in, FIRST_LOOK);
    arena_reset(&io->desk.mem, KEPT);
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
            exchange_flush(c);
    if (out->len > 0)
        exchange_flush(c);
}

static void send_any(Conn *c)
{
    if (c->io->out.len > 0)
        exchange_flush(c);
}

void exchange_open(Conn *c, Str text, BodyToCome body)
{
    Io *io = c->io;
    Str nothing = S("");

    HeadResult got = head_read(&io->desk.mem, text, &io->head);
    must(got != HEAD_MORE);
    if (got == HEAD_BAD) {
        exchange_refuse(c, io->head.fault, io->head.why);
        return;
    }
    if (body == BODY_NONE && io->head.length < 0)
        io->head.length = 0;
    io->head.chunked = body == BODY_FOLLOWS && io->head.length < 0;
    admit(c, &io->head, &nothing, FIRST_LOOK);
    send_any(c);
    arena_reset(&io->desk.mem, KEPT);
}

void exchange_feed(Conn *c, Str bytes)
{
    Job *j = c->job;
    i64 most = j->body_want < 0 ? j->body_most : j->body_want;

    if (bytes.len > most - j->body_len) {
        exchange_give_up(c, CONTENT_TOO_LARGE, "body");
        return;
    }
    job_grow(j, bytes.len);
    memcpy(j->body + j->body_len, bytes.at, (size_t)bytes.len);
    j->body_len += bytes.len;
}

void exchange_end(Conn *c)
{
    if (c->state != C_BODY)
        return;
    submit(c);
    send_any(c);
}

void exchange_refuse(Conn *c, FaultCode fault, const char *why)
{
    Req rq = stranger(c);

    refuse_and_close(c, &rq, fault, why);
    send_any(c);
    arena_reset(&c->io->desk.mem, KEPT);
}

void exchange_give_up(Conn *c, FaultCode fault, const char *why)
{
    give_up(c, fault, why);
    exchange_flush(c);
}

void exchange_too_late(Conn *c)
{
    exchange_give_up(c, REQUEST_TIMEOUT, "too slow");
}

/* A page is out, or on its way: the next one is made when it has been written, so a slow
 * reader of much never owns more than one. Who makes pages does nothing else: a crowd that
 * comes back takes no worker, and no place in the line, from who buys. A node that shuts
 * down leaves the rest to the one where the client comes again. */
static void go_on(Conn *c)
{
    conn_become(c, C_PAGING, DUE_WRITE);
    if (c->out == NULL)
        exchange_page(c);
}

void exchange_page(Conn *c)
{
    Job *j = c->job;

    j->paging = true;
    if (!c->io->server->draining && queue_push(&c->io->server->pagers.queue, &j->link))
        conn_become(c, C_AT_WORK, DUE_NONE);
    else if (stream_say(c, PART_SHUTDOWN)) {
        c->closes = true;
        conn_settle(c);
    }
}

void exchange_release(Conn *c)
{
    Job *j = c->job;

    c->job = NULL;
    conn_become(c, C_AT_WORK, DUE_NONE);
    c->closes = j->how.close || c->io->server->draining || c->link.via->shared;
    c->io->counts.requests++;
    bool alive = conn_put(c, j->answer);
    if (alive && j->wish != NULL && j->wish->page != NULL) {
        conn_forget(c);
        c->job = j;
        go_on(c);
        return;
    }
    if (alive && j->wish != NULL)
        stream_start(c, j->wish);
    else if (alive)
        conn_settle(c);
    job_free(&c->io->jobs, j);
    if (alive)
        conn_run(c);
}

/* The page has come from the worker. */
static void put_page(Conn *c, Job *j)
{
    bool more = j->wish != NULL && j->wish->page != NULL;

    if (j->wish == NULL || !conn_put(c, j->answer)) {
        if (j->wish == NULL)
            conn_close(c);
        job_free(&c->io->jobs, j);
        return;
    }
    if (more) {
        c->job = j;
        go_on(c);
        return;
    }
    stream_start(c, j->wish);
    job_free(&c->io->jobs, j);
}

/* A worker has learned what was not known. What came behind the head waits still: in `in`, or
 * where HTTP/2 keeps it. */
static void admit_again(Conn *c, Job *j)
{
    Io *io = c->io;
    Str in = { c->in, c->in_len };

    learn_head(j, &io->desk.mem, &io->head);
    c->job = NULL;
    c->lingers = false;
    c->skip = 0;
    admit(c, &io->head, &in, LAST_LOOK);
    send_any(c);
    arena_reset(&io->desk.mem, KEPT);
    job_free(&io->jobs, j);
    if (c->link.via->shared)
        h2_resume(c);
    else
        conn_run(c);
}

/* An answer that is ready too early waits here, where waiting costs no thread. */
void exchange_done(Conn *c, Job *j)
{
    Io *io = c->io;

    if (c->state == C_GONE) {
        c->job = NULL;
        job_free(&io->jobs, j);
        io_bury(io, c);
    } else if (j->rq.reply.not_before.ns > io->now.ns) {
        c->state = C_HELD;
        due_at(&io->dues, &c->due, DUE_HELD, j->rq.reply.not_before);
    } else if (j->paging) {
        c->job = NULL;
        put_page(c, j);
    } else if (learn_done(j))
        admit_again(c, j);
    else
        exchange_release(c);
}
