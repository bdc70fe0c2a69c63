/* passkey_http.c - read, decode, call, reply. */
#include "identity/passkey_http.h"
#include "identity/auth_http.h"

typedef struct Options { Str publicKey; } Options;
const Shape passkey_options_shape = SHAPE(Options,
    RAW(Options, publicKey, 0, "what navigator.credentials.create() or get() takes"));

typedef struct Response {
    Str clientDataJSON, attestationObject, authenticatorData, signature, userHandle;
} Response;
static const Shape response_shape = SHAPE(Response,
    TEXT(Response, clientDataJSON, 1, 6000, 0, "base64url, as all of these"),
    TEXT(Response, attestationObject, 1, 22000, OPTIONAL, "when it registers"),
    TEXT(Response, authenticatorData, 1, 4000, OPTIONAL, "when it signs in"),
    TEXT(Response, signature, 1, 1000, OPTIONAL, "when it signs in"),
    TEXT(Response, userHandle, 0, 100, OPTIONAL, "when it signs in"));

typedef struct Credential { Str id; Response response; } Credential;
static const Shape credential_shape = SHAPE(Credential,
    TEXT(Credential, id, 1, 1400, 0, "the credential, base64url"),
    OBJECT(Credential, response, &response_shape, 0, "what the authenticator said"));

typedef struct Registering { Str name; Credential credential; } Registering;
const Shape passkey_new_shape = SHAPE(Registering,
    TEXT(Registering, name, 1, PASSKEY_NAME_MOST, OPTIONAL,
         "what to call it; default: Passkey"),
    OBJECT(Registering, credential, &credential_shape, 0, "what create() gave"));

typedef struct Showing { Credential credential; } Showing;
const Shape passkey_enter_shape = SHAPE(Showing,
    OBJECT(Showing, credential, &credential_shape, 0, "what get() gave"));

typedef struct Renaming { Str name; } Renaming;
const Shape passkey_rename_shape = SHAPE(Renaming,
    TEXT(Renaming, name, 1, PASSKEY_NAME_MOST, 0, "what to call it"));

typedef struct PasskeyAnswer { Passkey passkey; } PasskeyAnswer;
const Shape passkey_answer_shape = SHAPE(PasskeyAnswer,
    OBJECT(PasskeyAnswer, passkey, &passkey_shape, 0, "the passkey"));

static bool decode(Ctx *cx, const char *field, Str text, Str *out)
{
    *out = (Str){ 0 };
    return text.at == NULL || base64url_read(cx->mem, text, out) ||
           fail_field(cx, str_fmt(cx->mem, "credential.%s", field), "must be base64url");
}

static bool needed(Ctx *cx, const char *name, Str text)
{
    return text.at != NULL ||
           fail_field(cx, str_fmt(cx->mem, "credential.response.%s", name),
                      "is required");
}

static bool decode_all(Ctx *cx, const Credential *c, Brought *out)
{
    const Response *r = &c->response;
    return decode(cx, "id", c->id, &out->id) &&
           decode(cx, "response.clientDataJSON", r->clientDataJSON, &out->client_data) &&
           decode(cx, "response.attestationObject", r->attestationObject,
                  &out->attestation) &&
           decode(cx, "response.authenticatorData", r->authenticatorData,
                  &out->auth_data) &&
           decode(cx, "response.signature", r->signature, &out->signature) &&
           decode(cx, "response.userHandle", r->userHandle, &out->user_handle);
}

/* POST /auth/passkeys/register/options -> 200 {publicKey} */
bool passkey_new_options(Ctx *cx, Req *rq)
{
    Options out;

    http_keep_private(cx, rq);
    return passkey_creation_options(cx, cx->who.user, &out.publicKey) &&
           reply(cx, rq, 200, &passkey_options_shape, &out);
}

/* POST /auth/passkeys/register -> 201 {passkey} */
bool passkey_create(Ctx *cx, Req *rq)
{
    Registering in;
    Brought b;
    PasskeyAnswer out;

    return req_read(cx, rq, &passkey_new_shape, &in) &&
           needed(cx, "attestationObject", in.credential.response.attestationObject) &&
           decode_all(cx, &in.credential, &b) &&
           passkey_add(cx, cx->who.user, in.name.at != NULL ? in.name : S("Passkey"), &b,
                       &out.passkey) &&
           reply(cx, rq, 201, &passkey_answer_shape, &out);
}

/* POST /auth/passkeys/login/options -> 200 {publicKey} */
bool passkey_enter_options(Ctx *cx, Req *rq)
{
    Options out;

    http_keep_private(cx, rq);
    return passkey_request_options(cx, &out.publicKey) &&
           reply(cx, rq, 200, &passkey_options_shape, &out);
}

/* POST /auth/passkeys/login -> 200 {user, tokens} or {requiresMfa, challenge} */
bool passkey_login(Ctx *cx, Req *rq)
{
    Showing in;
    Brought b;
    SignedIn out;
    Caller from = http_caller(rq);

    http_keep_private(cx, rq);
    return req_read(cx, rq, &passkey_enter_shape, &in) &&
           needed(cx, "authenticatorData", in.credential.response.authenticatorData) &&
           needed(cx, "signature", in.credential.response.signature) &&
           decode_all(cx, &in.credential, &b) && passkey_enter(cx, &from, &b, &out) &&
           reply(cx, rq, 200, &entered_shape, &out);
}

/* GET /auth/passkeys -> 200 {data} */
bool passkey_index(Ctx *cx, Req *rq)
{
    Passkey *rows;
    isize n;

    return passkey_list(cx, cx->who.user, &rows, &n) &&
           reply_list(cx, rq, &passkey_shape, rows, n, PASSKEYS_MOST, (Str){ 0 });
}

/* PUT /auth/passkeys/:id -> 200 {passkey} */
bool passkey_update(Ctx *cx, Req *rq)
{
    Renaming in;
    PasskeyAnswer out;
    Uuid id;

    return req_id(cx, rq, "id", &id) && req_read(cx, rq, &passkey_rename_shape, &in) &&
           passkey_rename(cx, cx->who.user, id, in.name, &out.passkey) &&
           reply(cx, rq, 200, &passkey_answer_shape, &out);
}

/* DELETE /auth/passkeys/:id -> 204 */
bool passkey_delete(Ctx *cx, Req *rq)
{
    Uuid id;

    return req_id(cx, rq, "id", &id) && passkey_remove(cx, cx->who.user, id) &&
           reply_empty(rq, 204);
}
