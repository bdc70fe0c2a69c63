/* hub.c - see hub.h. */
#include "net/hub.h"
#include <stdlib.h>
#include "net/io.h"

enum { FLUSH_SLICE = 256, MARK_SLICE = 2048, REVIEW_SLICE = 256 };

void hub_open(Hub *h, Io *io)
{
    *h = (Hub){ .io = io };
    h->ring = calloc(RING, sizeof *h->ring);
    h->ids = calloc(RING, sizeof *h->ids);
    must(h->ring != NULL && h->ids != NULL);
    topics_open(&h->topics);
}

void hub_close(Hub *h)
{
    for (u64 at = h->tail; at < h->head; at++)
        frame_drop(h->ring[at % RING]);
    topics_close(&h->topics);
    free(h->ring);
    free(h->ids);
}

static void cut_all(Hub *h)
{
    Due *oldest;

    while ((oldest = h->io->dues.lists[DUE_BEAT].oldest) != NULL) {
        h->cut++;
        conn_close((Conn *)oldest);
    }
    h->marked = h->head;
    h->topic_at = 0;
}

static void drop_oldest(Hub *h)
{
    u64 at = h->tail++ % RING;

    if (h->tail > h->marked)
        cut_all(h);
    h->dropped = h->ids[at];
    h->bytes -= h->ring[at]->len;
    frame_drop(h->ring[at]);
}

static void put(Hub *h, Frame *f)
{
    i64 newest = h->head == 0 ? 0 : h->ids[(h->head - 1) % RING];

    h->bytes += f->len;
    while (h->tail < h->head && (h->head - h->tail == RING || h->bytes > RING_BYTES))
        drop_oldest(h);
    h->ring[h->head % RING] = f;
    h->ids[h->head % RING] = f->id > newest ? f->id : newest;
    h->head++;
}

void hub_take(Hub *h, Frame **frames, isize count, i64 lost)
{
    for (isize i = 0; i < count; i++)
        put(h, frames[i]);
    if (lost >= 0)
        cut_all(h);
    if (lost > h->dropped)
        h->dropped = lost;
}

bool hub_busy(const Hub *h)
{
    return h->marked < h->head || h->first_dirty != NULL || h->review_at != NULL ||
           h->reviewed != h->io->server->reviews;
}

bool hub_seek(const Hub *h, i64 after, u64 *at)
{
    u64 low = h->tail, high = h->head;

    if (after < 0) {
        *at = h->head;
        return true;
    }
    if (after < h->dropped)
        return false;
    while (low < high) {
        u64 middle = low + (high - low) / 2;
        if (h->ids[middle % RING] > after)
            high = middle;
        else
            low = middle + 1;
    }
    *at = low;
    return true;
}

static void add_dirty(Hub *h, Stream *s)
{
    s->dirty = true;
    s->next = NULL;
    s->prev = h->last_dirty;
    if (h->last_dirty != NULL)
        h->last_dirty->next = s;
    else
        h->first_dirty = s;
    h->last_dirty = s;
}

static void take_dirty(Hub *h, Stream *s)
{
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        h->first_dirty = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    else
        h->last_dirty = s->prev;
    s->dirty = false;
}

void hub_join(Hub *h, Stream *s)
{
    for (int i = 0; i < s->count; i++) {
        s->subs[i].stream = s;
        topics_join(&h->topics, &s->subs[i]);
    }
    s->earlier = h->last;
    *(h->last != NULL ? &h->last->later : &h->first) = s;
    h->last = s;
    h->open++;
    h->topic_count = h->topics.count;
}

static void take_out(Hub *h, Stream *s)
{
    if (h->review_at == s)
        h->review_at = s->later;
    *(s->earlier != NULL ? &s->earlier->later : &h->first) = s->later;
    *(s->later != NULL ? &s->later->earlier : &h->last) = s->earlier;
}

void hub_leave(Hub *h, Stream *s)
{
    if (s->dirty)
        take_dirty(h, s);
    take_out(h, s);
    for (int i = 0; i < s->count; i++) {
        if (h->sub_at == &s->subs[i])
            h->sub_at = s->subs[i].next;
        topics_leave(&h->topics, &s->subs[i]);
    }
    h->open--;
    h->topic_count = h->topics.count;
}

void hub_mark(Hub *h, Stream *s)
{
    if (!s->dirty && !s->blocked)
        add_dirty(h, s);
}

/* The frame at `marked` is one for s: a clean stream begins there, one that is behind
 * by the whole log is lost. */
static void mark(Hub *h, Stream *s)
{
    if (s->cursor > h->marked)
        return;
    if (s->dirty || s->blocked) {
        if (s->cursor < h->tail) {
            h->cut++;
            conn_close(s->conn);
        }
        return;
    }
    s->cursor = h->marked;
    add_dirty(h, s);
}

/* Goes to the next topic of the frame, or to the next frame. */
static void next_topic(Hub *h)
{
    const Frame *f = h->ring[h->marked % RING];

    if (h->topic_at == f->topic_count) {
        h->topic_at = 0;
        h->marked++;
        return;
    }
    h->sub_at = topics_first(&h->topics, f->topics[h->topic_at++]);
}

static void mark_slice(Hub *h)
{
    for (int i = 0; i < MARK_SLICE && h->marked < h->head; i++) {
        Sub *sub = h->sub_at;
        if (sub == NULL) {
            next_topic(h);
            continue;
        }
        h->sub_at = sub->next;
        mark(h, sub->stream);
    }
}

/* A review that is asked for while one goes on begins after it. */
static void review_slice(Hub *h)
{
    u64 asked = h->io->server->reviews;

    if (h->review_at == NULL && h->reviewed != asked) {
        h->reviewed = asked;
        h->review_at = h->first;
    }
    for (int i = 0; i < REVIEW_SLICE && h->review_at != NULL; i++) {
        Stream *s = h->review_at;
        h->review_at = s->later;
        stream_reviewed(s);
    }
}

void hub_turn(Hub *h)
{
    review_slice(h);
    mark_slice(h);
    for (int i = 0; i < FLUSH_SLICE && h->first_dirty != NULL; i++) {
        Stream *s = h->first_dirty;
        take_dirty(h, s);
        stream_flush(h, s);
    }
}
