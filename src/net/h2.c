/* h2.c - a session: what nghttp2 calls while it reads, what goes out, when it ends.
 *
 * Decided here: frames are read into requests at once, but no answer is written while
 * nghttp2 reads, for it may not be asked to send then; answers that are ready wait for
 * the end of the read. Field values that nghttp2 would skip over are errors. Priorities
 * are declined (RFC 9113 5.3). A client may send so many frames that ask for nothing
 * (resets, pings, settings, empty data, tiny windows), then it is told to calm down. */
#include "net/h2.h"
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>
#include "net/ask.h"
#include "net/exchange.h"
#include "net/io.h"

enum { WINDOW = 256 << 10, CONN_WINDOW = 1 << 20,
       CALM_MOST = 1000, CALM_PER_SECOND = 100, RESET_COSTS = 5, TINY_WINDOW = 1024 };

/* ---- what comes in ---------------------------------------------------------- */

static void spend(H2 *h, i64 price)
{
    Mono now = h->conn->io->now;
    i64 back = (now.ns - h->calm_since.ns) * CALM_PER_SECOND / 1000000000;

    if (back > 0) {
        h->calm = h->calm + back > CALM_MOST ? CALM_MOST : h->calm + back;
        h->calm_since = now;
    }
    if (h->calm < 0)
        return;
    h->calm -= price;
    if (h->calm < 0)
        nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

static bool is_request(const nghttp2_frame *f)
{
    return f->hd.type == NGHTTP2_HEADERS && f->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *f, void *user)
{
    H2 *h = user;

    (void)session;
    if (is_request(f))
        h2_head_begin(&h->head);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *f, const u8 *name,
                     size_t name_len, const u8 *value, size_t value_len, u8 flags, void *user)
{
    H2 *h = user;

    (void)session, (void)flags;
    if (is_request(f))
        h2_head_add(&h->head, (Str){ (const char *)name, (isize)name_len },
                    (Str){ (const char *)value, (isize)value_len });
    return 0;
}

static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *f, const u8 *name,
                             size_t name_len, const u8 *value, size_t value_len, u8 flags,
                             void *user)
{
    (void)session, (void)f, (void)name, (void)name_len, (void)value, (void)value_len;
    (void)flags, (void)user;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static bool is_head(const H2Head *h)
{
    return str_has((Str){ h->at, h->len }, S(":method: HEAD\r\n"));
}

static bool ends_stream(const nghttp2_frame *f)
{
    return (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

static void begin_request(H2 *h, const nghttp2_frame *f)
{
    H2Stream *s = h2_stream_open(h, f->hd.stream_id);
    Arena *mem = &h->conn->io->desk.mem;
    Str text;

    nghttp2_session_set_stream_user_data(h->session, s->id, s);
    s->head_only = is_head(&h->head);
    FaultCode fault = h2_head_text(&h->head, mem, &text);
    h2_head_free(&h->head);
    if (fault == OK)
        exchange_open(&s->conn, text, ends_stream(f) ? BODY_NONE : BODY_FOLLOWS);
    else
        exchange_refuse(&s->conn, fault, "fields");
}

static H2Stream *stream_of(H2 *h, i32 id)
{
    return nghttp2_session_get_stream_user_data(h->session, id);
}

static void take_end(H2 *h, const nghttp2_frame *f)
{
    H2Stream *s = stream_of(h, f->hd.stream_id);

    if (s == NULL)
        return;
    if (s->conn.state == C_FORWARDING) {
        ask_feed_end(&s->conn);
        return;
    }
    h->bodies -= s->body;
    s->body = 0;
    exchange_end(&s->conn);
}

static int on_data(nghttp2_session *session, u8 flags, i32 id, const u8 *data, size_t len,
                   void *user)
{
    H2 *h = user;
    H2Stream *s = stream_of(h, id);

    (void)flags;
    nghttp2_session_consume_connection(session, len);
    if (s == NULL || s->conn.state != C_FORWARDING)
        nghttp2_session_consume_stream(session, id, len);
    if (s == NULL || (s->conn.state != C_BODY && s->conn.state != C_FORWARDING))
        return 0;
    s->body += (isize)len;
    h->bodies += (isize)len;
    if (h->bodies > H2_BODIES_MOST)
        (s->conn.state == C_FORWARDING ? ask_fail : exchange_give_up)(
            &s->conn, BUSY, "bodies of one connection");
    else if (s->conn.state == C_FORWARDING)
        ask_feed(&s->conn, (Str){ (const char *)data, (isize)len });
    else
        exchange_feed(&s->conn, (Str){ (const char *)data, (isize)len });
    return 0;
}

static i64 price_of(const nghttp2_frame *f)
{
    switch (f->hd.type) {
    case NGHTTP2_RST_STREAM:    return RESET_COSTS;
    case NGHTTP2_DATA:          return f->hd.length == 0 && !ends_stream(f);
    case NGHTTP2_WINDOW_UPDATE:
        return f->window_update.window_size_increment < TINY_WINDOW;
    case NGHTTP2_HEADERS:       return f->headers.cat != NGHTTP2_HCAT_REQUEST;
    default:                    return 1;
    }
}

static void take_ping(H2 *h, const nghttp2_frame *f)
{
    if ((f->hd.flags & NGHTTP2_FLAG_ACK) == 0 || h->drain != H2_TOLD)
        return;
    h->drain = H2_CLOSED;
    nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(h->session),
                          NGHTTP2_NO_ERROR, NULL, 0);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *f, void *user)
{
    H2 *h = user;

    (void)session;
    h->greeted = true;
    spend(h, price_of(f));
    if (is_request(f))
        begin_request(h, f);
    else if ((f->hd.type == NGHTTP2_DATA || f->hd.type == NGHTTP2_HEADERS) && ends_stream(f))
        take_end(h, f);
    else if (f->hd.type == NGHTTP2_WINDOW_UPDATE || f->hd.type == NGHTTP2_SETTINGS)
        h->wake = true;
    else if (f->hd.type == NGHTTP2_PING)
        take_ping(h, f);
    return 0;
}

/* Whatever has an end before its time: nghttp2 has queued the reset already. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *f, int why,
                            void *user)
{
    H2 *h = user;

    (void)session, (void)why;
    if (is_request(f))
        h2_head_free(&h->head);
    spend(h, RESET_COSTS);
    return 0;
}

static int on_stream_close(nghttp2_session *session, i32 id, u32 error, void *user)
{
    H2 *h = user;
    H2Stream *s = stream_of(h, id);

    (void)session, (void)error;
    if (s != NULL)
        s->shut = true;
    h2_again(h);
    return 0;
}

/* ---- what goes out ---------------------------------------------------------- */

void h2_put(H2 *h, Str bytes)
{
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

/* One frame of an answer: its head from nghttp2, the rest from where it is. */
static int on_send_data(nghttp2_session *session, nghttp2_frame *f, const u8 *head,
                        size_t size, nghttp2_data_source *source, void *user)
{
    H2 *h = user;
    H2Stream *s = stream_of(h, f->hd.stream_id);
    isize n = (isize)size, at;

    (void)session, (void)source;
    if (s == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    h2_put(h, (Str){ (const char *)head, 9 });
    at = s->part_at;
    for (int i = 0; i < s->part_count && n > 0; i++) {
        isize len = (isize)s->parts[i].iov_len, k = len - at < n ? len - at : n;
        if (k > 0)
            h2_put(h, (Str){ (const char *)s->parts[i].iov_base + at, k });
        n -= k > 0 ? k : 0;
        at = at > len ? at - len : 0;
    }
    s->part_at += (isize)size;
    s->taken += (isize)size;
    if (s->left > 0)
        s->left -= (i64)size;
    s->ended |= ends_stream(f);
    return 0;
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

    if (due != h->conn->due.kind || (due == DUE_WRITE && h->moved >= H2_OUT_MOST)) {
        h->moved = 0;
        conn_become(h->conn, C_H2, due);
    }
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

    close_shut(h);
    do {
        if (h->wake)
            h2_stream_wake(h);
        h2_pump(h);
        flush(h);
        close_shut(h);
    } while (h->wake && !h->lost);
    if (h->lost)
        conn_close(c);
    else if (is_over(h))
        leave(c);
    else {
        set_due(h);
        c->fresh = false;
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

static nghttp2_session_callbacks *callbacks(void)
{
    nghttp2_session_callbacks *c;

    must(nghttp2_session_callbacks_new(&c) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(c, on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(c, on_send_data);
    return c;
}

static nghttp2_session *new_session(H2 *h)
{
    nghttp2_session_callbacks *c = callbacks();
    nghttp2_session *session;
    nghttp2_option *o;

    must(nghttp2_option_new(&o) == 0);
    nghttp2_option_set_no_closed_streams(o, 1);
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_max_settings(o, 32);
    nghttp2_option_set_max_outbound_ack(o, 100);
    must(nghttp2_session_server_new2(&session, c, h, o) == 0);
    nghttp2_option_del(o);
    nghttp2_session_callbacks_del(c);
    return session;
}

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
    h->calm = CALM_MOST;
    h->calm_since = io->now;
    h->session = new_session(h);
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
