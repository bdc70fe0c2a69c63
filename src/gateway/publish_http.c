/* publish_http.c - both of the names that clients use for the id and for the data are
 * taken; what is missing is made. A message made an id here can't be recognised when it
 * comes again, so who retries gives his own. */
#include "gateway/publish_http.h"
#include "bus/bus.h"
#include "gateway/pace.h"
#include "gateway/publish.h"
#include "identity/role.h"
#include "identity/tenant.h"

typedef struct PublishIn {
    Str      id, eventId, type, data, payload, topic;
    Instant  timestamp;
    TenantId tenantId;
    UserId   userId;
} PublishIn;

#define WHAT                                                                             \
    TEXT(PublishIn, id, 1, PUBLISH_ID_MOST, OPTIONAL, "made when it is missing"),        \
    TEXT(PublishIn, eventId, 1, PUBLISH_ID_MOST, OPTIONAL, "another name for it"),       \
    TEXT(PublishIn, type, 1, PUBLISH_TYPE_MOST, 0, "the event's name on the stream"),    \
    RAW(PublishIn, data, OPTIONAL, "an object; what the stream's reader gets"),          \
    RAW(PublishIn, payload, OPTIONAL, "another name for it"),                            \
    TIME(PublishIn, timestamp, OPTIONAL, "when it happened; now when missing"),          \
    ID(PublishIn, userId, OPTIONAL, "whose streams hear it"),                            \
    TEXT(PublishIn, topic, 1, 100, OPTIONAL, "or who watches an event: event:ID")

const Shape publish_in_shape = SHAPE(PublishIn, WHAT,
    ID(PublishIn, tenantId, OPTIONAL, "whose it is; the caller's, unless he serves all"));

static const Shape item_shape = { "PublishItem", sizeof(PublishIn),
                                  (const Field[]){ WHAT },
                                  countof(((const Field[]){ WHAT })) };

typedef struct PublishOut { Str id, type, subject; Instant timestamp; } PublishOut;
const Shape publish_out_shape = SHAPE(PublishOut,
    TEXT(PublishOut, id, 1, PUBLISH_ID_MOST, 0, "of the message"),
    TEXT(PublishOut, type, 1, PUBLISH_TYPE_MOST, 0, "its type"),
    TEXT(PublishOut, subject, 1, 200, 0, "under which the bus tells it"),
    TIME(PublishOut, timestamp, 0, "when it happened"));

typedef struct BatchIn { TenantId tenantId; List events; } BatchIn;
const Shape publish_batch_in_shape = SHAPE(BatchIn,
    ID(BatchIn, tenantId, OPTIONAL, "whose they are"),
    LIST(BatchIn, events, &item_shape, 1, PUBLISH_MOST, 0, "told in this order"));

typedef struct BatchOut { List events; } BatchOut;
const Shape publish_batch_out_shape = SHAPE(BatchOut,
    LIST(BatchOut, events, &publish_out_shape, 1, PUBLISH_MOST, 0, "in the same order"));

/* ---- reading --------------------------------------------------------------------- */

/* A service serves all tenants, so it says whose message it is; unless its credential
 * does, which then is the only one. */
static bool choose_tenant(Ctx *cx, const Req *rq, TenantId asked)
{
    bool machine = cx->who.comer != A_PERSON,
         bound = machine && !uuid_zero(cx->who.home.v);

    if (machine && !bound && uuid_zero(asked.v) &&
        req_header(rq, S("x-tenant-id")).at == NULL)
        return fail_field(cx, S("tenantId"), "must be there, or X-Tenant-Id");
    if (!uuid_zero(asked.v) && !uuid_is(asked.v, cx->tenant.v)) {
        if (bound || !role_covers(cx->who.role, SUPER_ADMIN))
            return fail(cx, FORBIDDEN, "tenantId is not the caller's own");
        cx->tenant = asked;
    }
    return tenant_check(cx);
}

static bool read_data(Ctx *cx, const PublishIn *in, Str *data)
{
    *data = in->data.at != NULL ? in->data : in->payload;
    if (data->at == NULL || !str_starts(*data, S("{")))
        return fail_field(cx, S("data"), "must be an object");
    return data->len <= PUBLISH_BYTES_MOST ||
           fail_field(cx, S("data"), "must be at most %d bytes", PUBLISH_BYTES_MOST);
}

static bool read_hearer(Ctx *cx, const PublishIn *in, Publication *p)
{
    p->user = in->userId;
    if (uuid_zero(in->userId.v) == (in->topic.at == NULL))
        return fail_field(cx, S("userId"), "give either userId or topic");
    if (in->topic.at == NULL)
        return true;
    return (str_starts(in->topic, S("event:")) &&
            uuid_read(str_sub(in->topic, 6, in->topic.len), &p->event.v) &&
            !uuid_zero(p->event.v)) ||
           fail_field(cx, S("topic"), "must be like event:ID");
}

static bool read_id(Ctx *cx, const PublishIn *in, Str *id)
{
    *id = in->id.at != NULL ? in->id : in->eventId;
    if (id->at == NULL)
        *id = uuid_str(cx->mem, uuid_new(cx->now));
    for (isize i = 0; i < id->len; i++)
        if ((u8)id->at[i] <= ' ' || (u8)id->at[i] >= 0x7F)
            return fail_field(cx, S("id"), "must be printable ASCII without blanks");
    return true;
}

static bool read_message(Ctx *cx, const PublishIn *in, Publication *p)
{
    *p = (Publication){ .type = in->type, .at = in->timestamp };
    return (publish_type_good(in->type) ||
            fail_field(cx, S("type"),
                       "must be of letters, digits and . _ - and none of the"
                       " stream's own")) &&
           (cx->who.comer != A_KEY || !publish_type_ours(in->type) ||
            fail_field(cx, S("type"),
                       "is of a family that an API key can't speak for")) &&
           read_id(cx, in, &p->id) && read_data(cx, in, &p->data) &&
           read_hearer(cx, in, p);
}

/* ---- answering -------------------------------------------------------------------- */

static PublishOut answer_of(Ctx *cx, const Publication *p)
{
    Message m = { .tenant = cx->tenant, .user = p->user, .event = p->event };

    return (PublishOut){ p->id, p->type, subject_of(cx->mem, &m), p->at };
}

static void say_replayed(Ctx *cx, Req *rq, const Publication *list, isize count)
{
    for (isize i = 0; i < count; i++)
        if (!list[i].known)
            return;
    reply_header(cx, rq, S("Idempotency-Replayed"), S("true"));
}

bool publish_one(Ctx *cx, Req *rq)
{
    PublishIn in;
    Publication p;

    if (!req_read(cx, rq, &publish_in_shape, &in) ||
        !choose_tenant(cx, rq, in.tenantId) ||
        !read_message(cx, &in, &p) || !pace_published(cx, 1) ||
        !publish_all_of(cx, &p, 1))
        return false;
    say_replayed(cx, rq, &p, 1);
    PublishOut out = answer_of(cx, &p);
    return reply(cx, rq, 202, &publish_out_shape, &out);
}

bool publish_batch(Ctx *cx, Req *rq)
{
    BatchIn in;

    if (!req_read(cx, rq, &publish_batch_in_shape, &in) ||
        !choose_tenant(cx, rq, in.tenantId))
        return false;
    const PublishIn *items = in.events.at;
    isize n = in.events.count;
    Publication *list = make(cx->mem, Publication, n);
    PublishOut *out = make(cx->mem, PublishOut, n);
    for (isize i = 0; i < n; i++)
        if (!read_message(cx, &items[i], &list[i]))
            return false;
    if (!pace_published(cx, n) || !publish_all_of(cx, list, n))
        return false;
    for (isize i = 0; i < n; i++)
        out[i] = answer_of(cx, &list[i]);
    say_replayed(cx, rq, list, n);
    return reply(cx, rq, 202, &publish_batch_out_shape, &(BatchOut){ { out, n } });
}
