/* ask.c - the request is kept in a job, in whose memory the Ask is too, and the log line
 * is written from it when the last byte of the answer has gone.
 *
 * Trailers go only to who said that it takes them (RFC 9110 6.5.1), and go up only behind
 * a body whose length was not told, for one of HTTP/1.1 has no place for them
 * otherwise. */
#include "net/ask.h"
#include <stdlib.h>
#include <string.h>
#include "net/h2.h"
#include "net/io.h"
#include "net/response.h"

enum { LEFT_US = 499 };

/* ---- the log line, and the end --------------------------------------------------- */

static void finish(Ask *a, FaultCode fault, const char *why)
{
    Io *io = a->c->io;
    Outward *s = a->f.lines->in;
    Ctx cx = a->cx;

    cx.mem = &s->mem;
    if (fault != OK)
        fail(&cx, fault, "%.*s: %s", STR_ARGS(a->f.lines->up->config.name), why);
    io->counts.requests++;
    if (io->server->hooks.done != NULL)
        io->server->hooks.done(&cx, &a->job->rq, mono_us(a->job->came, mono_now()));
    arena_reset(&s->mem, ASK_KEPT);
    upstream_let_go(a->f.wish.to);
    job_free(&io->jobs, a->job);
}

static void over(Forward *f, bool unread)
{
    Ask *a = ask_of(f);
    Conn *c = a->c;

    c->ask = NULL;
    c->closes |= unread || c->io->server->draining || a->shared;
    c->lingers |= unread;
    finish(a, OK, "");
    c->state = C_IDLE;
    conn_settle(c);
    if (c->readable || c->fresh)
        io_again(c->io, c);
}

static void cut(Forward *f, const char *why)
{
    Ask *a = ask_of(f);
    Conn *c = a->c;

    c->ask = NULL;
    c->io->out.len = 0;             /* a head that has not gone: it is nobody else's */
    finish(a, BAD_GATEWAY, why);
    conn_close(c);
}

static void refuse(Forward *f, FaultCode fault, int retry_s, const char *why)
{
    Ask *a = ask_of(f);
    Conn *c = a->c;
    Io *io = c->io;
    Outward *s = f->lines->in;
    Ctx cx = a->cx;
    Req *rq = &a->job->rq;

    cx.mem = &s->mem;
    fail(&cx, fault, "%.*s: %s", STR_ARGS(f->lines->up->config.name), why);
    cx.fault.retry_after = retry_s;
    rq->reply = (Reply){ 0 };
    c->ask = NULL;
    if (!f->given && f->has_body)
        c->closes = c->lingers = true;
    io->desk.hooks->refuse(&cx, rq);
    response_put(c, rq);
    a->cx.fault = cx.fault;
    finish(a, OK, "");
    response_flush(c);
    if (c->state != C_GONE && (c->readable || c->fresh))
        io_again(io, c);
}

void ask_leave(Conn *c)
{
    Ask *a = c->ask;

    c->ask = NULL;
    forward_leave(&a->f);
    if (!a->f.answered)
        a->job->rq.reply.status = LEFT_US;
    finish(a, OK, "");
}

/* ---- what is fed, as the upstream takes it ---------------------------------------- */

/* Of what was fed; true unless it ended in this. */
static bool push_fed(Ask *a)
{
    Conn *c = a->c;
    int n = c->in_len;

    if (n > 0 && forward_hungry(&a->f)) {
        c->in_len = 0;
        forward_give(&a->f, (Str){ c->in, n });
        conn_forget(c);
        h2_took(c, n);
    }
    if (a->fed_all && c->in_len == 0 && forward_hungry(&a->f))
        forward_given(&a->f, a->fed_trailers);
    return true;
}

static bool pull(Forward *f)
{
    Ask *a = ask_of(f);
    Conn *c = a->c;

    if (a->shared)
        return push_fed(a);
    conn_run(c);
    return c->ask == a;
}

static const AskerVia via = { ask_interim, ask_head, ask_body, ask_end, ask_flush,
                              ask_full, pull, refuse, cut, over };

/* ---- the request ----------------------------------------------------------------- */

static Str own_lines(Job *j, const ReplyHeader *h)
{
    isize n = 0;

    for (const ReplyHeader *i = h; i != NULL; i = i->next)
        n += i->name.len + i->value.len + 4;
    char *from = job_take(j, n + 1);
    return (Str){ from, wire_put_headers(from, h) - from };
}

static bool takes_trailers(const Req *rq)
{
    Str te = req_header(rq, S("TE"));

    while (te.at != NULL)
        if (str_is_nocase(str_trim(str_cut(&te, ',')), S("trailers")))
            return true;
    return false;
}

/* What of the head is between us and the upstream alone. */
static Str framing(Job *j, const Head *h, bool trailers)
{
    char *from = job_take(j, 160), *to = from;
    bool lacks = h->length < 0 && !h->chunked &&
                 (h->method == M_POST || h->method == M_PUT || h->method == M_PATCH);

    if (h->chunked)
        to = wire_put(to, S("Transfer-Encoding: chunked\r\n"));
    else if (h->length >= 0 || lacks)
        to = wire_put_length(to, lacks ? 0 : h->length);
    if (h->expect_continue && (h->chunked || h->length > 0))
        to = wire_put(to, S("Expect: 100-continue\r\n"));
    if (trailers)
        to = wire_put(to, S("TE: trailers\r\nConnection: TE\r\n"));
    return (Str){ from, wire_put(to, S("\r\n")) - from };
}

static Ask *new_ask(Conn *c, const Ctx *cx, const Req *rq, const Head *h)
{
    Job *j = job_new(&c->io->jobs);
    Ask *a = job_take(j, (isize)sizeof *a);
    const ForwardWish *w = rq->reply.forward;
    bool trailers = h->minor == 1 && takes_trailers(rq);

    j->conn = c;
    j->came = c->io->now;
    job_fill(j, rq, h);
    j->rq.peer = job_keep(j, rq->peer);
    memset(a, 0, sizeof *a);
    a->c = c;
    a->job = j;
    a->cx = *cx;
    a->lines = own_lines(j, rq->reply.headers);
    a->left = h->length > 0 ? h->length : 0;
    a->old = h->minor == 0;
    a->shared = c->link.via->shared;
    a->f.via = &via;
    a->f.wish = *w;
    a->f.wish.line = job_keep(j, w->line);
    a->f.wish.fields = job_keep(j, w->fields);
    a->f.framing = framing(j, h, trailers);
    a->f.asked = h->method == M_HEAD ? ASKED_HEAD : ASKED_BODY;
    a->f.chunked = h->chunked;
    a->f.has_body = h->chunked || h->length > 0;
    a->f.expects = h->expect_continue && a->f.has_body;
    if (h->chunked)
        a->chunked.trailers = job_take(j, TRAILERS_MOST);
    if (trailers)
        a->f.answer_trailers = job_take(j, TRAILERS_MOST);
    j->rq.reply = (Reply){ .status = 200, .forward = &a->f.wish };
    return a;
}

void ask_begin(Conn *c, const Ctx *cx, const Req *rq, const Head *h, Str in)
{
    Io *io = c->io;

    conn_become(c, C_FORWARDING, DUE_NONE);
    response_flush(c);                            /* of the requests before   */
    if (c->state == C_GONE) {
        upstream_let_go(rq->reply.forward->to);
        return;
    }
    if (io->outward == NULL)
        io->outward = outward_open(io);
    Ask *a = c->ask = new_ask(c, cx, rq, h);
    forward_start(&a->f, io->outward);
    if (c->ask == a && in.len == 0 && forward_hungry(&a->f))
        forward_headway(&a->f);
}

void ask_feed(Conn *c, Str bytes)
{
    Ask *a = c->ask;

    a->fed += bytes.len;
    if (a->fed > a->f.wish.body_most) {
        ask_fail(c, CONTENT_TOO_LARGE, "body");
        return;
    }
    must((c->in = realloc(c->in, (size_t)(c->in_len + bytes.len))) != NULL);
    memcpy(c->in + c->in_len, bytes.at, (size_t)bytes.len);
    c->in_len += (int)bytes.len;
    push_fed(a);
}

void ask_fail(Conn *c, FaultCode fault, const char *why)
{
    forward_fail(&c->ask->f, fault, why);
}

/* What of them may go up, in their own place. */
static Str filter_up(const Ask *a, char *at, isize len)
{
    const ForwardWish *w = &a->f.wish;
    isize n = len == 0 ? 0 : trailers_filter((Str){ at, len }, w->trailer_up, w->of, at);

    return (Str){ at, n > 0 ? n : 0 };
}

void ask_feed_end(Conn *c, Str trailers)
{
    Ask *a = c->ask;
    Str kept = job_keep(a->job, trailers);

    a->fed_all = true;
    a->fed_trailers = filter_up(a, (char *)(uintptr_t)kept.at, kept.len);
    push_fed(a);
}

bool ask_hungry(const Conn *c)
{
    return !c->ask->shared && forward_hungry(&c->ask->f);
}

static bool take_chunks(Ask *a, Str *in)
{
    char *to = (char *)(uintptr_t)in->at;
    isize len = 0;
    FaultCode fault = OK;
    HeadResult got = chunked_read(&a->chunked, in, to, &len, a->f.wish.body_most, &fault);

    if (got == HEAD_BAD) {
        forward_fail(&a->f, fault, "chunked body");
        return true;
    }
    forward_give(&a->f, (Str){ to, len });
    if (got == HEAD_DONE) {
        forward_given(&a->f, filter_up(a, a->chunked.trailers, a->chunked.trailers_len));
    }
    return true;
}

bool ask_take(Conn *c, Str *in)
{
    Ask *a = c->ask;

    if (!forward_hungry(&a->f))
        return false;
    if (a->f.chunked)
        return take_chunks(a, in);
    isize n = a->left < in->len ? (isize)a->left : in->len;
    a->left -= n;
    forward_give(&a->f, str_sub(*in, 0, n));
    *in = str_sub(*in, n, in->len);
    if (a->left == 0)
        forward_given(&a->f, S(""));
    return true;
}

void ask_writable(Conn *c)
{
    forward_flow(&c->ask->f);
}
