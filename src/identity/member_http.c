/* member_http.c - read, call, reply. The cursor is the last id of the page. */
#include "identity/member_http.h"

typedef struct MemberReply { Member user; } MemberReply;
const Shape member_reply_shape = SHAPE(MemberReply,
    OBJECT(MemberReply, user, &member_shape, 0, "the person"));

/* Nobody is given the role of nobody. */
static const Names given_roles = { (const char *const[]){ "customer", "venue_manager",
                                                          "admin",
                                   "super-admin" }, 4 };
typedef struct RoleIn { int role; } RoleIn;
const Shape role_in_shape = SHAPE(RoleIn,
    NAME(RoleIn, role, &given_roles, 0, "what he shall be, at most what you are"));

static const Names settable = { (const char *const[]){ "ACTIVE", "SUSPENDED" }, 2 };
typedef struct StatusIn { int status; Str reason; } StatusIn;
const Shape status_in_shape = SHAPE(StatusIn,
    NAME(StatusIn, status, &settable, 0, "whether he may sign in"),
    TEXT(StatusIn, reason, 1, 200, OPTIONAL, "for the record"));

typedef struct MemberQuery { Str email; } MemberQuery;
const Shape member_query_shape = SHAPE(MemberQuery,
    TEXT(MemberQuery, email, 0, 320, OPTIONAL, "only who has this email"));

bool member_index(Ctx *cx, Req *rq)
{
    Member *rows;
    isize count;
    UserId after = { 0 };
    MemberQuery q;
    Page page;
    Str next = { 0 };

    if (!req_page_id(cx, rq, &page, &after.v) ||
        !req_read_query(cx, rq, &member_query_shape, &q) ||
        !member_list(cx, q.email, after, page.limit + 1, &rows, &count))
        return false;
    if (page_cut(&page, &count))
        next = uuid_str(cx->mem, rows[count - 1].id.v);
    return reply_list(cx, rq, &member_shape, rows, count, page.limit, next);
}

bool member_show(Ctx *cx, Req *rq)
{
    UserId id;
    MemberReply out;

    return req_id(cx, rq, "id", &id.v) && member_get(cx, id, &out.user) &&
           reply(cx, rq, 200, &member_reply_shape, &out);
}

bool member_role(Ctx *cx, Req *rq)
{
    UserId id;
    RoleIn in;
    MemberReply out;

    return req_id(cx, rq, "id", &id.v) && req_read(cx, rq, &role_in_shape, &in) &&
           member_set_role(cx, id, (Role)(in.role + CUSTOMER), &out.user) &&
           reply(cx, rq, 200, &member_reply_shape, &out);
}

bool member_status(Ctx *cx, Req *rq)
{
    UserId id;
    StatusIn in;
    MemberReply out;

    return req_id(cx, rq, "id", &id.v) && req_read(cx, rq, &status_in_shape, &in) &&
           member_set_status(cx, id, in.status == 0 ? PERSON_ACTIVE : PERSON_SUSPENDED,
                             in.reason, &out.user) &&
           reply(cx, rq, 200, &member_reply_shape, &out);
}

bool member_leave(Ctx *cx, Req *rq)
{
    UserId id;

    return req_id(cx, rq, "id", &id.v) && member_sign_out(cx, id) && reply_empty(rq, 204);
}
