/* venue_http.c - read, call, reply. Anybody of the tenant may see its venues: they
 * are on the posters anyway. */
#include "events/venue_http.h"
#include "access/guard.h"
#include "events/cursor.h"

static const Field venue_reply_fields[] = { OBJECT(VenueReply, venue, &venue_shape, 0,
                                                   "it") };
const Shape venue_reply_shape = { "VenueReply", sizeof(VenueReply), venue_reply_fields,
                                  1 };
static const Field staff_reply_fields[] = { OBJECT(StaffReply, staff, &staff_shape, 0,
                                                   "it") };
const Shape staff_reply_shape = { "StaffReply", sizeof(StaffReply), staff_reply_fields,
                                  1 };

typedef struct {
    VenueId     id;
    VenueIn     in;
    VenueChange change;
    VenueReply  out;
} VenueWork;

static bool add(Ctx *cx, void *arg)
{
    VenueWork *w = arg;
    return venue_add(cx, w->id, &w->in, &w->out.venue);
}

bool venue_create(Ctx *cx, Req *rq)
{
    VenueWork w = { .id = { uuid_new(cx->now) } };

    return req_read(cx, rq, &venue_in_shape, &w.in)
        && reply_once(cx, rq, lane_of(w.id.v), add, &w, 201, &venue_reply_shape, &w.out);
}

static bool get(Ctx *cx, void *arg)
{
    VenueWork *w = arg;
    return venue_get(cx, w->id, &w->out.venue);
}

bool venue_show(Ctx *cx, Req *rq)
{
    VenueWork w = { 0 };

    return req_id(cx, rq, "id", &w.id.v) && read_tx(cx, get, &w)
        && reply(cx, rq, 200, &venue_reply_shape, &w.out);
}

static bool change(Ctx *cx, void *arg)
{
    VenueWork *w = arg;
    return venue_change(cx, w->id, &w->change, &w->out.venue);
}

bool venue_update(Ctx *cx, Req *rq)
{
    VenueWork w = { 0 };

    return req_id(cx, rq, "id", &w.id.v) &&
           req_read(cx, rq, &venue_change_shape, &w.change)
        && write_tx(cx, lane_of(w.id.v), change, &w)
        && reply(cx, rq, 200, &venue_reply_shape, &w.out);
}

typedef struct { Cursor after; i64 most; Venue *rows; isize count; } VenuePage;

static bool list(Ctx *cx, void *arg)
{
    VenuePage *p = arg;
    return venue_list(cx, (VenueId){ p->after.id }, p->most, &p->rows, &p->count);
}

bool venue_index(Ctx *cx, Req *rq)
{
    VenuePage p = { 0 };
    Page page;
    Str next = { 0 };

    if (!req_page(cx, rq, &page) ||
        !cursor_read(cx, page.cursor, (Cursor){ 0 }, &p.after))
        return false;
    p.most = page.limit + 1;
    if (!read_tx(cx, list, &p))
        return false;
    if (page_cut(&page, &p.count))
        next = cursor_write(cx->mem, (Cursor){ 0, p.rows[p.count - 1].id.v });
    return reply_list(cx, rq, &venue_shape, p.rows, p.count, page.limit, next);
}

/* ---- staff ---------------------------------------------------------------- */

typedef struct {
    VenueId    venue;
    StaffIn    in;
    UserId     person;
    StaffReply out;
    Staff     *rows;
    isize      count;
} StaffWork;

static bool grant(Ctx *cx, void *arg)
{
    StaffWork *w = arg;
    return staff_grant(cx, w->venue, &w->in, &w->out.staff);
}

bool staff_create(Ctx *cx, Req *rq)
{
    StaffWork w = { 0 };

    return req_id(cx, rq, "id", &w.venue.v) && req_read(cx, rq, &staff_in_shape, &w.in)
        && reply_once(cx, rq, lane_of(w.venue.v), grant, &w, 201, &staff_reply_shape,
                      &w.out);
}

static bool list_staff(Ctx *cx, void *arg)
{
    StaffWork *w = arg;
    return staff_list(cx, w->venue, &w->rows, &w->count);
}

bool staff_index(Ctx *cx, Req *rq)
{
    StaffWork w = { 0 };

    return req_id(cx, rq, "id", &w.venue.v) && read_tx(cx, list_staff, &w)
        && reply_list(cx, rq, &staff_shape, w.rows, w.count, STAFF_MOST, (Str){ 0 });
}

static bool revoke(Ctx *cx, void *arg)
{
    StaffWork *w = arg;
    return staff_revoke(cx, w->venue, w->person);
}

bool staff_remove(Ctx *cx, Req *rq)
{
    StaffWork w = { 0 };

    return req_id(cx, rq, "id", &w.venue.v) && req_id(cx, rq, "personId", &w.person.v)
        && write_tx(cx, lane_of(w.venue.v), revoke, &w)
        && reply_empty(rq, 204);
}
