/* device_key_http.c - read, call, reply. */
#include "identity/device_key_http.h"
#include "identity/auth_http.h"
#include "identity/challenge.h"

typedef struct Registering {
    Str publicKey, deviceId, name;
    int biometricType;
} Registering;
const Shape device_new_shape = SHAPE(Registering,
    TEXT(Registering, publicKey, 40, 2048, 0,
         "SubjectPublicKeyInfo, PEM or base64: P-256, Ed25519, RSA"),
    TEXT(Registering, deviceId, 1, DEVICE_MOST, 0, "what the app calls the device"),
    NAME(Registering, biometricType, &device_kind_names, 0, "what opens the key"),
    TEXT(Registering, name, 1, DEVICE_NAME_MOST, OPTIONAL,
         "what to call it; default: its type"));

typedef struct Made { bool success; Uuid credentialId; int type; } Made;
const Shape device_made_shape = SHAPE(Made, BOOL(Made, success, 0, "true"),
    ID(Made, credentialId, 0, "the key"),
    NAME(Made, type, &device_kind_names, 0, "what opens it"));

typedef struct Asking { Uuid credentialId; Str deviceId; TenantId tenantId; } Asking;
const Shape device_ask_shape = SHAPE(Asking,
    ID(Asking, credentialId, 0, "the key"),
    TEXT(Asking, deviceId, 1, DEVICE_MOST, 0, "as it was registered"),
    ID(Asking, tenantId, OPTIONAL, "the shop; default: X-Tenant-Id or the first one"));

const Shape device_asked_shape = SHAPE(DeviceAsked,
    TEXT(DeviceAsked, challenge, CHALLENGE_LETTERS, CHALLENGE_LETTERS, 0, "good once"),
    TEXT(DeviceAsked, message, 1, 2000, 0,
         "what the key is to sign, to the letter, UTF-8"),
    TIME(DeviceAsked, expiresAt, 0, "until when"));

typedef struct Showing {
    Uuid credentialId;
    Str challenge, signature;
    TenantId tenantId;
} Showing;
const Shape device_enter_shape = SHAPE(Showing,
    ID(Showing, credentialId, 0, "the key"),
    TEXT(Showing, challenge, 1, 256, WRITEONLY, "of POST /auth/biometric/challenge"),
    TEXT(Showing, signature, 1, 2048, WRITEONLY,
         "base64; P-256: ECDSA in DER with SHA-256; RSA: PKCS 1 with SHA-256"),
    ID(Showing, tenantId, OPTIONAL, "the shop; default: X-Tenant-Id or the first one"));

typedef struct Renaming { Str name; } Renaming;
const Shape device_rename_shape = SHAPE(Renaming,
    TEXT(Renaming, name, 1, DEVICE_NAME_MOST, 0, "what to call it"));

typedef struct DeviceAnswer { DeviceKey device; } DeviceAnswer;
const Shape device_answer_shape = SHAPE(DeviceAnswer,
    OBJECT(DeviceAnswer, device, &device_key_shape, 0, "the device's key"));

/* POST /auth/biometric/register -> 201 {success, credentialId, type} */
bool device_register(Ctx *cx, Req *rq)
{
    Registering in;
    DeviceKey row;

    if (!req_read(cx, rq, &device_new_shape, &in))
        return false;
    NewDevice d = { in.publicKey, in.deviceId, in.name, (DeviceKind)in.biometricType };
    if (d.name.at == NULL)
        d.name = names_str(&device_kind_names, in.biometricType);
    return device_add(cx, cx->who.user, &d, &row) &&
           reply(cx, rq, 201, &device_made_shape,
                 &(Made){ true, row.credentialId, row.biometricType });
}

/* POST /auth/biometric/challenge -> 200 {challenge, message, expiresAt} */
bool device_challenge(Ctx *cx, Req *rq)
{
    Asking in;
    DeviceAsked out;

    http_keep_private(cx, rq);
    if (!req_read(cx, rq, &device_ask_shape, &in))
        return false;
    http_use_tenant(cx, in.tenantId);
    return device_ask(cx, in.credentialId, in.deviceId, &out) &&
           reply(cx, rq, 200, &device_asked_shape, &out);
}

/* POST /auth/biometric/authenticate -> 200 {user, tokens} or {requiresMfa, challenge} */
bool device_login(Ctx *cx, Req *rq)
{
    Showing in;
    SignedIn out;
    Caller from = http_caller(rq);

    http_keep_private(cx, rq);
    if (!req_read(cx, rq, &device_enter_shape, &in))
        return false;
    http_use_tenant(cx, in.tenantId);
    return device_enter(cx, &from, in.credentialId, in.challenge, in.signature, &out) &&
           reply(cx, rq, 200, &entered_shape, &out);
}

/* GET /auth/biometric/devices -> 200 {data} */
bool device_index(Ctx *cx, Req *rq)
{
    DeviceKey *rows;
    isize n;

    return device_list(cx, cx->who.user, &rows, &n) &&
           reply_list(cx, rq, &device_key_shape, rows, n, DEVICES_MOST, (Str){ 0 });
}

/* PUT /auth/biometric/devices/:credentialId -> 200 {device} */
bool device_update(Ctx *cx, Req *rq)
{
    Renaming in;
    DeviceAnswer out;
    Uuid id;

    return req_id(cx, rq, "credentialId", &id) &&
           req_read(cx, rq, &device_rename_shape, &in) &&
           device_rename(cx, cx->who.user, id, in.name, &out.device) &&
           reply(cx, rq, 200, &device_answer_shape, &out);
}

/* DELETE /auth/biometric/devices/:credentialId -> 204 */
bool device_delete(Ctx *cx, Req *rq)
{
    Uuid id;

    return req_id(cx, rq, "credentialId", &id) && device_revoke(cx, cx->who.user, id) &&
           reply_empty(rq, 204);
}
