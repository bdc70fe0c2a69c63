/* privacy_http.c - read, call, reply. */
#include "identity/privacy_http.h"

typedef struct Forget { Str confirmEmail, reason; } Forget;
const Shape forget_shape = SHAPE(Forget,
    TEXT(Forget, confirmEmail, 3, 255, 0,
         "the account's email, so that nobody does it by mistake"),
    TEXT(Forget, reason, 1, 500, OPTIONAL, "for the record"));

typedef struct Forgotten { Instant erasedAt; } Forgotten;
const Shape forgotten_shape = SHAPE(Forgotten,
    TIME(Forgotten, erasedAt, 0,
         "when what is personal will be gone; until then an admin can undo it"));

bool privacy_delete(Ctx *cx, Req *rq)
{
    Forget in;
    Forgotten out;

    return req_read(cx, rq, &forget_shape, &in) &&
           privacy_forget(cx, in.confirmEmail, in.reason, &out.erasedAt) &&
           reply(cx, rq, 200, &forgotten_shape, &out);
}
