/* order_http.c - orders over HTTP.
 *
 * The order is written and answered once (write_once); the provider is asked after
 * that, with the order's id as its key, so a retry that finds the first answer
 * gets the first intent too. */
#include "access/guard.h"
#include "events/cursor.h"
#include "pay/pay.h"
#include "tickets/order.h"
#include "tickets/tickets_http.h"

typedef struct { HoldId reservationId; EventId eventId; List tickets; } Purchase;

const Shape purchase_shape = SHAPE(Purchase,
    ID(Purchase, reservationId, OPTIONAL, "A reservation of yours, or"),
    ID(Purchase, eventId, OPTIONAL, "the event, with"),
    LIST(Purchase, tickets, &wish_line_shape, 1, HOLD_TYPES_MOST, OPTIONAL,
         "what to buy of it"));

typedef struct { Order order; PayIntent payment; } PurchaseAnswer;
const Shape purchase_answer_shape = SHAPE(PurchaseAnswer,
    OBJECT(PurchaseAnswer, order, &order_shape, 0, "What is to be paid"),
    OBJECT(PurchaseAnswer, payment, &pay_intent_shape, OPTIONAL,
           "Where; absent when it is free"));

typedef struct { Purchase in; OrderAnswer answer; } Work;

static bool buy(Ctx *cx, void *arg)
{
    Work *w = arg;
    Hold h = { .id = w->in.reservationId };
    Wish wish = { w->in.eventId, w->in.tickets };

    if (uuid_zero(h.id.v) && !hold_place(cx, &wish, &h))
        return false;
    return order_make(cx, h.id, &w->answer.order);
}

static bool one_way(Ctx *cx, const Purchase *p)
{
    bool wish = !uuid_zero(p->eventId.v) && p->tickets.count > 0;
    return uuid_zero(p->reservationId.v) == wish ||
           fail_field(cx, S("reservationId"),
                      "give either reservationId or eventId and tickets");
}

static bool lane_for(Ctx *cx, const Purchase *p, Lane *out)
{
    EventId event = p->eventId;

    if (!uuid_zero(p->reservationId.v) && !hold_event(cx, p->reservationId, &event))
        return false;
    *out = lane_of(event.v);
    return true;
}

/* What the kept answer says of the order is all that the provider needs to know. */
static bool intent_for(Ctx *cx, Str answer, PayIntent *out)
{
    Str why, id, currency;
    i64 total;
    OrderId order;
    const Json *j = json_read(cx->mem, answer, &why),
                *o = j == NULL ? NULL : json_member(j, "order");

    must(o != NULL && json_get_str(o, "id", &id) && uuid_read(id, &order.v) &&
         json_get_int(o, "totalCents", &total) && json_get_str(o, "currency", &currency));
    return total == 0 || pay_intent(cx, order, total, currency, out);
}

static bool reply_purchase(Ctx *cx, Req *rq, const Answer *a)
{
    PayIntent intent = { 0 };
    Buf b = buf_in(cx->mem, a->json.len + 256);

    if (!intent_for(cx, a->json, &intent))
        return false;
    buf_add(&b, str_sub(a->json, 0, a->json.len - 1));
    if (intent.intentId.at != NULL) {
        buf_lit(&b, ",\"payment\":");
        shape_write(&b, &pay_intent_shape, &intent);
    }
    buf_byte(&b, '}');
    if (a->replayed)
        reply_header(cx, rq, S("Idempotency-Replayed"), S("true"));
    return reply_json(rq, a->status, buf_str(&b));
}

/* POST /api/v1/purchase -> 201 {order, payment} */
bool order_create(Ctx *cx, Req *rq)
{
    Work w = { 0 };
    Once once;
    Lane lane;
    Answer answer;
    return guard_once(cx, rq, &once) && req_read(cx, rq, &purchase_shape, &w.in) &&
           one_way(cx, &w.in) && lane_for(cx, &w.in, &lane) &&
           write_once(cx, lane, &once, buy, &w, 201, &order_answer_shape, &w.answer,
                      &answer) &&
           reply_purchase(cx, rq, &answer);
}

/* GET /api/v1/orders/:id -> 200 {order} */
bool order_show(Ctx *cx, Req *rq)
{
    OrderAnswer a = { 0 };
    OrderId id;
    return req_id(cx, rq, "id", &id.v) && order_get(cx, id, &a.order) &&
           reply(cx, rq, 200, &order_answer_shape, &a);
}

/* GET /api/v1/orders -> 200 {data, pagination} */
bool order_page_http(Ctx *cx, Req *rq)
{
    Page page;
    Cursor older;
    Order *rows;
    isize n;

    if (!req_page(cx, rq, &page) ||
        !cursor_read(cx, page.cursor, (Cursor){ 0 }, &older) ||
        !order_list(cx, (OrderId){ older.id }, page.limit + 1, &rows, &n))
        return false;
    bool more = page_cut(&page, &n);
    return reply_list(cx, rq, &order_shape, rows, n, page.limit,
                      more ? cursor_write(cx->mem, (Cursor){ 0, rows[n - 1].id.v })
                           : (Str){ 0 });
}
