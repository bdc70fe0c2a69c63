/* stream.c - one stream: how it begins, what it is sent, when it ends. */
#include "net/stream.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "base/rand.h"
#include "net/io.h"

enum { PARTS_MOST = 64,             /* frames in one write                   */
       KERNEL_MOST = 64 << 10 };    /* bytes that the kernel keeps for one (it doubles them);
                                       by itself it keeps megabytes for who doesn't
                                       read */

bool reply_stream(Ctx *cx, Req *rq, const StreamWish *wish)
{
    StreamWish *copy = make(cx->mem, StreamWish, 1);

    *copy = *wish;
    must(wish->count >= 0 && wish->count <= TOPICS_MOST);
    reply_header(cx, rq, S("Cache-Control"), S("no-cache"));
    reply_header(cx, rq, S("X-Accel-Buffering"), S("no"));
    rq->reply.stream = rq->head ? NULL : copy;
    rq->reply.endless = rq->head;
    return reply_text(rq, 200, S("text/event-stream"), wish->first);
}

static void publish(Server *s, Frame *f)
{
    for (int i = 0; i < s->io_count; i++)
        if (!inbox_put_frame(&s->io[i]->inbox, f, f->id))
            frame_drop(f);
}

void stream_publish(Server *s, i64 id, const Topic *topics, int count, Str wire)
{
    publish(s, frame_new(id, topics, count, wire, s->io_count));
}

void stream_publish_last(Server *s, i64 id, const Topic *topics, int count, Str wire)
{
    Frame *f = frame_new(id, topics, count, wire, s->io_count);

    f->last = true;
    publish(s, f);
}

void stream_review(Server *s)
{
    atomic_fetch_add(&s->reviews, 1);
    for (int i = 0; i < s->io_count; i++)
        inbox_ring(&s->io[i]->inbox);
}

StreamCounts stream_counts(Server *s)
{
    StreamCounts sum = { 0 };

    for (int i = 0; i < s->io_count; i++) {
        const Hub *h = &s->io[i]->hub;
        sum.open += h->open;
        sum.delivered += h->delivered;
        sum.cut += h->cut;
        sum.topics += h->topic_count;
    }
    return sum;
}

/* Up to a tenth less than the longest life, so that not all come again at once. */
static Mono end_of_life(const Server *s, Span wished, Mono now)
{
    i64 most = s->config.sse_lasts.ms;
    i64 lasts = most - (i64)rand_below((u32)(most / 10 + 1));

    return mono_after(now,
                      (Span){ wished.ms > 0 && wished.ms < lasts ? wished.ms : lasts });
}

static void bound_kernel(const Conn *c)
{
    int most = KERNEL_MOST;

    if (!c->link.via->shared)
        setsockopt(c->link.fd, SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
}

static Stream *new_stream(Conn *c, const StreamWish *wish)
{
    Stream *s = calloc(1, sizeof *s + (size_t)wish->count * sizeof(Sub));

    must(s != NULL);
    s->conn = c;
    s->count = wish->count;
    s->until = end_of_life(c->io->server, wish->lasts, c->io->now);
    s->blocked = c->out != NULL;
    s->blocked_since = s->asked = c->io->now;
    s->over = wish->over;
    s->of = wish->of;
    for (int i = 0; i < s->count; i++)
        s->subs[i].topic = wish->topics[i];
    return s;
}

static void count_owner(Conn *c, const StreamWish *wish)
{
    Server *server = c->io->server;

    if (wish->owner_most <= 0)
        return;
    int ring = owners_join(&server->owners, &c->stream->owned, wish->owner,
                           wish->owner_most, c->io->number);
    if (ring >= 0)
        inbox_ring(&server->io[ring]->inbox);
}

void stream_start(Conn *c, const StreamWish *wish)
{
    Hub *h = &c->io->hub;
    u64 at;

    conn_forget(c);
    if (!hub_seek(h, wish->after, &at)) {
        h->cut++;
        conn_close(c);
        return;
    }
    bound_kernel(c);
    Stream *s = c->stream = new_stream(c, wish);
    s->cursor = at;
    s->after = wish->after;
    conn_become(c, C_STREAMING, DUE_BEAT);
    count_owner(c, wish);
    hub_join(h, s);
    if (stream_reviewed(s))                       /* it ended on the way here */
        return;
    if (at < h->head)
        hub_mark(h, s);
    if (c->io->server->draining)
        stream_send_away(c, PART_SHUTDOWN);
}

void stream_end(Conn *c)
{
    Stream *s = c->stream;

    c->stream = NULL;
    hub_leave(&c->io->hub, s);
    owners_leave(&c->io->server->owners, &s->owned);
    free(s);
}

/* A frame may come to the log after a stream that has had it by replay. */
static bool wants(const Stream *s, const Frame *f)
{
    if (f->id != 0 && f->id <= s->after)
        return false;
    for (int i = 0; i < f->topic_count; i++)
        for (int k = 0; k < s->count; k++)
            if (f->topics[i].v == s->subs[k].topic.v)
                return true;
    return false;
}

/* What one write takes, and where each part lies in the log. */
typedef struct Batch {
    int          count;
    bool         last;                            /* nothing follows it       */
    u64          end;                             /* looked at up to here     */
    u64          at[PARTS_MOST];
    struct iovec parts[PARTS_MOST];
} Batch;

static void gather(const Hub *h, const Stream *s, Batch *b)
{
    b->count = 0;
    b->last = false;
    for (b->end = s->cursor; b->end < h->head && b->count < PARTS_MOST && !b->last;
         b->end++) {
        Frame *f = h->ring[b->end % RING];
        if (!wants(s, f))
            continue;
        isize skip = b->end == s->cursor ? s->sent : 0;
        b->parts[b->count] = (struct iovec){ f->text + skip, (size_t)(f->len - skip) };
        b->at[b->count++] = b->end;
        b->last = f->last;
    }
}

/* Moves the cursor over n written bytes. */
static void advance(Hub *h, Stream *s, const Batch *b, isize n)
{
    int i = 0;

    for (; i < b->count && n >= (isize)b->parts[i].iov_len; i++)
        n -= (isize)b->parts[i].iov_len;
    h->delivered += i;
    if (i == b->count) {
        s->cursor = b->end;
        s->sent = 0;
    } else {
        s->sent = b->at[i] == s->cursor ? s->sent + n : n;
        s->cursor = b->at[i];
    }
}

static void block(Stream *s)
{
    s->blocked = true;
    s->blocked_since = s->conn->io->now;
}

static void send_batches(Hub *h, Stream *s)
{
    Link *link = &s->conn->link;
    Batch b;

    while (s->cursor < h->head) {
        gather(h, s, &b);
        isize n = b.count == 0 ? 0 : link->via->write(link, b.parts, b.count);
        if (n == LINK_GONE) {
            conn_close(s->conn);
            return;
        }
        if (n == LINK_AGAIN) {
            block(s);
            return;
        }
        advance(h, s, &b, n);
        if (b.last && s->cursor == b.end) {
            conn_finish(s->conn);
            return;
        }
    }
    due_set(&h->io->dues, &s->conn->due, DUE_BEAT, h->io->now);
}

/* Whether who opened it may no longer listen; that is asked for at most once a second,
 * because a busy stream comes by here all the time. */
static bool is_over(Stream *s, Mono now)
{
    if (s->over == NULL || mono_after(s->asked, seconds(1)).ns > now.ns)
        return false;
    s->asked = now;
    return s->over(&s->of);
}

bool stream_reviewed(Stream *s)
{
    s->asked = s->conn->io->now;
    if (s->over == NULL || !s->over(&s->of))
        return false;
    stream_send_away(s->conn, PART_ENDED);
    return true;
}

/* Sends it away when it is time; true: it is gone. */
static bool leaves(Stream *s, Mono now)
{
    if (is_over(s, now))
        stream_send_away(s->conn, PART_ENDED);
    else if (s->until.ns <= now.ns)
        stream_send_away(s->conn, PART_LIFETIME);
    else
        return false;
    return true;
}

void stream_flush(Hub *h, Stream *s)
{
    if (s->blocked)
        return;
    if (s->cursor < h->tail) {
        h->cut++;
        conn_close(s->conn);
    } else if (!leaves(s, h->io->now))
        send_batches(h, s);
}

void stream_writable(Conn *c)
{
    Stream *s = c->stream;

    s->blocked = c->out != NULL;
    if (!s->blocked && s->cursor < c->io->hub.head)
        hub_mark(&c->io->hub, s);
}

static void ping(Conn *c)
{
    char text[48];
    int n = snprintf(text, sizeof text, ": ping %jd\n\n", (intmax_t)time_now().ms);

    due_set(&c->io->dues, &c->due, DUE_BEAT, c->io->now);
    if (conn_put(c, (Str){ text, n }) && c->out != NULL)
        block(c->stream);
}

static bool stuck(const Stream *s, Mono now)
{
    Span most = s->conn->io->server->config.write_within;
    return s->blocked && mono_after(s->blocked_since, most).ns <= now.ns;
}

void stream_beat(Conn *c)
{
    Stream *s = c->stream;
    Mono now = c->io->now;

    if (stuck(s, now))
        conn_close(c);
    else if (leaves(s, now))
        return;
    else if (s->blocked || s->dirty)
        due_set(&c->io->dues, &c->due, DUE_BEAT, now);
    else
        ping(c);
}
