/* mfa_http.c - read, call, reply. A token is the six digits of an app, or a backup
 * code. */
#include "identity/mfa_http.h"
#include "identity/auth_http.h"
#include "identity/fresh.h"
#include "identity/mfa.h"
#include "proof/password.h"

#define TOKEN(T) \
    TEXT(T, token, 6, 10, WRITEONLY, "the app's six digits, or a backup code")

const Shape mfa_setup_shape = SHAPE(MfaSetup,
    TEXT(MfaSetup, secret, 32, 32, 0, "to be typed into an app, base32"),
    TEXT(MfaSetup, otpauthUrl, 0, 1000, 0, "the same for an app that reads addresses"),
    TEXT(MfaSetup, qrCode, 0, 100000, 0, "the same as a picture, SVG"),
    NUMBER(MfaSetup, expiresIn, 0, 600, 0, 0,
           "seconds; until then it is the same secret"));

typedef struct Code { Str token; } Code;
const Shape mfa_code_shape = SHAPE(Code, TOKEN(Code));

typedef struct Codes { Str backupCodes; } Codes;
#define CODES(T) RAW(T, backupCodes, 0, "ten texts, each good once; they are shown only now")
const Shape mfa_codes_shape = SHAPE(Codes, CODES(Codes));

typedef struct Enabled { bool success; Str backupCodes; } Enabled;
const Shape mfa_enabled_shape = SHAPE(Enabled,
    BOOL(Enabled, success, 0, "true"), CODES(Enabled));

typedef struct Verifying { Str challenge, token; } Verifying;
const Shape mfa_verify_shape = SHAPE(Verifying,
    TEXT(Verifying, challenge, 1, 64, WRITEONLY, "what the sign-in answered"),
    TOKEN(Verifying));

typedef struct Valid { bool valid; i64 expiresIn; } Valid;
const Shape mfa_valid_shape = SHAPE(Valid, BOOL(Valid, valid, 0, "true"),
    NUMBER(Valid, expiresIn, 0, 300, 0, 0,
           "seconds in which sensitive changes may be made"));

typedef struct Disabling { Str password, token; } Disabling;
const Shape mfa_disable_shape = SHAPE(Disabling,
    TEXT(Disabling, password, 1, PASSWORD_MOST, WRITEONLY, "the password"),
    TOKEN(Disabling));

static Str list(Ctx *cx, const BackupCodes *codes)
{
    Buf b = buf_in(cx->mem, 128);

    for (int i = 0; i < BACKUP_CODES; i++) {
        buf_byte(&b, i == 0 ? '[' : ',');
        json_put_str(&b, codes->at[i]);
    }
    buf_byte(&b, ']');
    return buf_str(&b);
}

/* POST /auth/mfa/setup -> 200 MfaSetup */
bool mfa_setup_http(Ctx *cx, Req *rq)
{
    MfaSetup out;

    http_keep_private(cx, rq);
    return mfa_setup(cx, cx->who.user, &out) &&
           reply(cx, rq, 200, &mfa_setup_shape, &out);
}

/* POST /auth/mfa/verify-setup -> 200 {success, backupCodes} */
bool mfa_verify_setup(Ctx *cx, Req *rq)
{
    Code in;
    BackupCodes codes;

    http_keep_private(cx, rq);
    return req_read(cx, rq, &mfa_code_shape, &in) &&
           mfa_enable(cx, cx->who.user, in.token, &codes) &&
           fresh_mark(cx, cx->who.session) &&
           reply(cx, rq, 200, &mfa_enabled_shape, &(Enabled){ true, list(cx, &codes) });
}

/* POST /auth/mfa/verify -> 200 {user, tokens} */
bool mfa_verify(Ctx *cx, Req *rq)
{
    Verifying in;
    SignedIn out;
    Caller from = http_caller(rq);

    http_keep_private(cx, rq);
    return req_read(cx, rq, &mfa_verify_shape, &in) &&
           entry_complete(cx, &from, in.challenge, in.token, &out) &&
           reply(cx, rq, 200, &signed_in_shape, &out);
}

/* POST /auth/mfa/step-up -> 200 {valid, expiresIn} */
bool mfa_step_up(Ctx *cx, Req *rq)
{
    Code in;
    Valid out = { true, FRESH_LASTS.ms / 1000 };

    return req_read(cx, rq, &mfa_code_shape, &in) &&
           mfa_prove(cx, cx->who.user, in.token) &&
           fresh_mark(cx, cx->who.session) && reply(cx, rq, 200, &mfa_valid_shape, &out);
}

/* POST /auth/mfa/regenerate-backup-codes -> 200 {backupCodes} */
bool mfa_regenerate_http(Ctx *cx, Req *rq)
{
    BackupCodes codes;

    http_keep_private(cx, rq);
    return mfa_regenerate(cx, cx->who.user, &codes) &&
           reply(cx, rq, 200, &mfa_codes_shape, &(Codes){ list(cx, &codes) });
}

/* DELETE /auth/mfa/disable -> 200 {success} */
bool mfa_disable_http(Ctx *cx, Req *rq)
{
    Disabling in;

    return req_read(cx, rq, &mfa_disable_shape, &in) &&
           mfa_disable(cx, cx->who.user, in.password, in.token) &&
           reply(cx, rq, 200, &done_shape, &http_done);
}
