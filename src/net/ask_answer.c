/* ask_answer.c - the upstream's answer, as this client gets it. Its head and a small body
 * leave in one write: they are put together in the io thread's buffer for answers, which
 * nobody else uses between two requests.
 *
 * A client of HTTP/1.0 gets what has no length until the connection closes. */
#include <stdio.h>
#include <string.h>
#include "net/ask.h"
#include "net/h2.h"
#include "net/io.h"

enum { STAGED_MOST = 16 << 10 };

bool ask_flush(Forward *f)
{
    Conn *c = ask_of(f)->c;
    OutBuf *out = &c->io->out;
    Str all = { out->at, out->len };

    out->len = 0;
    return all.len == 0 || conn_put(c, all);
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
        to = wire_put(to, S("Transfer-Encoding: chunked\r\n"));
    a->c->closes |= a->c->io->server->draining ||
                    (!told && !a->chunks && n->body != ENDS_AT_HEAD);
    return wire_put_connection(to, (WireHow){ a->c->closes, a->c->keep_old });
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
        to = wire_put_field(to, p->fields[i].name, p->fields[i].value);
    if (!p->date)
        to = wire_put_date(&a->c->io->desk.wire, to);
    if (!p->cache && said.len > 0)
        to = wire_put_field(to, S("Cache-Control"), said);
    return to;
}

enum { HEAD_LINES = 512 };

static isize room_for(const Ask *a, isize fields)
{
    return HEAD_LINES + fields + a->f.wish.no_cache_said.len + a->lines.len +
           a->c->io->desk.wire.extra.len;
}

bool ask_head(Forward *f, const AnswerHead *n)
{
    Ask *a = ask_of(f);
    Io *io = a->c->io;
    Passed p;

    choose_fields(a, n, &p);
    char *from = io_room(io, room_for(a, p.size)), *to = wire_put_status(from, n->status);
    a->job->rq.reply.status = n->status;
    to = put_fields(a, &p, to);
    to = put_framing(a, n, to);
    to = wire_put(wire_put(to, a->lines), io->desk.wire.extra);
    to = wire_put(to, S("\r\n"));
    must(to - from <= room_for(a, p.size));
    io->out.len += to - from;
    arena_reset(&f->lines->in->mem, ASK_KEPT);
    return true;
}

bool ask_interim(Forward *f, const AnswerHead *n)
{
    Ask *a = ask_of(f);
    Io *io = a->c->io;

    if (a->old)
        return true;
    char *from = io_room(io, room_for(a, n->size + 4 * n->count));
    char *to = wire_put_status(from, n->status);
    for (isize i = 0; i < n->count && n->status == 103; i++)
        if (is_named(&n->headers[i], S("Link")))
            to = wire_put_field(to, n->headers[i].name, n->headers[i].value);
    io->out.len += wire_put(to, S("\r\n")) - from;
    return ask_flush(f);
}

bool ask_body(Forward *f, char *at, isize n)
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
        wire_put(io_room(a->c->io, n), (Str){ at, n });
        out->len += n;
        return true;
    }
    return ask_flush(f) && conn_put(a->c, (Str){ at, n });
}

bool ask_end(Forward *f, Str trailers)
{
    Ask *a = ask_of(f);
    Io *io = a->c->io;

    if (a->shared)
        h2_trailers(a->c, trailers);
    if (!a->chunks)
        return true;
    char *from = io_room(io, trailers.len + 8), *to = wire_put(from, S("0\r\n"));
    to = wire_put(wire_put(to, trailers), S("\r\n"));
    io->out.len += to - from;
    return true;
}

bool ask_full(const Forward *f)
{
    return ask_of(f)->c->out != NULL;
}
