/* ask.c - an answer's head and a small body leave in one write: they are put together in
 * the io thread's buffer for answers, which nobody else uses between two requests.
 *
 * A client of HTTP/1.0 gets what has no length until the connection closes; trailers go
 * only to who said that it takes them (RFC 9110 6.5.1), and go up only behind a body
 * whose length was not told, for one of HTTP/1.1 has no place for them otherwise. */
#include "net/ask.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "net/response.h"
#include "net/h2.h"
#include "net/io.h"

enum { STAGED_MOST = 16 << 10, MEM_KEPT = 16 << 10, LEFT_US = 499 };

typedef struct Ask {
    Forward  f;                                   /* first                    */
    Conn    *c;
    Job     *job;                                 /* in whose memory this is  */
    Ctx      cx;                                  /* for the log              */
    Str      lines;                               /* of our own, for the answer */
    Chunked  chunked;                             /* the request's body       */
    i64      left;
    bool     old;                                 /* HTTP/1.0                 */
    bool     shared;                              /* HTTP/2: is fed, unframed */
    bool     fed_all;
    Str      fed_trailers;
    i64      fed;
    bool     chunks;                              /* the answer goes out chunked */
} Ask;

static Ask *ask_of(const Forward *f) { return (Ask *)(uintptr_t)f; }

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
    arena_reset(&s->mem, MEM_KEPT);
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

/* ---- the answer ------------------------------------------------------------------ */

static bool flush(Forward *f)
{
    Conn *c = ask_of(f)->c;
    OutBuf *out = &c->io->out;
    Str all = { out->at, out->len };

    out->len = 0;
    return all.len == 0 || conn_put(c, all);
}

static char *put(char *to, Str s)
{
    if (s.len > 0)
        memcpy(to, s.at, (size_t)s.len);
    return to + s.len;
}

static char *put_field(char *to, const Header *h)
{
    to = put(put(put(to, h->name), S(": ")), h->value);
    return put(to, S("\r\n"));
}

/* How this client learns where the body ends. */
static char *put_framing(Ask *a, const AnswerHead *n, char *to)
{
    bool told = n->body == ENDS_BY_LENGTH || n->length == 0 ||
                (n->body == ENDS_AT_HEAD && n->length >= 0);

    if (told && n->status != 204)
        to = wire_put_length(to, n->length);
    a->chunks = (n->body == ENDS_BY_CHUNKS || n->body == ENDS_AT_CLOSE) && !a->old &&
                !a->shared;
    if (a->chunks)
        to = put(to, S("Transfer-Encoding: chunked\r\n"));
    a->c->closes |= a->c->io->server->draining || (!told && !a->chunks && n->body != ENDS_AT_HEAD);
    if (a->c->closes)
        to = put(to, S("Connection: close\r\n"));
    else if (a->c->keep_old)
        to = put(to, S("Connection: keep-alive\r\n"));
    return to;
}

static bool is_named(const Header *h, Str name)
{
    return h->name.len == name.len && str_is_nocase(h->name, name);
}

/* The fields that this client gets, as he gets them. */
typedef struct Passed {
    Header fields[HEADERS_MOST];
    isize  count, size;                           /* size: bytes of their lines */
    bool   date, cache;
} Passed;

static void choose_fields(const Ask *a, const AnswerHead *n, Passed *p)
{
    const ForwardWish *w = &a->f.wish;

    p->count = p->size = 0;
    p->date = p->cache = false;
    for (isize i = 0; i < n->count; i++) {
        Header h = n->headers[i];
        bool trailer = a->f.answer_trailers != NULL && is_named(&h, S("Trailer"));
        if ((!trailer && hop_field(h.name, n->headers, n->count)) ||
            !w->passes(&a->f.lines->in->mem, w, &h))
            continue;
        p->date |= is_named(&h, S("Date"));
        p->cache |= is_named(&h, S("Cache-Control"));
        p->size += h.name.len + h.value.len + 4;
        p->fields[p->count++] = h;
    }
}

static char *put_fields(const Ask *a, const Passed *p, char *to)
{
    Str said = a->f.wish.no_cache_said;

    for (isize i = 0; i < p->count; i++)
        to = put_field(to, &p->fields[i]);
    if (!p->date)
        to = wire_put_date(&a->c->io->desk.wire, to);
    if (!p->cache && said.len > 0)
        to = put_field(to, &(Header){ S("Cache-Control"), said });
    return to;
}

enum { HEAD_LINES = 512 };

static isize room_for(const Ask *a, isize fields)
{
    return HEAD_LINES + fields + a->f.wish.no_cache_said.len + a->lines.len +
           a->c->io->desk.wire.extra.len;
}

static bool head(Forward *f, const AnswerHead *n)
{
    Ask *a = ask_of(f);
    Io *io = a->c->io;
    Passed p;

    choose_fields(a, n, &p);
    char *from = io_room(io, room_for(a, p.size)), *to = wire_put_status(from, n->status);
    a->job->rq.reply.status = n->status;
    to = put_fields(a, &p, to);
    to = put_framing(a, n, to);
    to = put(put(to, a->lines), io->desk.wire.extra);
    to = put(to, S("\r\n"));
    must(to - from <= room_for(a, p.size));
    io->out.len += to - from;
    arena_reset(&f->lines->in->mem, MEM_KEPT);
    return true;
}

static bool interim(Forward *f, const AnswerHead *n)
{
    Ask *a = ask_of(f);
    Io *io = a->c->io;

    if (a->old)
        return true;
    char *from = io_room(io, room_for(a, n->size + 4 * n->count));
    char *to = wire_put_status(from, n->status);
    for (isize i = 0; i < n->count && n->status == 103; i++)
        if (is_named(&n->headers[i], S("Link")))
            to = put_field(to, &n->headers[i]);
    io->out.len += put(to, S("\r\n")) - from;
    return flush(f);
}

static bool body(Forward *f, char *at, isize n)
{
    Ask *a = ask_of(f);
    OutBuf *out = &a->c->io->out;
    char size[24];

    if (a->chunks) {
        int digits = snprintf(size, sizeof size, "%tx\r\n", n);
        at -= digits;
        memcpy(at, size, (size_t)digits);
        memcpy(at + digits + n, "\r\n", 2);
        n += digits + 2;
    }
    if (out->len > 0 && n <= STAGED_MOST) {
        out->len += put(io_room(a->c->io, n), (Str){ at, n }) - (out->at + out->len);
        return true;
    }
    return flush(f) && conn_put(a->c, (Str){ at, n });
}

static bool end(Forward *f, Str trailers)
{
    Ask *a = ask_of(f);
    Io *io = a->c->io;

    if (a->shared)
        h2_trailers(a->c, trailers);
    if (!a->chunks)
        return true;
    char *from = io_room(io, trailers.len + 8), *to = put(from, S("0\r\n"));
    to = put(put(to, trailers), S("\r\n"));
    io->out.len += to - from;
    return true;
}

static bool full(const Forward *f)
{
    return ask_of(f)->c->out != NULL;
}

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

static const AskerVia via = { interim, head, body, end, flush, full, pull, refuse, cut, over };

/* ---- the request ----------------------------------------------------------------- */

static Str own_lines(Job *j, const ReplyHeader *h)
{
    isize n = 0;

    for (const ReplyHeader *i = h; i != NULL; i = i->next)
        n += i->name.len + i->value.len + 4;
    char *from = job_take(j, n + 1), *to = from;
    for (; h != NULL; h = h->next)
        to = put_field(to, &(Header){ h->name, h->value });
    return (Str){ from, to - from };
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
        to = put(to, S("Transfer-Encoding: chunked\r\n"));
    else if (h->length >= 0 || lacks)
        to = wire_put_length(to, lacks ? 0 : h->length);
    if (h->expect_continue && (h->chunked || h->length > 0))
        to = put(to, S("Expect: 100-continue\r\n"));
    if (trailers)
        to = put(to, S("TE: trailers\r\nConnection: TE\r\n"));
    return (Str){ from, put(to, S("\r\n")) - from };
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
