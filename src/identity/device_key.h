/* device_key.h - a key that a phone keeps for one app and opens for its owner's face or
 * finger: faceId, touchId, fingerprint.
 *
 * register -> challenge -> the phone signs the message -> authenticate. What is kept is
 * the public key alone; to know it is worth nothing.
 * Needs: pubkey, challenge, entry.  Used by: device_key_http. */
#pragma once
#include "identity/entry.h"

typedef enum DeviceKind { FACE_ID, TOUCH_ID, FINGERPRINT } DeviceKind;
extern const Names device_kind_names;

enum { DEVICES_MOST = 20, DEVICE_MOST = 256, DEVICE_NAME_MOST = 100 };

/* Copies the url, whose host stands in each message. */
void device_open(Str public_url);
void device_close(void);

typedef struct DeviceKey {
    Uuid    credentialId;
    Str     deviceId, name;
    int     biometricType;
    Instant createdAt, lastUsedAt;
    UserId  person;
    Str     publicKey;
} DeviceKey;
extern const Shape device_key_shape;

/* as they came */
typedef struct NewDevice { Str public_key, device, name; DeviceKind kind; } NewDevice;

/*   fails   VALIDATION_ERROR: no key of ours (pubkey.h), a device id with control
 *           characters; CONFLICT: the device has a key
 *   tx      opens its own */
CHECKED bool device_add(Ctx *cx, UserId user, const NewDevice *in, DeviceKey *out);

/* The message is six lines: what it is, our domain, the tenant, the credential, the
 * device's id, the challenge. It doesn't tell whether there is such a credential. */
typedef struct DeviceAsked { Str challenge, message; Instant expiresAt; } DeviceAsked;
CHECKED bool device_ask(Ctx *cx, Uuid credential, Str device, DeviceAsked *out);

/*   fails   INVALID_TOKEN: the challenge; AUTHENTICATION_FAILED: unknown, revoked, or the
 *           account; INVALID_SIGNATURE
 *   tx      opens its own */
CHECKED bool device_enter(Ctx *cx, const Caller *from, Uuid credential, Str challenge,
                          Str signature, SignedIn *out);

/* Each opens its own transaction; somebody else's are NOT_FOUND. */
CHECKED bool device_list(Ctx *cx, UserId user, DeviceKey **rows, isize *count);
CHECKED bool device_rename(Ctx *cx, UserId user, Uuid credential, Str name,
                           DeviceKey *out);
CHECKED bool device_revoke(Ctx *cx, UserId user, Uuid credential);
