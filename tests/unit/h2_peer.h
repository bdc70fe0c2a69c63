/* h2_peer.h - the other end of HTTP/2: libnghttp2's own client on a plain socket, and
 * what came for each request. */
#pragma once
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include "unit/peer.h"

enum { PEER_STREAMS = 4096 };

typedef struct H2Answer {
    int  id, status, infos;                       /* infos: 1xx before it     */
    bool closed;
    u32  error;                                   /* of the close             */
    Buf  head, body;
    Str  sends;                                   /* the request's body       */
    bool holds;                                   /* sends it without its end */
} H2Answer;

typedef struct H2Peer {
    int       fd;
    nghttp2_session *session;
    bool      gone;                               /* the server closed        */
    int       goaways, closed;
    u32       goaway_error;
    i32       goaway_last;
    H2Answer *answers[PEER_STREAMS];              /* by id / 2                */
} H2Peer;

static inline H2Answer *h2_answer(H2Peer *p, i32 id) { return p->answers[id / 2]; }

static inline int peer_on_header(nghttp2_session *s, const nghttp2_frame *f, const u8 *name,
                                 size_t name_len, const u8 *value, size_t value_len, u8 flags,
                                 void *user)
{
    H2Answer *a = h2_answer(user, f->hd.stream_id);
    i64 status;

    (void)s, (void)flags;
    if (name_len == 7 && memcmp(name, ":status", 7) == 0) {
        must(str_int((Str){ (const char *)value, (isize)value_len }, &status));
        a->infos += status < 200;
        a->status = (int)status;
    }
    buf_fmt(&a->head, "%.*s: %.*s\n", (int)name_len, name, (int)value_len, value);
    return 0;
}

static inline int peer_on_data(nghttp2_session *s, u8 flags, i32 id, const u8 *at, size_t len,
                               void *user)
{
    (void)s, (void)flags;
    buf_add(&h2_answer(user, id)->body, (Str){ (const char *)at, (isize)len });
    return 0;
}

static inline int peer_on_close(nghttp2_session *s, i32 id, u32 error, void *user)
{
    H2Peer *p = user;

    (void)s;
    h2_answer(p, id)->closed = true;
    h2_answer(p, id)->error = error;
    p->closed++;
    return 0;
}

static inline int peer_on_frame(nghttp2_session *s, const nghttp2_frame *f, void *user)
{
    H2Peer *p = user;

    (void)s;
    if (f->hd.type == NGHTTP2_GOAWAY) {
        p->goaways++;
        p->goaway_error = f->goaway.error_code;
        p->goaway_last = f->goaway.last_stream_id;
    }
    return 0;
}

typedef enum PeerWindows { WINDOWS_OPEN, WINDOWS_BY_HAND } PeerWindows;

static inline H2Peer *h2_connect_with(int port, PeerWindows windows,
                                      const nghttp2_settings_entry *entries, size_t count)
{
    H2Peer *p = make(mem, H2Peer, 1);
    nghttp2_session_callbacks *c;
    nghttp2_option *o;

    must(nghttp2_session_callbacks_new(&c) == 0 && nghttp2_option_new(&o) == 0);
    nghttp2_session_callbacks_set_on_header_callback(c, peer_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, peer_on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, peer_on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, peer_on_frame);
    nghttp2_option_set_no_http_messaging(o, 1);   /* may send what is wrong   */
    nghttp2_option_set_no_auto_window_update(o, windows == WINDOWS_BY_HAND);
    must(nghttp2_session_client_new2(&p->session, c, p, o) == 0);
    nghttp2_session_callbacks_del(c);
    nghttp2_option_del(o);
    must(nghttp2_submit_settings(p->session, 0, entries, count) == 0);
    p->fd = peer_connect(port);
    must(setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)) == 0);
    return p;
}

static inline H2Peer *h2_connect(int port)
{
    return h2_connect_with(port, WINDOWS_OPEN, NULL, 0);
}

static inline void h2_send(H2Peer *p)
{
    const u8 *at;
    ssize_t n;

    while ((n = nghttp2_session_mem_send(p->session, &at)) > 0)
        peer_send(p->fd, (Str){ (const char *)at, n });
    must(n == 0);
}

/* Sends what is to be sent and takes what comes within `ms`; false when nothing came. */
static inline bool h2_turn(H2Peer *p, i64 ms)
{
    Arena scratch = { 0 };
    Buf b = buf_in(&scratch, 65536);

    h2_send(p);
    isize n = peer_some(p->fd, &b, ms);
    p->gone |= n == 0;
    if (n > 0)
        must(nghttp2_session_mem_recv(p->session, (const u8 *)b.at, (size_t)b.len) == b.len);
    arena_close(&scratch);
    h2_send(p);
    return n > 0;
}

static inline void h2_leave(H2Peer *p)
{
    close(p->fd);
    nghttp2_session_del(p->session);
}

static inline ssize_t peer_read_body(nghttp2_session *s, i32 id, u8 *to, size_t most, u32 *flags,
                                     nghttp2_data_source *source, void *user)
{
    H2Answer *a = source->ptr;
    isize n = a->sends.len < (isize)most ? a->sends.len : (isize)most;

    (void)s, (void)id, (void)user;
    if (n == 0 && a->holds)
        return NGHTTP2_ERR_DEFERRED;
    memcpy(to, a->sends.at, (size_t)n);
    a->sends = str_sub(a->sends, n, a->sends.len);
    if (a->sends.len == 0 && !a->holds)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return n;
}

enum { ASK_FIELDS = 130 };

/* Asks. `fields` are "name: value" lines that come after the pseudo-fields; one that
 * begins with a colon comes instead of ours. `holds`: the body's end does not come. */
static inline i32 h2_ask_with(H2Peer *p, const char *method, const char *path, Str fields,
                              Str body, bool holds)
{
    H2Answer *a = make(mem, H2Answer, 1);
    nghttp2_nv nv[ASK_FIELDS];
    size_t n = 0;
    const char *lead[][2] = { { ":method", method }, { ":scheme", "http" },
                              { ":path", path }, { ":authority", "a" } };
    nghttp2_data_provider provider = { { .ptr = a }, peer_read_body };

    a->head = buf_in(mem, 256);
    a->body = buf_in(mem, 256);
    a->sends = body;
    a->holds = holds;
    for (int i = 0; i < 4; i++)
        if (lead[i][1] != NULL)
            nv[n++] = (nghttp2_nv){ (u8 *)(uintptr_t)lead[i][0], (u8 *)(uintptr_t)lead[i][1],
                                    strlen(lead[i][0]), strlen(lead[i][1]), 0 };
    while (fields.len > 0) {
        Str value = str_cut(&fields, '\n'), name = str_sub(value, 0, 1 + str_find(str_sub(value, 1, value.len), ':'));
        value = str_sub(value, name.len + 2, value.len);
        must(n < ASK_FIELDS);
        nv[n++] = (nghttp2_nv){ (u8 *)(uintptr_t)name.at, (u8 *)(uintptr_t)value.at,
                                (size_t)name.len, (size_t)value.len, NGHTTP2_NV_FLAG_NO_COPY_NAME };
    }
    bool has_body = body.at != NULL || holds;
    i32 id = nghttp2_submit_request(p->session, NULL, nv, n, has_body ? &provider : NULL, NULL);
    must(id > 0 && id / 2 < PEER_STREAMS);
    a->id = id;
    p->answers[id / 2] = a;
    return id;
}

static inline i32 h2_get(H2Peer *p, const char *path)
{
    return h2_ask_with(p, "GET", path, S(""), (Str){ 0 }, false);
}

static inline i32 h2_post(H2Peer *p, const char *path, Str body)
{
    return h2_ask_with(p, "POST", path, S(""), body, false);
}

/* The whole answer. */
static inline H2Answer *h2_await(H2Peer *p, i32 id, int ms)
{
    Mono until = roof(ms);

    while (!h2_answer(p, id)->closed && !p->gone && ms_left(until) > 0)
        h2_turn(p, ms_left(until));
    return h2_answer(p, id);
}

static inline int h2_status(H2Peer *p, i32 id)
{
    H2Answer *a = h2_await(p, id, 5000);
    return a->closed ? a->status : 0;
}

/* Until `text` is in the body that has come so far. */
static inline bool h2_hears(H2Peer *p, i32 id, Str text, int ms)
{
    Mono until = roof(ms);

    while (!str_has(buf_str(&h2_answer(p, id)->body), text)) {
        if (p->gone || ms_left(until) <= 0)
            return false;
        h2_turn(p, ms_left(until));
    }
    return true;
}

/* Until the server has closed. */
static inline bool h2_gone(H2Peer *p, int ms)
{
    Mono until = roof(ms);

    while (!p->gone && ms_left(until) > 0)
        h2_turn(p, ms_left(until));
    return p->gone;
}
