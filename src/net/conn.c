/* conn.c - sockets are watched edge-triggered, once and for all: no epoll_ctl for each
 * change of mind. So `readable` remembers what epoll said until a read finds nothing,
 * and while a worker has the request nothing is read: pipelined bytes wait in the
 * kernel, and only a hang-up is noticed. */
#include "net/conn.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "net/ask.h"
#include "net/completion.h"
#include "net/exchange.h"
#include "net/h2.h"
#include "net/io.h"

enum { STEPS_MOST = 64 };           /* of one connection before others have a turn */

void conn_become(Conn *c, ConnState state, DueKind due)
{
    c->state = state;
    due_set(&c->io->dues, &c->due, due, c->io->now);
}

static void note_peer(Conn *c, const struct sockaddr *peer)
{
    const struct sockaddr_in6 *six = (const void *)peer;
    const struct sockaddr_in *four = (const void *)peer;
    char text[INET6_ADDRSTRLEN] = "";

    if (peer->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
    else
        inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
    const char *from = strncmp(text, "::ffff:", 7) == 0 ? text + 7 : text;
    c->peer_len = (u8)strlen(from);
    memcpy(c->peer, from, c->peer_len);
}

void conn_open(Io *io, int fd, const struct sockaddr *peer, bool counted)
{
    Conn *c = calloc(1, sizeof *c);
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                             .data.ptr = c };

    must(c != NULL);
    c->io = io;
    c->link = (Link){ .via = &plain_transport, .fd = fd };
    c->counted = counted;
    io->server->connections++;
    note_peer(c, peer);
    bool tls = io->server->tls != NULL;
    conn_become(c, tls ? C_GREETING : C_HEAD, DUE_HEAD);
    if ((tls && !tls_wrap(io->server->tls, &c->link)) ||
        epoll_ctl(io->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
        conn_close(c);
}

void conn_forget(Conn *c)
{
    free(c->in);
    c->in = NULL;
    c->in_len = 0;
    c->fresh = false;
}

void conn_close(Conn *c)
{
    if (c->state == C_GONE)
        return;
    if (c->state == C_CLOSING)
        c->io->counts.lingering--;
    if (c->stream != NULL)
        stream_end(c);
    if (c->ask != NULL)
        ask_leave(c);
    if (c->h2 != NULL)
        h2_end(c);
    if (c->job != NULL && c->state != C_AT_WORK) {
        job_free(&c->io->jobs, c->job);
        c->job = NULL;
    }
    conn_become(c, C_GONE, DUE_NONE);
    c->link.via->free(&c->link);
    conn_forget(c);
    free(c->out);
    c->out = NULL;
    if (!c->link.via->shared)
        c->io->server->connections--;
    if (c->counted)
        crowd_leave(&c->io->server->crowd, (Str){ c->peer, c->peer_len });
    if (c->job == NULL)
        io_bury(c->io, c);
}

void conn_finish(Conn *c)
{
    bool unread = !c->link.via->shared && (c->lingers || c->readable || c->in_len > 0);

    if (c->stream != NULL)
        stream_end(c);
    if (c->h2 != NULL)
        h2_end(c);
    c->link.via->finish(&c->link);
    if (!unread) {
        conn_close(c);
        return;
    }
    conn_forget(c);
    c->io->counts.lingering++;
    conn_become(c, C_CLOSING, DUE_LINGER);
}

isize conn_read(Conn *c, char *to, isize n)
{
    isize got = c->link.via->read(&c->link, to, n);

    if (got == LINK_AGAIN) {
        c->readable = false;
        return 0;
    }
    if (got <= 0) {
        conn_close(c);
        return 0;
    }
    if (c->link.dry)
        c->readable = c->ended;
    return got;
}

static void keep_out(Conn *c, Str rest)
{
    char *to = realloc(c->out, (size_t)(c->out_len + rest.len));

    must(to != NULL);
    memcpy(to + c->out_len, rest.at, (size_t)rest.len);
    c->out = to;
    c->out_len += rest.len;
}

bool conn_put(Conn *c, Str bytes)
{
    while (bytes.len > 0 && c->out == NULL) {
        struct iovec part = { (void *)(uintptr_t)bytes.at, (size_t)bytes.len };
        isize n = c->link.via->write(&c->link, &part, 1);
        if (n == LINK_AGAIN)
            break;
        if (n < 0) {
            conn_close(c);
            return false;
        }
        bytes = str_sub(bytes, n, bytes.len);
    }
    if (bytes.len > 0)
        keep_out(c, bytes);
    return true;
}

/* Writes what was kept; true when nothing is left of it. */
static bool push_out(Conn *c)
{
    while (c->out_at < c->out_len) {
        struct iovec part = { c->out + c->out_at, (size_t)(c->out_len - c->out_at) };
        isize n = c->link.via->write(&c->link, &part, 1);
        if (n == LINK_AGAIN)
            return false;
        if (n < 0) {
            conn_close(c);
            return false;
        }
        c->out_at += n;
    }
    free(c->out);
    c->out = NULL;
    c->out_at = c->out_len = 0;
    return true;
}

void conn_settle(Conn *c)
{
    if (c->out != NULL)
        conn_become(c, C_WRITING, DUE_WRITE);
    else if (c->closes)
        conn_finish(c);
    else if (c->skip > 0)
        conn_become(c, C_SKIPPING, DUE_BODY);
    else
        conn_become(c, C_IDLE, DUE_IDLE);
}

static void greet(Conn *c)
{
    isize got = c->link.via->greet(&c->link);

    if (got == LINK_AGAIN)
        c->readable = false;
    else if (got < 0)
        conn_close(c);
    else if (got == GREETED_H2)
        h2_open(c, S(""));
    else
        c->state = C_HEAD;
}

static bool reads_requests(const Conn *c)
{
    return c->state != C_GONE && c->state != C_CLOSING && c->state != C_PAGING &&
           c->state != C_STREAMING && c->state != C_H2;
}

/* A client that knows beforehand begins with this (RFC 9113 3.3 and 3.4), and only
 * where it may. */
static bool speaks_h2(const Conn *c, Str in)
{
    static const Str preface = S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

    return c->state == C_HEAD && c->io->server->config.http2 == HTTP2_ALWAYS &&
           in.len >= preface.len && str_starts(in, preface);
}

/* What stays of the scratch after a look at it. */
static void keep_in(Conn *c, Str rest)
{
    if (rest.len == 0 || !reads_requests(c))
        return;
    must((c->in = malloc((size_t)rest.len)) != NULL);
    memcpy(c->in, rest.at, (size_t)rest.len);
    c->in_len = (int)rest.len;
    c->fresh = c->state != C_HEAD;
}

static void read_more(Conn *c)
{
    char *scratch = c->io->scratch;
    isize n = 0;

    if (!c->fresh && (n = conn_read(c, scratch + c->in_len, SCRATCH - c->in_len)) == 0)
        return;
    if (c->in_len > 0)
        memcpy(scratch, c->in, (size_t)c->in_len);
    Str in = { scratch, c->in_len + n };
    conn_forget(c);
    if (speaks_h2(c, in)) {
        h2_open(c, in);
        return;
    }
    exchange_digest(c, &in);
    keep_in(c, in);
}

static void read_body(Conn *c)
{
    if (c->fresh || c->job->body_want < 0)
        read_more(c);
    else
        exchange_read_body(c);
}

static void read_and_drop(Conn *c)
{
    conn_read(c, c->io->scratch, SCRATCH);
}

typedef void Step(Conn *c);
static Step *const steps[C_STATES] = {
    [C_GREETING] = greet,           [C_IDLE] = read_more,
    [C_HEAD] = read_more,           [C_BODY] = read_body,
    [C_SKIPPING] = read_more,       [C_STREAMING] = read_and_drop,
    [C_PAGING] = read_and_drop,     [C_CLOSING] = read_and_drop,
    [C_FORWARDING] = read_more,
    [C_H2] = h2_run,
};

static bool has_step(const Conn *c)
{
    return steps[c->state] != NULL && (c->readable || c->fresh) &&
           (c->state != C_FORWARDING || ask_hungry(c));
}

void conn_run(Conn *c)
{
    for (int i = 0; i < STEPS_MOST; i++) {
        if (!has_step(c))
            return;
        steps[c->state](c);
    }
    io_again(c->io, c);
}

/* Each event says that a socket can be written to, also one that is about bytes which
 * have come. So only what was kept and has gone now is headway of an answer that is
 * passed on. */
static void writable(Conn *c)
{
    bool kept = c->out != NULL;

    if (kept && !push_out(c))
        return;
    if (c->state == C_WRITING) {
        c->state = C_IDLE;
        conn_settle(c);
    } else if (c->state == C_PAGING)
        completion_page(c);
    else if (c->state == C_STREAMING)
        stream_writable(c);
    else if (c->state == C_FORWARDING && kept)
        ask_writable(c);
    else if (c->state == C_H2)
        h2_writable(c);
}

void conn_event(Conn *c, u32 events)
{
    if (c->state == C_GONE)
        return;
    if (events & (EPOLLERR | EPOLLHUP)) {
        conn_close(c);
        return;
    }
    c->readable |= (events & (EPOLLIN | EPOLLRDHUP)) != 0;
    c->ended |= (events & EPOLLRDHUP) != 0;
    if (c->link.tls != NULL)
        c->readable = true;         /* TLS may have to write before it reads */
    if (events & EPOLLOUT)
        writable(c);
    conn_run(c);
}

void conn_due(Conn *c)
{
    DueKind kind = c->due.kind;

    if (kind == DUE_BEAT) {
        stream_beat(c);
        return;
    }
    if (kind == DUE_HELD) {
        completion_release(c);
        return;
    }
    if (c->state == C_H2) {
        h2_due(c);
        return;
    }
    if (kind != DUE_IDLE && kind != DUE_LINGER)
        c->io->counts.timeouts++;
    if (c->state == C_BODY || (c->state == C_HEAD && c->in_len > 0))
        exchange_too_late(c);
    else
        conn_close(c);
}
