/* deadletter_http.c - read, call, reply. Ids are numbers here, so the cursor is the last
 * one of the page. */
#include "gateway/deadletter_http.h"

typedef struct DeadReply { DeadLetter deadLetter; } DeadReply;
const Shape deadletter_reply_shape = SHAPE(DeadReply,
    OBJECT(DeadReply, deadLetter, &deadletter_shape, 0, "it"));

typedef struct DeadQuery { int state; Str type; UserId userId; } DeadQuery;
const Shape deadletter_query_shape = SHAPE(DeadQuery,
    NAME(DeadQuery, state, &dead_state_names, OPTIONAL, "DEAD when absent"),
    TEXT(DeadQuery, type, 0, 200, OPTIONAL, "only those of this type"),
    ID(DeadQuery, userId, OPTIONAL, "only those for this person"));

static bool read_wish(Ctx *cx, const Req *rq, DeadWish *w)
{
    DeadQuery q;

    if (!req_read_query(cx, rq, &deadletter_query_shape, &q))
        return false;
    w->state = (DeadState)q.state;
    w->type = q.type;
    w->user = q.userId;
    return true;
}

bool deadletter_index(Ctx *cx, Req *rq)
{
    DeadWish w = { 0 };
    DeadLetter *rows;
    isize count;
    Page page;
    Str next = { 0 };

    if (!req_page_number(cx, rq, &page, &w.before) || !read_wish(cx, rq, &w))
        return false;
    w.most = page.limit + 1;
    if (!deadletter_list(cx, &w, &rows, &count))
        return false;
    if (page_cut(&page, &count))
        next = rows[count - 1].id;
    return reply_list(cx, rq, &deadletter_shape, rows, count, page.limit, next);
}

static bool read_id(Ctx *cx, const Req *rq, i64 *id)
{
    return (str_int(req_param(rq, "id"), id) && *id > 0) || fail(cx, NOT_FOUND, "no id");
}

typedef bool Act(Ctx *cx, i64 id, DeadLetter *out);

static bool act_and_reply(Ctx *cx, Req *rq, Act *act)
{
    DeadReply out;
    i64 id;

    return read_id(cx, rq, &id) && act(cx, id, &out.deadLetter) &&
           reply(cx, rq, 200, &deadletter_reply_shape, &out);
}

bool deadletter_show(Ctx *cx, Req *rq) { return act_and_reply(cx, rq, deadletter_get); }
bool deadletter_try(Ctx *cx, Req *rq)  { return act_and_reply(cx, rq, deadletter_retry); }
bool deadletter_drop(Ctx *cx, Req *rq) { return act_and_reply(cx, rq, deadletter_discard); }
