/* event_http.c - read, call, reply. */
#include "events/event_http.h"
#include "access/guard.h"

static const Field event_reply_fields[] = { OBJECT(EventReply, event, &event_shape, 0,
                                                   "it") };
const Shape event_reply_shape = { "EventReply", sizeof(EventReply), event_reply_fields,
                                  1 };

static const Field event_do_fields[] = {
    NAME(EventDo, action, &event_actions, 0, "which way to go"),
    TEXT(EventDo, reason, 0, 1000, OPTIONAL, "why, for the history"),
};
const Shape event_do_shape = { "EventDo", sizeof(EventDo), event_do_fields,
                               countof(event_do_fields) };

static const Field event_cancel_fields[] = {
    TEXT(EventCancel, reason, 1, 1000, 0, "why, for the history"),
};
const Shape event_cancel_shape = { "EventCancel", sizeof(EventCancel),
                                   event_cancel_fields, countof(event_cancel_fields) };

typedef struct {
    EventId     id;
    EventIn     in;
    EventChange change;
    EventAction action;
    Str         reason;
    EventReply  out;
} EventWork;

static bool add(Ctx *cx, void *arg)
{
    EventWork *w = arg;
    return event_add(cx, w->id, &w->in, &w->out.event);
}

bool event_create(Ctx *cx, Req *rq)
{
    EventWork w = { .id = { uuid_new(cx->now) } };

    return req_read(cx, rq, &event_in_shape, &w.in)
        && reply_once(cx, rq, lane_of(w.id.v), add, &w, 201, &event_reply_shape, &w.out);
}

static bool see(Ctx *cx, void *arg)
{
    EventWork *w = arg;
    return event_see(cx, w->id, &w->out.event);
}

bool event_show(Ctx *cx, Req *rq)
{
    EventWork w = { 0 };

    return req_id(cx, rq, "id", &w.id.v) && read_tx(cx, see, &w)
        && reply(cx, rq, 200, &event_reply_shape, &w.out);
}

static bool change(Ctx *cx, void *arg)
{
    EventWork *w = arg;
    return event_change(cx, w->id, &w->change, &w->out.event);
}

bool event_update(Ctx *cx, Req *rq)
{
    EventWork w = { 0 };

    return req_id(cx, rq, "id", &w.id.v) &&
           req_read(cx, rq, &event_change_shape, &w.change)
        && write_tx(cx, lane_of(w.id.v), change, &w)
        && reply(cx, rq, 200, &event_reply_shape, &w.out);
}

static bool delete(Ctx *cx, void *arg)
{
    EventWork *w = arg;
    return event_delete(cx, w->id);
}

bool event_remove(Ctx *cx, Req *rq)
{
    EventWork w = { 0 };

    return req_id(cx, rq, "id", &w.id.v) && write_tx(cx, lane_of(w.id.v), delete, &w)
        && reply_empty(rq, 204);
}

/* ---- moves ---------------------------------------------------------------- */

static bool act(Ctx *cx, void *arg)
{
    EventWork *w = arg;
    return event_act(cx, w->id, w->action, w->reason, &w->out.event);
}

static bool act_and_reply(Ctx *cx, Req *rq, EventAction action, Str reason)
{
    EventWork w = { .action = action, .reason = reason };

    return req_id(cx, rq, "id", &w.id.v) && write_tx(cx, lane_of(w.id.v), act, &w)
        && reply(cx, rq, 200, &event_reply_shape, &w.out);
}

bool event_publish(Ctx *cx, Req *rq)
{
    return act_and_reply(cx, rq, DO_PUBLISH, (Str){ 0 });
}

bool event_transition(Ctx *cx, Req *rq)
{
    EventDo in;

    return req_read(cx, rq, &event_do_shape, &in)
        && act_and_reply(cx, rq, (EventAction)in.action, in.reason);
}

bool event_cancel(Ctx *cx, Req *rq)
{
    EventCancel in;

    return req_read(cx, rq, &event_cancel_shape, &in)
        && act_and_reply(cx, rq, DO_CANCEL, in.reason);
}

/* ---- the list ------------------------------------------------------------- */

typedef struct {
    EventFilter filter;
    Cursor      after;
    i64         most;
    Event      *rows;
    isize       count;
} EventPage;

typedef struct EventQuery {
    int status;
    VenueId venueId;
    Str search;
    Instant from;
} EventQuery;
const Shape event_query_shape = SHAPE(EventQuery,
    CHOICE(EventQuery, status, &event_states, "only those in this state"),
    ID(EventQuery, venueId, OPTIONAL, "only those there"),
    TEXT(EventQuery, search, 0, 200, OPTIONAL, "only those that have this in their name"),
    TIME(EventQuery, from, OPTIONAL, "only those that end after it"));

static bool read_filter(Ctx *cx, const Req *rq, EventFilter *f)
{
    EventQuery q;

    if (!req_read_query(cx, rq, &event_query_shape, &q))
        return false;
    *f = (EventFilter){ .search = q.search, .venue = q.venueId, .from = q.from };
    if (q.status >= 0)
        f->status = names_str(&event_states, q.status);
    return true;
}

static bool list(Ctx *cx, void *arg)
{
    EventPage *p = arg;
    return event_list(cx, &p->filter, p->after, p->most, &p->rows, &p->count);
}

bool event_index(Ctx *cx, Req *rq)
{
    static const Cursor start = { INT64_MIN, { { 0 } } };
    EventPage p = { 0 };
    Page page;
    Str next = { 0 };

    if (!req_page(cx, rq, &page) || !read_filter(cx, rq, &p.filter) ||
        !cursor_read(cx, page.cursor, start, &p.after))
        return false;
    p.most = page.limit + 1;
    if (!read_tx(cx, list, &p))
        return false;
    if (page_cut(&page, &p.count)) {
        const Event *last = &p.rows[p.count - 1];
        next = cursor_write(cx->mem, (Cursor){ last->startsAt.ms, last->id.v });
    }
    return reply_list(cx, rq, &event_shape, p.rows, p.count, page.limit, next);
}

/* ---- content -------------------------------------------------------------- */

typedef struct { EventId id; Content content; } ContentWork;

static bool get_content(Ctx *cx, void *arg)
{
    ContentWork *w = arg;
    return content_get(cx, w->id, &w->content);
}

bool content_show(Ctx *cx, Req *rq)
{
    ContentWork w = { 0 };

    return req_id(cx, rq, "id", &w.id.v) && read_tx(cx, get_content, &w)
        && reply(cx, rq, 200, &content_shape, &w.content);
}

static bool put_content(Ctx *cx, void *arg)
{
    ContentWork *w = arg;
    return content_put(cx, w->id, &w->content);
}

bool content_update(Ctx *cx, Req *rq)
{
    ContentWork w = { 0 };

    return req_id(cx, rq, "id", &w.id.v) && req_read(cx, rq, &content_shape, &w.content)
        && write_tx(cx, lane_of(w.id.v), put_content, &w)
        && reply(cx, rq, 200, &content_shape, &w.content);
}
