/* foreign_http.c - read, call, reply. */
#include "identity/foreign_http.h"

typedef struct ForeignIn { Str issuer, subject; } ForeignIn;
const Shape foreign_in_shape = SHAPE(ForeignIn,
    TEXT(ForeignIn, issuer, 1, 300, 0, "iss of the tokens, of ISSUERS_FILE"),
    TEXT(ForeignIn, subject, 1, 255, 0, "sub of the tokens"));

bool foreign_index(Ctx *cx, Req *rq)
{
    UserId id;
    ForeignLink *rows;
    isize n;

    return req_id(cx, rq, "id", &id.v) && foreign_list(cx, id, &rows, &n) &&
           reply_list(cx, rq, &foreign_link_shape, rows, n, 100, (Str){ 0 });
}

bool foreign_post(Ctx *cx, Req *rq)
{
    UserId id;
    ForeignIn in;
    ForeignLink out;

    return req_id(cx, rq, "id", &id.v) && req_read(cx, rq, &foreign_in_shape, &in) &&
           foreign_link(cx, id, in.issuer, in.subject, &out) &&
           reply(cx, rq, 201, &foreign_link_shape, &out);
}

bool foreign_delete(Ctx *cx, Req *rq)
{
    UserId id;
    Uuid link;

    return req_id(cx, rq, "id", &id.v) && req_id(cx, rq, "link", &link) &&
           foreign_unlink(cx, id, link) && reply_empty(rq, 204);
}
