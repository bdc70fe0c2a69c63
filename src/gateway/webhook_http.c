/* webhook_http.c - read, call, reply. A test waits for somebody else's server, so only a
 * few may run at a time, or they would take the workers from everybody. */
#include "gateway/webhook_http.h"
#include "gateway/webhook_attempt.h"
#include "gateway/webhook_rules.h"
#include "gateway/webhook_send.h"
#include "identity/role.h"
#include <stdatomic.h>

enum { TESTS_MOST = 4 };

typedef struct EndpointIn { Str url, eventTypes, description; } EndpointIn;
const Shape endpoint_in_shape = SHAPE(EndpointIn,
    TEXT(EndpointIn, url, 1, ENDPOINT_URL_MOST, 0, "where to: https://"),
    RAW(EndpointIn, eventTypes, OPTIONAL,
        "a list: order.paid, ticket.*, or * (the default)"),
    TEXT(EndpointIn, description, 0, 200, OPTIONAL, "for people"));

static const Names settable = { (const char *const[]){ "ACTIVE", "PAUSED" }, 2 };
typedef struct ChangeIn { Str url, eventTypes, description, status; } ChangeIn;
const Shape endpoint_change_shape = SHAPE(ChangeIn,
    TEXT(ChangeIn, url, 1, ENDPOINT_URL_MOST, OPTIONAL, "where to"),
    RAW(ChangeIn, eventTypes, OPTIONAL, "which types"),
    TEXT(ChangeIn, description, 0, 200, OPTIONAL, "for people"),
    TEXT(ChangeIn, status, 1, 10, OPTIONAL, "ACTIVE or PAUSED"));

typedef struct EndpointReply { WebhookEndpoint endpoint; Str secret; } EndpointReply;
const Shape endpoint_reply_shape = SHAPE(EndpointReply,
    OBJECT(EndpointReply, endpoint, &endpoint_shape, 0, "it"));
const Shape endpoint_secret_shape = SHAPE(EndpointReply,
    OBJECT(EndpointReply, endpoint, &endpoint_shape, 0, "it"),
    TEXT(EndpointReply, secret, 1, 100, 0, "signs; shown now and never again"));

typedef struct ReplayIn { i64 from; } ReplayIn;
const Shape replay_in_shape = SHAPE(ReplayIn,
    NUMBER(ReplayIn, from, 1, INT64_MAX, 0, 0, "the first delivery to be sent again"));

typedef struct TestOut { bool delivered; i64 httpStatus, ms; Str error; } TestOut;
const Shape test_out_shape = SHAPE(TestOut,
    BOOL(TestOut, delivered, 0, "whether it answered 2xx"),
    NUMBER(TestOut, httpStatus, 0, 999, 0, 0, "0: it did not answer"),
    NUMBER(TestOut, ms, 0, INT64_MAX, 0, 0, "how long that took"),
    TEXT(TestOut, error, 0, 300, OPTIONAL, "why not"));

static const Names delivery_status = {
    (const char *const[]){ "PENDING", "FAILING", "DELIVERED", "HELD" }, 4 };
typedef struct Row {
    i64 sequence, attempts, httpStatus, ms;
    Uuid id;
    Str type, error;
    int status;
    Instant createdAt, triedAt, deliveredAt;
} Row;
const Shape delivery_shape = SHAPE(Row,
    NUMBER(Row, sequence, 1, INT64_MAX, 0, 0, "its number"),
    ID(Row, id, 0, "webhook-id"),
    TEXT(Row, type, 1, 100, 0, "what happened"),
    NAME(Row, status, &delivery_status, 0,
         "HELD: its endpoint is paused or given up; it follows when that is ACTIVE"),
    NUMBER(Row, attempts, 0, INT64_MAX, 0, 0, "how often it was tried"),
    NUMBER(Row, httpStatus, 0, 999, 0, 0, "of the last answer; 0: there was none"),
    NUMBER(Row, ms, 0, INT64_MAX, 0, 0, "that it took"),
    TEXT(Row, error, 0, 300, OPTIONAL, "why it failed"),
    TIME(Row, createdAt, 0, "when it was made"),
    TIME(Row, triedAt, OPTIONAL, "when it was last tried"),
    TIME(Row, deliveredAt, OPTIONAL, "when it arrived"));

/* What waits for an endpoint that hears nothing at present says so. */
SQL(delivery_page,
    "SELECT sequence, id, type, shown, attempts, http_status, ms, error, at, tried_at,"
    " delivered_at"
    " FROM (SELECT d.sequence, d.id, d.type, d.attempts, COALESCE(d.http_status,"
    " 0) AS http_status,"
    " COALESCE(d.ms, 0) AS ms, d.error, d.at, d.tried_at, d.delivered_at,"
    " CASE WHEN e.status <> 'ACTIVE' AND d.sequence > e.sent"
    " THEN 'HELD' ELSE d.status END AS shown"
    " FROM webhook_delivery d JOIN webhook_endpoint e ON e.tenant = d.tenant"
    " AND e.id = d.endpoint"
    " WHERE d.tenant = $1 AND d.endpoint = $2 AND d.sequence < $3) AS page"
    " WHERE (shown = $4 OR $4 IS NULL) AND (type = $5 OR $5 IS NULL)"
    " ORDER BY sequence DESC LIMIT $6");

/* What happens anywhere in the tenant leaves it here. */
static bool may(Ctx *cx)
{
    return role_covers(cx->who.role, VENUE_MANAGER) ||
           fail(cx, FORBIDDEN, "role %s is below venue_manager",
                role_names.at[cx->who.role]);
}

static bool read_id(Ctx *cx, const Req *rq, EndpointId *id)
{
    return may(cx) && req_id(cx, rq, "id", &id->v);
}

static bool check(Ctx *cx, Str url, Str types)
{
    return (url.at == NULL || endpoint_check_url(cx, url)) &&
           (types.at == NULL || endpoint_check_types(cx, types));
}

bool webhook_create(Ctx *cx, Req *rq)
{
    EndpointIn in;
    EndpointReply out;

    if (!may(cx) || !req_read(cx, rq, &endpoint_in_shape, &in) ||
        !check(cx, in.url, in.eventTypes))
        return false;
    Str types = in.eventTypes.at == NULL ? S("[\"*\"]") : in.eventTypes;
    Str description = in.description.at == NULL ? S("") : in.description;
    return endpoint_add(cx, in.url, types, description, &out.endpoint, &out.secret) &&
           reply(cx, rq, 201, &endpoint_secret_shape, &out);
}

bool webhook_index(Ctx *cx, Req *rq)
{
    WebhookEndpoint *rows;
    isize count;

    return may(cx) && endpoint_list(cx, &rows, &count) &&
           reply_list(cx, rq, &endpoint_shape, rows, count, WEBHOOK_ENDPOINTS_MOST,
                      (Str){ 0 });
}

bool webhook_show(Ctx *cx, Req *rq)
{
    EndpointId id;
    EndpointReply out;

    return read_id(cx, rq, &id) && endpoint_get(cx, id, &out.endpoint) &&
           reply(cx, rq, 200, &endpoint_reply_shape, &out);
}

bool webhook_update(Ctx *cx, Req *rq)
{
    EndpointId id;
    ChangeIn in;
    EndpointReply out;

    if (!read_id(cx, rq, &id) || !req_read(cx, rq, &endpoint_change_shape, &in) ||
        !check(cx, in.url, in.eventTypes))
        return false;
    EndpointChange c = { in.url, in.eventTypes, in.description,
                         in.status.at == NULL ? -1 : names_find(&settable, in.status) };
    if (in.status.at != NULL && c.status < 0)
        return fail_field(cx, S("status"), "must be ACTIVE or PAUSED");
    if (!endpoint_change(cx, id, &c, &out.endpoint))
        return false;
    sender_wake();
    return reply(cx, rq, 200, &endpoint_reply_shape, &out);
}

bool webhook_delete(Ctx *cx, Req *rq)
{
    EndpointId id;

    return read_id(cx, rq, &id) && endpoint_remove(cx, id) && reply_empty(rq, 204);
}

bool webhook_rotate(Ctx *cx, Req *rq)
{
    EndpointId id;
    EndpointReply out;

    return read_id(cx, rq, &id) && endpoint_rotate(cx, id, &out.endpoint, &out.secret) &&
           reply(cx, rq, 200, &endpoint_secret_shape, &out);
}

bool webhook_replay(Ctx *cx, Req *rq)
{
    EndpointId id;
    ReplayIn in;
    EndpointReply out;

    if (!read_id(cx, rq, &id) || !req_read(cx, rq, &replay_in_shape, &in) ||
        !endpoint_replay(cx, id, in.from, &out.endpoint))
        return false;
    sender_wake();
    return reply(cx, rq, 200, &endpoint_reply_shape, &out);
}

/* ---- testing ----------------------------------------------------------------------- */

typedef struct Testing { EndpointId id; EndpointSecrets secrets; } Testing;

static bool open_secrets(Ctx *cx, void *arg)
{
    Testing *t = arg;
    return endpoint_secrets(cx, t->id, &t->secrets);
}

static Attempt try_it(Ctx *cx, Str url, const EndpointSecrets *secrets)
{
    Str id = uuid_str(cx->mem, uuid_new(cx->now));
    Buf b = buf_in(cx->mem, 200);

    buf_fmt(&b, "{\"data\":{},\"id\":\"%.*s\",\"sequence\":0,\"tenantId\":\"%.*s\","
            "\"timestamp\":\"",
            STR_ARGS(id), STR_ARGS(uuid_str(cx->mem, cx->tenant.v)));
    time_write(&b, cx->now);
    buf_lit(&b, "\",\"type\":\"webhook.test\"}");
    return attempt_make(cx, url, secrets, id, 0, buf_str(&b));
}

bool webhook_test(Ctx *cx, Req *rq)
{
    static _Atomic int running;
    Testing t;
    WebhookEndpoint e;

    if (!read_id(cx, rq, &t.id) || !endpoint_get(cx, t.id, &e) ||
        !read_tx(cx, open_secrets, &t))
        return false;
    if (running++ >= TESTS_MOST) {
        running--;
        return fail(cx, BUSY, "%d tests run already", TESTS_MOST);
    }
    Attempt a = try_it(cx, e.url, &t.secrets);
    running--;
    TestOut out = { a.error.at == NULL, a.status, a.ms, a.error };
    return reply(cx, rq, 200, &test_out_shape, &out);
}

/* ---- the log ----------------------------------------------------------------------- */

typedef struct DeliveryQuery { int status; Str type; } DeliveryQuery;
const Shape delivery_query_shape = SHAPE(DeliveryQuery,
    CHOICE(DeliveryQuery, status, &delivery_status, "only those in this state"),
    TEXT(DeliveryQuery, type, 0, 200, OPTIONAL, "only those of this type"));

typedef struct Wanted {
    EndpointId id;
    i64   before, most;
    Str   status, type;
    Row  *rows;
    isize count;
} Wanted;

static bool list(Ctx *cx, void *arg)
{
    Wanted *w = arg;
    return sql_rows(cx, &delivery_page, &delivery_shape, &w->rows, &w->count, V(w->id.v),
                    V(w->before), V(w->status), V(w->type), V(w->most));
}

bool webhook_deliveries(Ctx *cx, Req *rq)
{
    Wanted w = { .before = INT64_MAX };
    DeliveryQuery q;
    WebhookEndpoint e;
    Page page;
    Str next = { 0 };

    if (!read_id(cx, rq, &w.id) || !req_page_number(cx, rq, &page, &w.before) ||
        !endpoint_get(cx, w.id, &e) || !req_read_query(cx, rq, &delivery_query_shape, &q))
        return false;
    w.type = q.type;
    if (q.status >= 0)
        w.status = names_str(&delivery_status, q.status);
    w.most = page.limit + 1;
    if (!read_tx(cx, list, &w))
        return false;
    if (page_cut(&page, &w.count))
        next = str_fmt(cx->mem, "%jd", (intmax_t)w.rows[w.count - 1].sequence);
    return reply_list(cx, rq, &delivery_shape, w.rows, w.count, page.limit, next);
}
