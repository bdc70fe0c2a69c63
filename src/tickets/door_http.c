/* door_http.c - the door over HTTP. */
#include "events/event.h"
#include "tickets/code.h"
#include "tickets/door.h"
#include "tickets/tickets_http.h"

/* POST /api/v1/validation/scan -> 200 {result, reason?, ticket?} */
bool door_post(Ctx *cx, Req *rq)
{
    Scan in;
    Verdict out;
    return req_read(cx, rq, &scan_shape, &in) && door_scan(cx, &in, &out) &&
           reply(cx, rq, 200, &verdict_shape, &out);
}

typedef struct {
    EventId eventId;
    Str algorithm, key;
    i64 stepSeconds, skewSteps;
} KeyAnswer;
const Shape key_answer_shape = SHAPE(KeyAnswer,
    ID(KeyAnswer, eventId, 0, "The event"),
    TEXT(KeyAnswer, algorithm, 1, 50, 0,
         "HMAC-SHA256-80, over what docs/why/ticket-code.md names"),
    TEXT(KeyAnswer, key, 43, 43, 0, "base64url; keep it on the device only"),
    NUMBER(KeyAnswer, stepSeconds, 30, 30, 0, 0, "How long a code is shown"),
    NUMBER(KeyAnswer, skewSteps, 1, 1, 0, 0, "Steps of clock skew to allow, either way"));

static bool may_scan(Ctx *cx, void *arg)
{
    const KeyAnswer *a = arg;
    Event e;
    return event_get(cx, a->eventId, &e) && venue_may(cx, e.venueId, DOOR_SCAN);
}

/* GET /api/v1/validation/events/:eventId/key -> 200: what a scanner needs without a
 * network */
bool door_key(Ctx *cx, Req *rq)
{
    KeyAnswer a = { .algorithm = S("HMAC-SHA256-80"), .stepSeconds = CODE_STEP_MS / 1000,
                    .skewSteps = 1 };

    if (!req_id(cx, rq, "eventId", &a.eventId.v) || !read_tx(cx, may_scan, &a))
        return false;
    CodeKey key = code_key(cx->tenant, a.eventId);
    a.key = base64url_write(cx->mem, key.b, sizeof key.b);
    return reply(cx, rq, 200, &key_answer_shape, &a);
}
