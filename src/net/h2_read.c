/* h2_read.c - what nghttp2 calls: frames become requests, parts and ends of bodies.
 *
 * Decided here: field values that nghttp2 would skip over are errors. A client may send
 * so many frames that ask for nothing (resets, pings, settings, empty data, tiny
 * windows), then it is told to calm down. Data for a forward is acknowledged when it has
 * gone on (h2_took), other data at once, for it has a bound. What comes before a request
 * is admitted (learn.h) is kept, within its window, and counts as bodies do. */
#include "net/h2.h"
#include <nghttp2/nghttp2.h>
#include "net/ask.h"
#include <stdlib.h>
#include <string.h>
#include "net/exchange.h"
#include "net/io.h"
#include "net/learn.h"

enum { CALM_PER_SECOND = 100, TINY_WINDOW = 1024, FRAME_HEAD = 9,
       CUT_COSTS = 4,                /* a request without its answer's end; its reset is one more */
       UNPACKED_MOST = 4 * HEAD_MOST,
       FIELD_MORE = 32 };            /* of each field, as RFC 9113 6.5.2 counts */

static void spend(H2 *h, i64 price)
{
    Mono now = h->conn->io->now;
    i64 back = (now.ns - h->calm_since.ns) * CALM_PER_SECOND / 1000000000;

    if (back > 0) {
        h->calm = h->calm + back > H2_CALM_MOST ? H2_CALM_MOST : h->calm + back;
        h->calm_since = now;
    }
    if (h->calm < 0)
        return;
    h->calm -= price;
    if (h->calm < 0)
        nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

static H2Stream *stream_of(H2 *h, i32 id)
{
    return nghttp2_session_get_stream_user_data(h->session, id);
}

static bool is_forwarding(const H2Stream *s)
{
    return s != NULL && s->conn.state == C_FORWARDING;
}

static bool is_held(const H2Stream *s)
{
    return s != NULL && learn_waits(&s->conn);
}

/* Whether its body goes on as it comes, trailers too. */
static bool passes_body(const H2Stream *s)
{
    return is_forwarding(s) || is_held(s);
}

static bool is_request(const nghttp2_frame *f)
{
    return f->hd.type == NGHTTP2_HEADERS && f->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *f, void *user)
{
    H2 *h = user;

    (void)session;
    h->unpacked = 0;
    if (is_request(f) || passes_body(stream_of(h, f->hd.stream_id)))
        h2_head_begin(&h->head);
    return 0;
}

/* A byte may mean a field of 4 KiB, so what is sent bounds nothing. What is somewhat too
 * large is answered (431); of what is much too large nothing more is looked at, and its
 * stream is reset. */
static bool unpacks_too_much(H2 *h, isize size)
{
    h->unpacked += size + FIELD_MORE;
    if (h->unpacked <= UNPACKED_MOST)
        return false;
    h2_head_free(&h->head);
    return true;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *f, const u8 *name,
                     size_t name_len, const u8 *value, size_t value_len, u8 flags,
                     void *user)
{
    H2 *h = user;

    (void)session, (void)f, (void)flags;
    if (unpacks_too_much(h, (isize)(name_len + value_len)))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (h->head.open)
        h2_head_add(&h->head, (Str){ (const char *)name, (isize)name_len },
                    (Str){ (const char *)value, (isize)value_len });
    return 0;
}

static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *f,
                             const u8 *name, size_t name_len, const u8 *value,
                             size_t value_len, u8 flags, void *user)
{
    (void)session, (void)f, (void)name, (void)name_len, (void)value, (void)value_len;
    (void)flags, (void)user;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
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
    s->head_only = h->head.head_only;
    FaultCode fault = h2_head_text(&h->head, mem, &text);
    h2_head_free(&h->head);
    if (fault == OK)
        exchange_open(&s->conn, text, ends_stream(f) ? BODY_NONE : BODY_FOLLOWS);
    else
        exchange_give_up(&s->conn, fault, "fields");
}

static void end_forward(H2 *h, H2Stream *s)
{
    Str trailers;
    FaultCode fault = h2_head_trailers(&h->head, &trailers);

    if (fault == OK)
        ask_feed_end(&s->conn, trailers);
    else
        ask_fail(&s->conn, fault, "trailers");
}

static H2Held *held_of(H2Stream *s)
{
    if (s->held == NULL)
        must((s->held = calloc(1, sizeof *s->held)) != NULL);
    return s->held;
}

static void hold_end(H2 *h, H2Stream *s)
{
    H2Held *k = held_of(s);
    Str trailers = { 0 };
    FaultCode fault = h2_head_trailers(&h->head, &trailers);

    k->ends = true;
    if (k->fault == OK)
        k->fault = fault;
    if (fault != OK || trailers.len == 0)
        return;
    char *to = malloc((size_t)trailers.len);
    must(to != NULL);
    memcpy(to, trailers.at, (size_t)trailers.len);
    k->trailers = (Str){ to, trailers.len };
}

void h2_resume(Conn *c)
{
    H2Stream *s = (H2Stream *)(void *)c;          /* conn is first            */
    H2Held *k = s->held;

    s->held = NULL;
    if (k == NULL)
        return;
    if (c->state == C_FORWARDING && k->fault != OK)
        ask_fail(c, k->fault, "what came before");
    if (c->state == C_FORWARDING && k->len > 0)
        ask_feed(c, (Str){ k->at, k->len });
    if (c->state == C_FORWARDING && k->ends)
        ask_feed_end(c, k->trailers);
    h2_held_free(k);
}

static void take_end(H2 *h, const nghttp2_frame *f)
{
    H2Stream *s = stream_of(h, f->hd.stream_id);

    if (is_forwarding(s))
        end_forward(h, s);
    else if (is_held(s))
        hold_end(h, s);
    else if (s != NULL)
        exchange_end(&s->conn);
    h2_head_free(&h->head);
}

/* More than what all connections may keep, but for small ones, which cost what a request
 * costs; or more than what all requests of one connection may, where one alone may keep
 * what its route allows. */
static bool too_much(const H2 *h, const H2Stream *s)
{
    const JobShelf *all = &h->conn->io->jobs;

    return (all->bodies > all->bodies_most && s->body > JOB_ROOM) ||
           (h->bodies > H2_BODIES_MOST && h->bodies > s->body);
}

/* What it had counts no longer at once: the next frame of the same turn is another's. */
static void refuse(H2 *h, H2Stream *s)
{
    bool forward = s->conn.state == C_FORWARDING;

    h2_count_body(h, s, -s->body);
    (forward ? ask_fail : exchange_give_up)(&s->conn, BUSY, "bodies at once");
}

/* What is too much is not there to be sent on, and its request is refused as soon as that
 * can be: its worker is not disturbed. */
static void hold(H2 *h, H2Stream *s, Str data)
{
    H2Held *k = held_of(s);

    if (k->fault != OK)
        return;
    h2_count_body(h, s, data.len);
    if (too_much(h, s)) {
        h2_count_body(h, s, -s->body);
        k->len = 0;
        k->fault = BUSY;
        return;
    }
    must((k->at = realloc(k->at, (size_t)(k->len + data.len))) != NULL);
    memcpy(k->at + k->len, data.at, (size_t)data.len);
    k->len += data.len;
}

static void take_data(H2 *h, H2Stream *s, Str data)
{
    h2_count_body(h, s, data.len);
    if (too_much(h, s))
        refuse(h, s);
    else
        (s->conn.state == C_FORWARDING ? ask_feed : exchange_feed)(&s->conn, data);
}

static int on_data(nghttp2_session *session, u8 flags, i32 id, const u8 *data, size_t len,
                   void *user)
{
    H2 *h = user;
    H2Stream *s = stream_of(h, id);

    (void)flags;
    nghttp2_session_consume_connection(session, len);
    if (!passes_body(s))
        nghttp2_session_consume_stream(session, id, len);
    if (is_held(s))
        hold(h, s, (Str){ (const char *)data, (isize)len });
    else if (is_forwarding(s) || (s != NULL && s->conn.state == C_BODY))
        take_data(h, s, (Str){ (const char *)data, (isize)len });
    return 0;
}

static i64 price_of(const nghttp2_frame *f)
{
    switch (f->hd.type) {
    case NGHTTP2_DATA:          return f->hd.length == 0 && !ends_stream(f);
    case NGHTTP2_WINDOW_UPDATE:
        return f->window_update.window_size_increment < TINY_WINDOW;
    case NGHTTP2_HEADERS:       return f->headers.cat != NGHTTP2_HCAT_REQUEST;
    default:                    return 1;
    }
}

static bool carries_body(const nghttp2_frame *f)
{
    return f->hd.type == NGHTTP2_DATA || f->hd.type == NGHTTP2_HEADERS;
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

static int on_sent(nghttp2_session *session, const nghttp2_frame *f, void *user)
{
    H2Stream *s = stream_of(user, f->hd.stream_id);

    (void)session;
    if (!carries_body(f) || !ends_stream(f))
        return 0;
    if (s != NULL)
        s->ended = true;
    else
        h2_stop(user, f->hd.stream_id);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *f, void *user)
{
    H2 *h = user;

    (void)session;
    h->greeted = true;
    spend(h, price_of(f));
    h->asked |= is_request(f);
    if (is_request(f))
        begin_request(h, f);
    else if (carries_body(f) && ends_stream(f))
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

    (void)session, (void)f, (void)why;
    h2_head_free(&h->head);
    spend(h, CUT_COSTS);
    return 0;
}

/* A client has it reset by us as well by sending what is wrong, and the work is the same
 * (CVE-2025-8671). What we end ourselves was let go before. */
static int on_stream_close(nghttp2_session *session, i32 id, u32 error, void *user)
{
    H2 *h = user;
    H2Stream *s = stream_of(h, id);

    (void)session, (void)error;
    if (s != NULL && !s->ended)
        spend(h, CUT_COSTS);
    if (s != NULL)
        s->shut = true;
    h2_again(h);
    return 0;
}

/* Called while a stream writes (h2_stream.c): nghttp2 has made the head of a frame. */
static int on_send_data(nghttp2_session *session, nghttp2_frame *f, const u8 *head,
                        size_t size, nghttp2_data_source *source, void *user)
{
    H2Stream *s = stream_of(user, f->hd.stream_id);

    (void)session, (void)source;
    if (s == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    h2_stream_send(s, (Str){ (const char *)head, FRAME_HEAD }, (isize)size);
    return 0;
}

static nghttp2_session_callbacks *callbacks(void)
{
    nghttp2_session_callbacks *c;

    must(nghttp2_session_callbacks_new(&c) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(c, on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_sent);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(c, on_send_data);
    return c;
}

nghttp2_session *h2_session(H2 *h)
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
