/* account_http.c - read, call, reply. */
#include "identity/account_http.h"
#include "identity/auth_http.h"
#include "identity/mailbox.h"
#include "identity/recovery.h"
#include "proof/password.h"

typedef struct Verifying { Str token, email, code; TenantId tenantId; } Verifying;
const Shape verify_shape = SHAPE(Verifying,
    TEXT(Verifying, token, 1, 256, OPTIONAL | WRITEONLY, "of the letter's link"),
    TEXT(Verifying, email, 3, 255, OPTIONAL, "with the code, in place of the token"),
    TEXT(Verifying, code, CODE_LETTERS, CODE_LETTERS, OPTIONAL | WRITEONLY,
         "of the letter; good for ten minutes"),
    ID(Verifying, tenantId, OPTIONAL, "the shop; default: X-Tenant-Id or the first one"));

typedef struct Forgetting { Str email; TenantId tenantId; } Forgetting;
const Shape forgot_shape = SHAPE(Forgetting,
    TEXT(Forgetting, email, 3, 255, 0, "as it was registered"),
    ID(Forgetting, tenantId, OPTIONAL,
       "the shop; default: X-Tenant-Id or the first one"));

typedef struct Resetting { Str token, newPassword; } Resetting;
const Shape reset_shape = SHAPE(Resetting,
    TEXT(Resetting, token, 1, 256, WRITEONLY,
         "of the letter's link; good once, for an hour"),
    TEXT(Resetting, newPassword, 1, PASSWORD_MOST, WRITEONLY,
         "by the same rules as the first"));

typedef struct Changing { Str currentPassword, newPassword; } Changing;
const Shape change_shape = SHAPE(Changing,
    TEXT(Changing, currentPassword, 1, PASSWORD_MOST, WRITEONLY,
         "the one that is good now"),
    TEXT(Changing, newPassword, 1, PASSWORD_MOST, WRITEONLY,
         "another, by the same rules"));

static bool reply_done(Ctx *cx, Req *rq)
{
    return reply(cx, rq, 200, &done_shape, &http_done);
}

bool account_verify(Ctx *cx, Req *rq)
{
    Verifying in;
    Caller from = http_caller(rq);

    http_hold_forgot(rq);
    if (!req_read(cx, rq, &verify_shape, &in))
        return false;
    http_use_tenant(cx, in.tenantId);
    if (in.token.at != NULL)
        return mailbox_confirm(cx, &from, in.token) && reply_done(cx, rq);
    if (in.email.at == NULL || in.code.at == NULL)
        return fail_field(cx, S("token"), "is needed, or email and code");
    return mailbox_confirm_code(cx, &from, in.email, in.code) && reply_done(cx, rq);
}

bool account_resend(Ctx *cx, Req *rq)
{
    return mailbox_resend(cx) && reply_done(cx, rq);
}

bool account_forgot(Ctx *cx, Req *rq)
{
    Forgetting in;
    Caller from = http_caller(rq);

    http_hold_forgot(rq);
    if (!req_read(cx, rq, &forgot_shape, &in))
        return false;
    http_use_tenant(cx, in.tenantId);
    return recovery_ask(cx, &from, in.email) && reply_done(cx, rq);
}

bool account_reset(Ctx *cx, Req *rq)
{
    Resetting in;
    Caller from = http_caller(rq);

    http_hold_forgot(rq);
    return req_read(cx, rq, &reset_shape, &in) &&
           recovery_reset(cx, &from, in.token, in.newPassword) && reply_done(cx, rq);
}

bool account_change(Ctx *cx, Req *rq)
{
    Changing in;
    Caller from = http_caller(rq);

    return req_read(cx, rq, &change_shape, &in) &&
           recovery_change(cx, &from, in.currentPassword, in.newPassword) &&
           reply_done(cx, rq);
}
