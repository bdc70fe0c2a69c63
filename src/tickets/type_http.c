/* type_http.c - ticket types over HTTP. */
#include "access/guard.h"
#include "tickets/tickets_http.h"
#include "tickets/type.h"

typedef struct { TypeAnswer answer; TypeId id; TypeChange change; } Work;

static bool make_one(Ctx *cx, void *arg)
{
    return type_make(cx, &((Work *)arg)->answer.ticketType);
}

/* POST /api/v1/tickets/types -> 201 {ticketType} */
bool type_post(Ctx *cx, Req *rq)
{
    Work w = { 0 };
    return req_read(cx, rq, &type_new_shape, &w.answer.ticketType) &&
           reply_once(cx, rq, lane_of(w.answer.ticketType.eventId.v), make_one, &w, 201,
                      &type_answer_shape, &w.answer);
}

static bool change_one(Ctx *cx, void *arg)
{
    Work *w = arg;
    return type_change(cx, w->id, &w->change, &w->answer.ticketType);
}

/* PUT /api/v1/tickets/types/:id -> 200 {ticketType} */
bool type_put(Ctx *cx, Req *rq)
{
    Work w = { 0 };
    return req_id(cx, rq, "id", &w.id.v) &&
           req_read(cx, rq, &type_change_shape, &w.change) &&
           type_get(cx, w.id, &w.answer.ticketType) &&
           write_tx(cx, lane_of(w.answer.ticketType.eventId.v), change_one, &w) &&
           reply(cx, rq, 200, &type_answer_shape, &w.answer);
}

/* GET /api/v1/tickets/types/:id -> 200 {ticketType} */
bool type_one(Ctx *cx, Req *rq)
{
    TypeAnswer a = { 0 };
    TypeId id;
    return req_id(cx, rq, "id", &id.v) && type_get(cx, id, &a.ticketType) &&
           reply(cx, rq, 200, &type_answer_shape, &a);
}

/* GET /api/v1/tickets/events/:eventId/types -> 200 {data: [ticketType]} */
bool type_of_event(Ctx *cx, Req *rq)
{
    EventId event;
    TicketType *rows;
    isize n;
    return req_id(cx, rq, "eventId", &event.v) && type_list(cx, event, &rows, &n) &&
           reply_list(cx, rq, &type_shape, rows, n, 200, (Str){ 0 });
}
