/* auth_http.c - read, call, reply. */
#include "identity/auth_http.h"
#include "identity/entry.h"
#include "proof/password.h"

typedef struct Registering {
    Str email, password, firstName, lastName, phone;
    TenantId tenantId;
} Registering;

/* What a password may be is judged by its policy, not by the shape, so that every broken
 * rule is told at once. */
const Shape register_shape = SHAPE(Registering,
    TEXT(Registering, email, 3, 255, EMAIL, "lower and upper case are the same"),
    TEXT(Registering, password, 1, PASSWORD_MOST, WRITEONLY,
         "12 to 128 characters of four classes, none more than twice in a row"),
    TEXT(Registering, firstName, 1, 100, 0, "given name"),
    TEXT(Registering, lastName, 1, 100, 0, "family name"),
    TEXT(Registering, phone, 3, 32, OPTIONAL, "for the organiser"),
    ID(Registering, tenantId, OPTIONAL,
       "the shop; default: X-Tenant-Id or the first one"));

typedef struct LoggingIn { Str email, password, mfaToken; TenantId tenantId; } LoggingIn;
const Shape login_shape = SHAPE(LoggingIn,
    TEXT(LoggingIn, email, 3, 255, 0, "as it was registered"),
    TEXT(LoggingIn, password, 1, PASSWORD_MOST, WRITEONLY, "the password"),
    ID(LoggingIn, tenantId, OPTIONAL, "the shop; default: X-Tenant-Id or the first one"),
    TEXT(LoggingIn, mfaToken, 6, 10, OPTIONAL | WRITEONLY,
         "the second factor's code, at once; not looked at while mfaEnabled is false"));

typedef struct Refreshing { Str refreshToken; } Refreshing;
const Shape refresh_shape = SHAPE(Refreshing,
    TEXT(Refreshing, refreshToken, 1, JWS_MOST, WRITEONLY, "the one that came last"));

typedef struct Revoking { Str token; } Revoking;
const Shape revoke_shape = SHAPE(Revoking,
    TEXT(Revoking, token, 1, JWS_MOST, WRITEONLY, "an access token, or a refresh token"));

typedef struct Me { Person user; } Me;
const Shape me_shape = SHAPE(Me, OBJECT(Me, user, &person_shape, 0, "who is signed in"));

const Shape done_shape = SHAPE(Done, BOOL(Done, success, 0, "true"));
const Done http_done = { true };

Caller http_caller(const Req *rq)
{
    return (Caller){ rq->peer, req_header(rq, S("user-agent")) };
}

void http_keep_private(Ctx *cx, Req *rq)
{
    reply_header(cx, rq, S("Cache-Control"), S("no-store"));
}

void http_use_tenant(Ctx *cx, TenantId t)
{
    if (!uuid_zero(t.v))
        cx->tenant = t;
}

static struct { Span login, forgot, jitter; } floors;

void auth_floors(i64 login, i64 forgot, i64 jitter)
{
    floors.login.ms = login;
    floors.forgot.ms = forgot;
    floors.jitter.ms = jitter;
}

void http_hold_forgot(Req *rq) { reply_hold(rq, floors.forgot, floors.jitter); }

bool auth_register(Ctx *cx, Req *rq)
{
    Registering in;
    SignedIn out;
    Caller from = http_caller(rq);

    if (!req_read(cx, rq, &register_shape, &in))
        return false;
    http_use_tenant(cx, in.tenantId);
    http_keep_private(cx, rq);
    Account account = { in.email, in.password, in.firstName, in.lastName, in.phone };
    return login_register(cx, &from, &account, &out) &&
           reply(cx, rq, 201, &signed_in_shape, &out);
}

bool auth_login(Ctx *cx, Req *rq)
{
    LoggingIn in;
    SignedIn out;
    Caller from = http_caller(rq);

    reply_hold(rq, floors.login, floors.jitter);
    if (!req_read(cx, rq, &login_shape, &in))
        return false;
    http_use_tenant(cx, in.tenantId);
    http_keep_private(cx, rq);
    if (!login_enter(cx, &from, in.email, in.password, &out))
        return false;
    if (out.requiresMfa == MAYBE_TRUE && in.mfaToken.at != NULL &&
        !entry_complete(cx, &from, out.challenge, in.mfaToken, &out))
        return false;
    return reply(cx, rq, 200, &entered_shape, &out);
}

bool auth_refresh(Ctx *cx, Req *rq)
{
    Refreshing in;
    Tokens out;

    http_keep_private(cx, rq);
    return req_read(cx, rq, &refresh_shape, &in) &&
           session_refresh(cx, in.refreshToken, &out) &&
           reply(cx, rq, 200, &tokens_shape, &out);
}

/* Who shows a token may take it back; what it was is not told (RFC 7009 section 2.2). */
bool auth_revoke(Ctx *cx, Req *rq)
{
    Revoking in;

    return req_read(cx, rq, &revoke_shape, &in) && session_take_back(cx, in.token) &&
           reply(cx, rq, 200, &done_shape, &http_done);
}

bool auth_me(Ctx *cx, Req *rq)
{
    Me me;

    http_keep_private(cx, rq);
    return person_look(cx, cx->who.user, &me.user) && reply(cx, rq, 200, &me_shape, &me);
}
