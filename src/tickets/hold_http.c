/* hold_http.c - reservations over HTTP. */
#include "access/guard.h"
#include "tickets/order.h"
#include "tickets/tickets_http.h"

typedef struct { HoldId id; HoldAnswer answer; } Work;

/* POST /api/v1/tickets/purchase -> 201 {reservation} */
bool hold_create(Ctx *cx, Req *rq)
{
    Placing p = { 0 };
    return req_read(cx, rq, &wish_shape, &p.wish) &&
           reply_once_many(cx, rq, lane_of(p.wish.eventId.v), hold_place_many, &p, 201,
                           &hold_answer_shape, &p.answer);
}

static bool look(Ctx *cx, void *arg)
{
    Work *w = arg;
    return hold_get(cx, w->id, &w->answer.reservation);
}

/* GET /api/v1/tickets/reservations/:id -> 200 {reservation} */
bool hold_show(Ctx *cx, Req *rq)
{
    Work w = { 0 };
    return req_id(cx, rq, "id", &w.id.v) && read_tx(cx, look, &w) &&
           reply(cx, rq, 200, &hold_answer_shape, &w.answer);
}

/* A buyer who gives back what has ended already gets the same answer: it is not held. */
static bool release(Ctx *cx, void *arg)
{
    Work *w = arg;
    Hold *h = &w->answer.reservation;
    bool ended;

    if (!hold_get(cx, w->id, h))
        return false;
    if (h->status == HOLD_COMPLETED)
        return fail(cx, INVALID_STATE, "the hold has become an order");
    if (!hold_end(cx, h, HOLD_CANCELLED, &ended))
        return false;
    return !ended || (order_lapse(cx, h->id, ORDER_CANCELLED) && hold_get(cx, w->id, h));
}

/* DELETE /api/v1/tickets/reservations/:id -> 200 {reservation} */
bool hold_release(Ctx *cx, Req *rq)
{
    Work w = { 0 };
    EventId event;
    return req_id(cx, rq, "id", &w.id.v) && hold_event(cx, w.id, &event) &&
           write_tx(cx, lane_of(event.v), release, &w) &&
           reply(cx, rq, 200, &hold_answer_shape, &w.answer);
}
