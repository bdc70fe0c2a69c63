/* passkey.h - sign in without a password: credentials of WebAuthn.
 *
 * Discoverable ones: nobody says who he is, the authenticator does. One that looked at a
 * finger, face or PIN is two factors; one that didn't is one (entry.h).
 * Needs: webauthn, challenge, entry, store.  Used by: passkey_http. */
#pragma once
#include "identity/entry.h"
#include "proof/webauthn.h"

enum { PASSKEYS_MOST = 50, PASSKEY_NAME_MOST = 100 };

/* Copies the config. An empty id or origins: those of public_url. */
void passkey_open(const Relying *rp, Str public_url);
void passkey_close(void);

typedef struct Passkey {
    Uuid    id;
    Str     name;
    bool    backedUp;
    Instant createdAt, lastUsedAt;
    UserId  person;
    Str     credential, publicKey;
    i64     counter;
    bool    mayBackUp;
} Passkey;
extern const Shape passkey_shape;

/* The objects that navigator.credentials takes as `publicKey`, as JSON (section 5.4,
 * 5.5).
 *   fails   KV_UNAVAILABLE
 *   tx      open their own */
CHECKED bool passkey_creation_options(Ctx *cx, UserId user, Str *json);
CHECKED bool passkey_request_options(Ctx *cx, Str *json);

/* What comes back from it, decoded. */
typedef struct Brought {
    Str id, client_data, attestation, auth_data, signature, user_handle;
} Brought;

/*   fails   INVALID_TOKEN: the challenge; INVALID_SIGNATURE; CONFLICT: it is known
 *           already
 *   tx      opens its own */
CHECKED bool passkey_add(Ctx *cx, UserId user, Str name, const Brought *b, Passkey *out);

/*   fails   INVALID_TOKEN, AUTHENTICATION_FAILED: unknown, or the account;
 *           INVALID_SIGNATURE
 *   tx      opens its own */
CHECKED bool passkey_enter(Ctx *cx, const Caller *from, const Brought *b, SignedIn *out);

/* Those of one person; somebody else's are NOT_FOUND. Each opens its own transaction. */
CHECKED bool passkey_list(Ctx *cx, UserId user, Passkey **rows, isize *count);
CHECKED bool passkey_rename(Ctx *cx, UserId user, Uuid id, Str name, Passkey *out);
CHECKED bool passkey_remove(Ctx *cx, UserId user, Uuid id);
