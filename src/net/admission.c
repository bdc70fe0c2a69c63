/* admission.c - what is decided before a worker hears of a request: whether anybody
 * answers here, whether the body may come and is all there. A worker gets whole
 * requests only, so no slow sender ever costs one. */
#include "net/admission.h"
#include <string.h>
#include "net/ask.h"
#include "net/io.h"
#include "net/learn.h"
#include "net/response.h"

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
    response_give(c, &cx, rq, came);
}

static bool to_work(Conn *c, Job *j)
{
    struct Server *s = c->io->server;

    return ((j->rq.route->is & ASIDE) != 0 && queue_push(&s->aside.queue, &j->link)) ||
           queue_push(&s->pool.queue, &j->link);
}

void admission_submit(Conn *c)
{
    Job *j = c->job;
    bool here = (j->rq.route->is & INLINE) != 0;

    j->rq.body = j->body == NULL ? S("") : (Str){ j->body, j->body_len };
    if (!here && to_work(c, j)) {
        conn_become(c, C_AT_WORK, DUE_NONE);
        return;
    }
    c->job = NULL;
    if (here)
        serve_here(c, &j->rq, j->came);
    else
        response_refuse(c, &j->rq, BUSY, "work queue is full");
    job_free(&c->io->jobs, j);
}

void admission_give_up(Conn *c, FaultCode fault, const char *why)
{
    Job *j = c->job;
    Req rq = j != NULL ? j->rq : stranger(c);

    c->job = NULL;
    response_refuse_and_close(c, &rq, fault, why);
    if (j != NULL)
        job_free(&c->io->jobs, j);
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
        admission_submit(c);
        return;
    }
    if (h->expect_continue && in->len == 0) {
        static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";
        memcpy(io_room(c->io, sizeof go), go, sizeof go - 1);
        c->io->out.len += (isize)sizeof go - 1;
    }
    conn_become(c, C_BODY, DUE_BODY);
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
        response_give(c, &cx, rq, c->io->now);
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

static bool is_options(const Head *h, const RouteMatch *m)
{
    return h->method == M_OPTIONS && m->route == NULL && m->allow != 0;
}

void admission_decide(Conn *c, const Head *h, Str *in, Look look)
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
        response_refuse(c, &rq, fault, fault_facts(fault)->code);
    else
        begin_job(c, h, &rq, in);
    if (c->skip > 0 && c->state == C_IDLE)
        c->state = C_SKIPPING;
}
