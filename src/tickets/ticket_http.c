/* ticket_http.c - one's own tickets over HTTP, and the code that admits. */
#include "access/guard.h"
#include "events/cursor.h"
#include "tickets/code.h"
#include "tickets/ticket.h"
#include "tickets/tickets_http.h"

/* GET /api/v1/tickets/:id -> 200 {ticket} */
bool ticket_show(Ctx *cx, Req *rq)
{
    TicketAnswer a = { 0 };
    TicketId id;
    return req_id(cx, rq, "id", &id.v) && ticket_get(cx, id, &a.ticket) &&
           reply(cx, rq, 200, &ticket_answer_shape, &a);
}

/* GET /api/v1/tickets -> 200 {data, pagination} */
bool ticket_page_http(Ctx *cx, Req *rq)
{
    Page page;
    Cursor older;
    Ticket *rows;
    isize n;

    if (!req_page(cx, rq, &page) ||
        !cursor_read(cx, page.cursor, (Cursor){ 0 }, &older) ||
        !ticket_list(cx, (TicketId){ older.id }, page.limit + 1, &rows, &n))
        return false;
    bool more = page_cut(&page, &n);
    return reply_list(cx, rq, &ticket_shape, rows, n, page.limit,
                      more ? cursor_write(cx->mem, (Cursor){ 0, rows[n - 1].id.v })
                           : (Str){ 0 });
}

typedef struct { Handover in; TicketAnswer answer; } Handing;

static bool hand_over(Ctx *cx, void *arg)
{
    Handing *h = arg;
    return ticket_hand_over(cx, &h->in, &h->answer.ticket);
}

/* POST /api/v1/transfer -> 200 {ticket}. Who asks again is not the owner any more, and
 * still has to get his first answer: so whose it is is asked inside. */
bool ticket_transfer(Ctx *cx, Req *rq)
{
    Handing h = { 0 };
    EventId event;
    return req_read(cx, rq, &handover_shape, &h.in) &&
           ticket_event(cx, h.in.ticketId, &event) &&
           reply_once(cx, rq, lane_of(event.v), hand_over, &h, 200, &ticket_answer_shape,
                      &h.answer);
}

typedef struct { Str qrCode; Instant expiresAt; Str svg; } CodeAnswer;
const Shape code_answer_shape = SHAPE(CodeAnswer,
    TEXT(CodeAnswer, qrCode, 47, 47, 0, "Good for this step of 30 s and one beside it"),
    TIME(CodeAnswer, expiresAt, 0, "Ask for the next one then"),
    TEXT(CodeAnswer, svg, 1, 65536, 0, "The same as a picture"));

static bool admits(Ctx *cx, const Ticket *t)
{
    return t->status == TICKET_SOLD || t->status == TICKET_TRANSFERRED ||
           fail(cx, INVALID_STATE, "ticket is %s", ticket_status_names.at[t->status]);
}

/* GET /api/v1/qr/:ticketId -> 200 {qrCode, expiresAt, svg} */
bool ticket_code(Ctx *cx, Req *rq)
{
    TicketId id;
    Ticket t;
    CodeAnswer a;

    if (!req_id(cx, rq, "ticketId", &id.v) || !ticket_get(cx, id, &t) || !admits(cx, &t))
        return false;
    CodeKey key = code_key(cx->tenant, t.eventId);
    Code c = { t.id, (int)(t.generation & 63), code_step(cx->now) };
    a.qrCode = code_write(cx->mem, &key, cx->tenant, t.eventId, &c);
    a.expiresAt = (Instant){ (c.step + 1) * CODE_STEP_MS };
    return code_svg(cx, a.qrCode, &a.svg) && reply(cx, rq, 200, &code_answer_shape, &a);
}
