/* nats_replay.c - the stream is asked by direct gets: a browser that comes back has
 * mostly missed nothing or a few, and a get costs a tenth of what making and ending a
 * consumer for each subject costs.
 *
 * Anchor: the newest message whose id is at most the asked one. Ids rise by one or more
 * from sequence to sequence, so counted back from the end that this node has heard,
 *
 *     sequence(anchor) >= sequence(end) - (id(end) - asked)
 *
 * and where no id was left out that is the anchor itself: one get. Where some were, it
 * is a few steps further. What was missed are the messages after the anchor. That the
 * anchor is still there when all is read proves that nothing after it was dropped
 * meanwhile, because the oldest go first. Where any of this can't be shown the answer is
 * "can't say", and the outbox is asked. */
#include "bus/nats.h"
#include <nats/nats.h>

#define REPLAY_WITHIN ((Span){ 1000 })

typedef enum Got { GOT, GOT_NONE, GOT_ERROR } Got;

typedef struct Reading {
    Link *link;
    Mono  until;
} Reading;

/* The message at `sequence`, or with a subject the first of it from there on. */
static Got get(const Reading *r, u64 sequence, const char *subject, natsMsg **msg)
{
    jsDirectGetMsgOptions which;
    jsOptions o;
    i64 left = mono_us(mono_now(), r->until) / 1000;

    if (left <= 0)
        return GOT_ERROR;
    jsOptions_Init(&o);
    o.Wait = left;
    jsDirectGetMsgOptions_Init(&which);
    which.Sequence = sequence;
    which.NextBySubject = subject;
    natsStatus s = js_DirectGetMsg(msg, r->link->js, STREAM_NAME, &o, &which);
    return s == NATS_OK ? GOT : s == NATS_NOT_FOUND ? GOT_NONE : GOT_ERROR;
}

/* ---- the anchor ------------------------------------------------------------------- */

/* The id at a sequence; 0: nothing of ours there, or no answer. */
static i64 id_at(const Reading *r, u64 sequence)
{
    natsMsg *msg = NULL;
    i64 id = get(r, sequence, NULL, &msg) == GOT ? message_id(msg) : 0;

    natsMsg_Destroy(msg);
    return id;
}

/* The same, of the first message that is there at or after *sequence. */
static i64 id_from(const Reading *r, u64 *sequence)
{
    natsMsg *msg = NULL;
    i64 id = 0;

    if (get(r, *sequence, STREAM_SUBJECTS, &msg) == GOT) {
        id = message_id(msg);
        *sequence = (u64)natsMsg_GetSequence(msg);
    }
    natsMsg_Destroy(msg);
    return id;
}

/* Between `low`, whose id is at most `after`, and `high`, whose id is larger. */
static bool narrow(const Reading *r, i64 after, u64 low, u64 high, u64 *anchor)
{
    while (high - low > 1) {
        u64 middle = low + (high - low) / 2;
        i64 id = id_at(r, middle);
        if (id == 0)
            return false;
        if (id <= after)
            low = middle;
        else
            high = middle;
    }
    *anchor = low;
    return true;
}

static bool find_anchor(const Reading *r, i64 after, u64 end, i64 end_id, u64 *anchor)
{
    if (after >= end_id) {
        *anchor = end;
        return true;
    }
    u64 back = (u64)(end_id - after), low = back < end ? end - back : 1;
    i64 id = id_from(r, &low);
    if (id == 0 || id > after || low >= end)
        return false;
    for (u64 step = 1; id < after; step *= 2) {
        u64 far = low + step < end ? low + step : end;
        id = far == end ? end_id : id_at(r, far);
        if (id == 0)
            return false;
        if (id > after)
            return narrow(r, after, low, far, anchor);
        low = far;
    }
    *anchor = low;
    return true;
}

/* ---- what follows it --------------------------------------------------------------- */

typedef struct Head { const char *subject; natsMsg *msg; i64 id; } Head;

/* A head without a message: its subject has no more. */
static bool advance(const Reading *r, Head *h, u64 from, i64 upto)
{
    natsMsg_Destroy(h->msg);
    h->msg = NULL;
    Got got = get(r, from, h->subject, &h->msg);
    if (got == GOT_ERROR)
        return false;
    h->id = got == GOT ? message_id(h->msg) : 0;
    if (got == GOT && h->id > 0 && h->id <= upto)
        return true;
    natsMsg_Destroy(h->msg);
    h->msg = NULL;
    return got == GOT_NONE || h->id > 0;
}

static Head *nearest(Head *heads, int count)
{
    Head *first = NULL;

    for (int i = 0; i < count; i++)
        if (heads[i].msg != NULL && (first == NULL || heads[i].id < first->id))
            first = &heads[i];
    return first;
}

static bool keep(Ctx *cx, natsMsg *msg, i64 after, Message *to)
{
    if (!message_read(msg, to) || to->id <= after)
        return false;
    to->type = str_copy(cx->mem, to->type);
    to->data = str_copy(cx->mem, to->data);
    return true;
}

static bool read_all(Ctx *cx, const Reading *r, const BusWish *w, u64 anchor, Head *heads,
                     Message *rows, isize *count)
{
    for (int i = 0; i < w->count; i++) {
        heads[i].subject = str_z(cx->mem, w->subjects[i]);
        if (!advance(r, &heads[i], anchor + 1, w->upto))
            return false;
    }
    i64 left = w->bytes > 0 ? w->bytes : INT64_MAX;

    for (Head *h; *count < w->most && left > 0 && (h = nearest(heads, w->count)) != NULL;
         ) {
        Message *m = &rows[(*count)++];
        if (!keep(cx, h->msg, w->after, m) ||
            !advance(r, h, (u64)natsMsg_GetSequence(h->msg) + 1, w->upto))
            return false;
        left -= m->data.len;
    }
    return true;
}

bool replay_wish(Ctx *cx, const BusWish *w, Message **rows, isize *count)
{
    Reading r = { link_now(), mono_after(mono_now(), REPLAY_WITHIN) };
    Head heads[BUS_SUBJECTS_MOST] = { 0 };
    u64 end, anchor;
    i64 end_id;

    if (r.link == NULL || !tail_at(&end, &end_id))
        return false;
    if (cx->deadline.ns < r.until.ns)
        r.until = cx->deadline;
    *rows = make(cx->mem, Message, w->most + 1);
    *count = 0;
    bool good = find_anchor(&r, w->after, end, end_id, &anchor)
             && read_all(cx, &r, w, anchor, heads, *rows, count)
             && id_at(&r, anchor) > 0;
    for (int i = 0; i < w->count; i++)
        natsMsg_Destroy(heads[i].msg);
    return good;
}
