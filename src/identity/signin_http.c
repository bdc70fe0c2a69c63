/* signin_http.c - read, call, reply. */
#include "identity/signin_http.h"
#include "identity/auth_http.h"
#include "identity/signin.h"

typedef struct SessionsEnded { i64 ended; } SessionsEnded;
const Shape sessions_ended_shape = SHAPE(SessionsEnded,
    NUMBER(SessionsEnded, ended, 0, INT32_MAX, 0, 0, "how many sessions ended"));

const Shape profile_shape = SHAPE(ProfileChange,
    TEXT(ProfileChange, firstName, 1, 100, OPTIONAL, "given name; absent: as it is"),
    TEXT(ProfileChange, lastName, 1, 100, OPTIONAL, "family name; absent: as it is"),
    TEXT(ProfileChange, phone, 3, 32, OPTIONAL, "absent: as it is"),
    NUMBER(ProfileChange, version, 0, INT32_MAX, 0, OPTIONAL,
           "the one that was read: if another change came since, 409; absent: "
           "whichever"));

typedef struct Profile { Person user; } Profile;

bool signin_index(Ctx *cx, Req *rq)
{
    Page page;
    Uuid from = { { 0 } };
    Signin *rows;
    isize count;
    Str next = { 0 };

    if (!req_page_id(cx, rq, &page, &from) ||
        !signin_list(cx, from, page.limit + 1, &rows, &count))
        return false;
    if (page_cut(&page, &count))
        next = uuid_str(cx->mem, rows[count - 1].id);
    return reply_list(cx, rq, &signin_shape, rows, count, page.limit, next);
}

bool signin_remove(Ctx *cx, Req *rq)
{
    Caller from = http_caller(rq);
    Uuid id;

    return req_id(cx, rq, "id", &id) && signin_end(cx, &from, id) && reply_empty(rq, 204);
}

static bool remove_many(Ctx *cx, Req *rq, WhichDevices which)
{
    Caller from = http_caller(rq);
    SessionsEnded out;

    return signin_end_all(cx, &from, which, &out.ended) &&
           reply(cx, rq, 200, &sessions_ended_shape, &out);
}

bool signin_remove_all(Ctx *cx, Req *rq)    { return remove_many(cx, rq, ALL_DEVICES); }
bool signin_remove_others(Ctx *cx, Req *rq) { return remove_many(cx, rq, OTHER_DEVICES); }

bool signin_leave(Ctx *cx, Req *rq)
{
    Caller from = http_caller(rq);

    return signin_logout(cx, &from) && reply(cx, rq, 200, &done_shape, &http_done);
}

bool profile_show(Ctx *cx, Req *rq)
{
    Profile out;

    return person_look(cx, cx->who.user, &out.user) &&
           reply(cx, rq, 200, &me_shape, &out);
}

typedef struct { ProfileChange in; Caller from; Person out; } Changing;

static bool change(Ctx *cx, void *arg)
{
    Changing *c = arg;

    return person_change(cx, cx->who.user, &c->in, &c->out) &&
           audit_write(cx,
                       &(Deed){ .action = AUDIT_PROFILE_UPDATED, .actor = cx->who.user,
                                .subject = cx->who.user, .from = c->from });
}

bool profile_update(Ctx *cx, Req *rq)
{
    Changing c = { .from = http_caller(rq) };

    return req_read(cx, rq, &profile_shape, &c.in) &&
           write_tx(cx, lane_of(cx->who.user.v), change, &c) &&
           reply(cx, rq, 200, &me_shape, &(Profile){ c.out });
}
