/* h2.c - a session: its turns, what goes out, when it ends.
 *
 * Decided here: frames are read into requests at once, but no answer is written while
 * nghttp2 reads, for it may not be asked to send then; answers that are ready wait for
 * the end of the read. Priorities are declined (RFC 9113 5.3). However fast a client
 * takes its answers, after some rounds of writing the other connections have their
 * turn. */
#include "net/h2.h"
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>
#include "net/io.h"

enum { WINDOW = 256 << 10, CONN_WINDOW = 1 << 20, ROUNDS = 4 };

/* ---- what goes out ---------------------------------------------------------- */

/* What went is forgotten before there is made more room: with a reader who is always a
 * little behind, the rest never becomes nothing. */
static void close_up(H2 *h)
{
    memmove(h->out, h->out + h->out_at, (size_t)(h->out_len - h->out_at));
    h->out_len -= h->out_at;
    h->out_at = 0;
}

void h2_put(H2 *h, Str bytes)
{
    if (h->out_at > 0 && h->out_len + bytes.len > h->out_cap)
        close_up(h);
    isize need = h->out_len + bytes.len, cap = h->out_cap * 2;

    if (need > h->out_cap) {
        cap = cap < need ? need : cap;
        cap = cap < 4096 ? 4096 : cap;
        must((h->out = realloc(h->out, (size_t)cap)) != NULL);
        h->out_cap = cap;
    }
    memcpy(h->out + h->out_len, bytes.at, (size_t)bytes.len);
    h->out_len += bytes.len;
}

void h2_pump(H2 *h)
{
    const u8 *at;
    ssize_t n = 0;

    must(!h->reading);
    while (h->out_len - h->out_at < H2_OUT_MOST &&
           (n = nghttp2_session_mem_send(h->session, &at)) > 0)
        h2_put(h, (Str){ (const char *)at, n });
    h->lost |= n < 0;
}

void h2_again(H2 *h)
{
    h->conn->fresh = true;
    io_again(h->conn->io, h->conn);
}

static void stop(H2 *h, i32 id)
{
    if (nghttp2_session_get_stream_remote_close(h->session, id) == 0)
        nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
}

void h2_stop(H2 *h, i32 id)
{
    if (h->stop_count < H2_STREAMS_MOST)
        h->stops[h->stop_count++] = id;
    else
        stop(h, id);
}

/* Only in a write of its own: Node.js' client never closes a stream whose reset comes in
 * the same bytes as its answer's end. */
static void stop_all(H2 *h)
{
    h->wake |= h->stop_count > 0;
    for (int i = 0; i < h->stop_count; i++)
        stop(h, h->stops[i]);
    h->stop_count = 0;
}

static void flush(H2 *h)
{
    Link *link = &h->conn->link;

    while (h->out_at < h->out_len) {
        struct iovec part = { h->out + h->out_at, (size_t)(h->out_len - h->out_at) };
        isize n = link->via->write(link, &part, 1);
        if (n == LINK_AGAIN)
            return;
        if (n < 0) {
            h->lost = true;
            return;
        }
        h->out_at += n;
        h->moved += n;
    }
    h->wake |= h->full;
    free(h->out);
    h->out = NULL;
    h->out_at = h->out_len = h->out_cap = 0;
    stop_all(h);
}

/* ---- deadlines and the end --------------------------------------------------- */

/* What a connection is waiting for now; requests have deadlines of their own. */
static DueKind due_of(const H2 *h)
{
    if (h->drain == H2_TOLD)
        return DUE_LINGER;
    if (h->out_len > 0)
        return DUE_WRITE;
    if (!h->greeted || h->head.open)
        return DUE_HEAD;
    return h->count == 0 ? DUE_IDLE : DUE_NONE;
}

static void set_due(H2 *h)
{
    DueKind due = due_of(h);

    if (due != h->conn->due.kind || (due == DUE_WRITE && h->moved >= H2_OUT_MOST) ||
        (due == DUE_IDLE && h->asked)) {
        h->moved = 0;
        conn_become(h->conn, C_H2, due);
    }
    h->asked = false;
}

/* Requests that nghttp2 has done with: answered, or reset by the client. */
static void close_shut(H2 *h)
{
    for (H2Stream *s = h->streams, *next; s != NULL; s = next) {
        next = s->next;
        if (s->shut)
            conn_close(&s->conn);
    }
}

static bool is_over(const H2 *h)
{
    bool quiet = !nghttp2_session_want_read(h->session) &&
                 !nghttp2_session_want_write(h->session);

    return h->out_len == 0 && (quiet || (h->drain == H2_CLOSED && h->count == 0));
}

/* What the client sends meanwhile must not have the kernel throw the goodbye away. */
static void leave(Conn *c)
{
    c->lingers = true;
    conn_finish(c);
}

/* Writes and wakes until nothing moves: then it waits for the peer. */
static void settle(H2 *h)
{
    Conn *c = h->conn;
    int rounds = 0;

    close_shut(h);
    do {
        if (h->wake)
            h2_stream_wake(h);
        h2_pump(h);
        flush(h);
        close_shut(h);
    } while (h->wake && !h->lost && ++rounds < ROUNDS);
    if (h->lost)
        conn_close(c);
    else if (is_over(h))
        leave(c);
    else {
        set_due(h);
        c->fresh = false;
        if (h->wake)
            h2_again(h);
    }
}

static void receive(H2 *h, Str in)
{
    if (in.len == 0)
        return;
    h->reading = true;
    ssize_t n = nghttp2_session_mem_recv(h->session, (const u8 *)in.at, (size_t)in.len);
    h->reading = false;
    h->lost |= n < 0 && n != NGHTTP2_ERR_FLOODED;
    if (n == NGHTTP2_ERR_FLOODED)
        nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

void h2_run(Conn *c)
{
    H2 *h = c->h2;

    c->fresh = false;
    flush(h);                       /* or what is full might not be the socket */
    if (c->readable && h->out_len - h->out_at >= H2_OUT_MOST) {
        c->readable = false;        /* until the peer has taken what waits for it */
        h->unread = true;
    }
    if (c->readable) {
        isize n = conn_read(c, c->io->scratch, SCRATCH);
        if (c->state == C_GONE)
            return;
        receive(h, (Str){ c->io->scratch, n });
    }
    settle(h);
}

void h2_writable(Conn *c)
{
    c->readable |= c->h2->unread;
    c->h2->unread = false;
    settle(c->h2);
}

void h2_due(Conn *c)
{
    H2 *h = c->h2;

    if (h->drain != H2_TOLD) {
        if (c->due.kind != DUE_IDLE)
            c->io->counts.timeouts++;
        nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR);
        h2_pump(h);
        flush(h);
        leave(c);
        return;
    }
    h->drain = H2_CLOSED;
    nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(h->session),
                          NGHTTP2_NO_ERROR, NULL, 0);
    settle(h);
}

static void start_drain(H2 *h)
{
    static const u8 mark[8] = "drain";

    if (h->drain != H2_OPEN)
        return;
    h->drain = H2_TOLD;
    nghttp2_submit_shutdown_notice(h->session);
    nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, mark);
    settle(h);
}

void h2_drain(Io *io)
{
    for (H2 *h = io->sessions, *next; h != NULL; h = next) {
        next = h->next;
        start_drain(h);
    }
}

/* ---- its life ---------------------------------------------------------------- */

static void send_settings(H2 *h)
{
    static const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS_MOST },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEAD_MOST },
        { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
    };

    must(nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
                                 countof(settings)) == 0);
    must(nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
                                               CONN_WINDOW) == 0);
}

void h2_open(Conn *c, Str in)
{
    Io *io = c->io;
    H2 *h = c->h2 = calloc(1, sizeof *h);

    must(h != NULL);
    h->conn = c;
    h->last_waiting = &h->first_waiting;
    h->calm = H2_CALM_MOST;
    h->calm_since = io->now;
    h->session = h2_session(h);
    h->next = io->sessions;
    if (h->next != NULL)
        h->next->prev = h;
    io->sessions = h;
    c->state = C_H2;
    send_settings(h);
    receive(h, in);
    if (io->server->draining)
        start_drain(h);
    else
        settle(h);
}

void h2_end(Conn *c)
{
    H2 *h = c->h2;

    h->lost = true;
    while (h->streams != NULL)
        conn_close(&h->streams->conn);
    if (h->prev != NULL)
        h->prev->next = h->next;
    else
        c->io->sessions = h->next;
    if (h->next != NULL)
        h->next->prev = h->prev;
    c->h2 = NULL;
    nghttp2_session_del(h->session);
    h2_head_free(&h->head);
    free(h->out);
    free(h);
}
