/* h2_stream.c - one stream of a session as a link. Bytes are handed to nghttp2 while
 * write() runs and at no other time, and nghttp2 copies none of them: they go from where
 * they are into the connection's outgoing buffer, and what finds no room there, or no
 * window, is not taken. A write never touches the socket, so it can't lose the
 * connection under its caller. */
#include "net/h2.h"
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "net/io.h"

enum { FIELDS_MOST = 128, STATUS_AT = 9, STATUS_LEN = 3 };

static H2Stream *stream_of(Link *l)
{
    return (H2Stream *)(void *)((char *)l - offsetof(Conn, link));
}

static isize nothing_to_read(Link *l, char *to, isize n)
{
    (void)l, (void)to, (void)n;
    return LINK_AGAIN;
}

static isize greeted(Link *l)
{
    (void)l;
    return GREETED;
}

static void wait_for_room(H2Stream *s)
{
    H2 *h = s->session;

    if (s->waits)
        return;
    s->waits = true;
    s->next_waiting = NULL;
    *h->last_waiting = s;
    h->last_waiting = &s->next_waiting;
}

static void wait_no_more(H2 *h, H2Stream *s)
{
    H2Stream **at = &h->first_waiting;

    while (*at != s)
        at = &(*at)->next_waiting;
    *at = s->next_waiting;
    if (*at == NULL)
        h->last_waiting = at;
    s->waits = false;
}

/* Those that waited when it began, in their order; each waits behind the others when it
 * could not finish. */
void h2_stream_wake(H2 *h)
{
    int count = 0;

    for (H2Stream *s = h->first_waiting; s != NULL; s = s->next_waiting)
        count++;
    h->wake = h->full = false;
    while (count-- > 0 && h->first_waiting != NULL && !h->full) {
        H2Stream *s = h->first_waiting;
        wait_no_more(h, s);
        conn_event(&s->conn, EPOLLOUT);
    }
}

/* ---- the answer's head ------------------------------------------------------ */

/* Fields about one connection of HTTP/1.1 (RFC 9113 8.2.2). */
static bool is_of_connection(Str name)
{
    static const Str names[] = { S("Connection"), S("Keep-Alive"), S("Proxy-Connection"),
                                 S("Transfer-Encoding"), S("Upgrade") };

    for (isize i = 0; i < countof(names); i++)
        if (str_is_nocase(name, names[i]))
            return true;
    return false;
}

static nghttp2_nv field(Str name, Str value)
{
    return (nghttp2_nv){ (u8 *)(uintptr_t)name.at, (u8 *)(uintptr_t)value.at,
                         (size_t)name.len, (size_t)value.len, NGHTTP2_NV_FLAG_NONE };
}

typedef struct Answer {
    nghttp2_nv fields[FIELDS_MOST];
    size_t     count;
    i64        status, length;                    /* length -1: not known     */
    isize      size;                              /* of its head              */
} Answer;

static void take_field(Answer *a, Str line)
{
    Str value = line, name = str_cut(&value, ':');

    value = str_trim(value);
    if (is_of_connection(name))
        return;
    if (str_is_nocase(name, S("Content-Length")))
        must(str_int(value, &a->length));
    must(a->count < FIELDS_MOST);
    a->fields[a->count++] = field(name, value);
}

/* Heads are written by wire.c, so they are whole and right. */
static void read_answer(Str text, Answer *a)
{
    Str rest = text, first = str_cut(&rest, '\n');
    Str status = str_sub(first, STATUS_AT, STATUS_AT + STATUS_LEN);

    a->count = 0;
    a->length = -1;
    must(str_int(status, &a->status));
    a->fields[a->count++] = field(S(":status"), status);
    for (;;) {
        Str line = str_cut(&rest, '\n');
        must(rest.at != NULL && line.len > 0);
        a->size = line.at + line.len + 1 - text.at;
        if (line.len == 1)
            return;
        take_field(a, str_sub(line, 0, line.len - 1));
    }
}

static bool has_body(const H2Stream *s, const Answer *a)
{
    return !s->head_only && a->status != 204 && a->status != 304 && a->length != 0;
}

static isize part_left(const H2Stream *s)
{
    isize n = -s->part_at;

    for (int i = 0; i < s->part_count; i++)
        n += (isize)s->parts[i].iov_len;
    return n;
}

/* How much of the answer may go into one frame. Of a stream that was let go only the end
 * is lacking. */
static ssize_t offer(nghttp2_session *session, i32 id, u8 *buf, size_t most, u32 *flags,
                     nghttp2_data_source *source, void *user)
{
    H2Stream *s = nghttp2_session_get_stream_user_data(session, id);

    (void)buf, (void)source, (void)user;
    if (s == NULL) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        return 0;
    }
    isize n = part_left(s), waits = s->session->out_len - s->session->out_at;
    if (n > (isize)most)
        n = (isize)most;
    if ((n == 0 && !s->ends) || (n > 0 && waits >= H2_OUT_MOST))
        return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (s->left >= 0 ? n == s->left : s->ends)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return n;
}

void h2_stream_send(H2Stream *s, Str head, isize n)
{
    isize left = n, at = s->part_at;

    h2_put(s->session, head);
    for (int i = 0; i < s->part_count && left > 0; i++) {
        isize len = (isize)s->parts[i].iov_len, k = len - at < left ? len - at : left;
        if (k > 0)
            h2_put(s->session, (Str){ (const char *)s->parts[i].iov_base + at, k });
        left -= k > 0 ? k : 0;
        at = at > len ? at - len : 0;
    }
    s->part_at += n;
    s->taken += n;
    if (s->left > 0)
        s->left -= n;
}

/* Takes `size` bytes of an answer's head; false when the stream can't be answered. */
static bool begin_answer(H2Stream *s, Str text, isize *size)
{
    static const nghttp2_data_provider provider = { .read_callback = offer };
    nghttp2_session *session = s->session->session;
    Answer a;

    read_answer(text, &a);
    *size = a.size;
    if (a.status < 200)
        return nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, s->id, NULL, a.fields,
                                      a.count, NULL) == 0;
    s->answered = true;
    s->left = has_body(s, &a) ? a.length : 0;
    return nghttp2_submit_response(session, s->id, a.fields, a.count,
                                   s->left == 0 ? NULL : &provider) == 0;
}

/* ---- the link --------------------------------------------------------------- */

static void hand_over(H2Stream *s, const struct iovec *parts, int count, isize from)
{
    s->parts = parts;
    s->part_count = count;
    s->part_at = from;
    s->taken = 0;
    nghttp2_session_resume_data(s->session->session, s->id);
    h2_pump(s->session);
    s->parts = NULL;
    s->part_count = 0;
    s->part_at = 0;
}

static isize h2_write(Link *l, const struct iovec *parts, int count)
{
    H2Stream *s = stream_of(l);
    H2 *h = s->session;
    isize head = 0;

    if (h == NULL || s->shut || h->lost)
        return LINK_GONE;
    h2_again(h);
    if (h->reading || h->out_len - h->out_at >= H2_OUT_MOST) {
        h->wake |= h->reading;
        h->full |= !h->reading;
        wait_for_room(s);
        return LINK_AGAIN;
    }
    if (!s->answered &&
        !begin_answer(s, (Str){ parts[0].iov_base, (isize)parts[0].iov_len }, &head))
        return LINK_GONE;
    hand_over(s, parts, count, head);
    if (h->lost || (s->shut && !s->ended))
        return LINK_GONE;
    if (head + s->taken == 0) {
        wait_for_room(s);
        return LINK_AGAIN;
    }
    return head + s->taken;
}

/* They end the stream. The body is in frames by now, so they overtake nothing, and no
 * window holds them back; the end that `offer` has for it comes too late then. */
static void put_trailers(H2Stream *s)
{
    nghttp2_nv fields[HEADERS_MOST];
    Str rest = s->trailers;
    size_t n = 0;

    while (rest.len > 0) {
        Str line = str_cut(&rest, '\n'), value = str_sub(line, 0, line.len - 1);
        Str name = str_cut(&value, ':');
        must(n < HEADERS_MOST);
        fields[n++] = field(name, str_trim(value));
    }
    nghttp2_submit_trailer(s->session->session, s->id, fields, n);
}

static void h2_finish(Link *l)
{
    H2Stream *s = stream_of(l);

    if (s->session == NULL || s->shut || s->ended || !s->answered || s->left >= 0)
        return;
    s->ends = true;
    if (s->trailers.len > 0)
        put_trailers(s);
    if (!s->session->reading)
        hand_over(s, NULL, 0, 0);
}

void h2_trailers(Conn *c, Str lines)
{
    H2Stream *s = stream_of(&c->link);
    char *at;

    if (lines.len == 0)
        return;
    must(s->trailers.at == NULL && (at = malloc((size_t)lines.len)) != NULL);
    memcpy(at, lines.at, (size_t)lines.len);
    s->trailers = (Str){ at, lines.len };
}

void h2_count_body(H2 *h, H2Stream *s, isize n)
{
    s->body += n;
    h->bodies += n;
    h->conn->io->jobs.bodies += n;
}

void h2_took(Conn *c, isize n)
{
    H2Stream *s = stream_of(&c->link);
    H2 *h = s->session;

    if (h == NULL)
        return;
    h2_count_body(h, s, -n);
    if (!s->shut && !h->lost)
        nghttp2_session_consume_stream(h->session, s->id, (size_t)n);
    h2_again(h);
}

/* Takes it out of the session's hands. What lacks only its end gets that as soon as the
 * window lets it; its client is told to stop sending when that has gone. All else is
 * reset, for its client waits for what will not come. */
static void let_go(H2 *h, H2Stream *s)
{
    nghttp2_session_set_stream_user_data(h->session, s->id, NULL);
    if (s->ended)
        h2_stop(h, s->id);
    else if (!s->answered || !(s->ends || s->left == 0))
        nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, s->id,
                                  s->answered ? NGHTTP2_CANCEL : NGHTTP2_INTERNAL_ERROR);
    else
        nghttp2_session_resume_data(h->session, s->id);
}

void h2_held_free(H2Held *k)
{
    if (k == NULL)
        return;
    free(k->at);
    free((void *)(uintptr_t)k->trailers.at);
    free(k);
}

static void h2_free(Link *l)
{
    H2Stream *s = stream_of(l);
    H2 *h = s->session;

    h2_held_free(s->held);
    s->held = NULL;
    free((void *)(uintptr_t)s->trailers.at);
    s->trailers = (Str){ 0 };
    if (h == NULL)
        return;
    if (s->waits)
        wait_no_more(h, s);
    if (!s->shut && !h->lost)
        let_go(h, s);
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        h->streams = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    h->count--;
    h2_count_body(h, s, -s->body);
    s->session = NULL;
    h2_again(h);
}

static const Transport h2_transport = { nothing_to_read, h2_write, greeted, h2_finish,
                                        h2_free, .shared = true };

H2Stream *h2_stream_open(H2 *h, int id)
{
    H2Stream *s = calloc(1, sizeof *s);
    Conn *c = h->conn;

    must(s != NULL);
    s->session = h;
    s->id = id;
    s->left = -1;
    s->conn.io = c->io;
    s->conn.link = (Link){ .via = &h2_transport, .fd = -1, .tls = c->link.tls };
    s->conn.state = C_HEAD;
    s->conn.peer_len = c->peer_len;
    memcpy(s->conn.peer, c->peer, c->peer_len);
    s->next = h->streams;
    if (s->next != NULL)
        s->next->prev = s;
    h->streams = s;
    h->count++;
    return s;
}
