/* webauthn.h - what a browser brings from an authenticator, checked.
 *
 * All that Web Authentication Level 3 asks of a relying party (sections 7.1 and 7.2), but
 * for what only the database knows: whose the credential is, its counter, and that the
 * challenge is one of ours and good once. Attestation is asked for as `none`; statements
 * that come all the same are not looked at (docs/why/passkeys.md).
 * Needs: cbor, pubkey.  Used by: passkey. */
#pragma once
#include "base/ctx.h"

enum { CREDENTIAL_MOST = 1023, CLIENT_DATA_MOST = 4096, ATTESTATION_MOST = 16384 };

/* Who we are to an authenticator. `origins`: comma separated, as browsers write them. */
typedef struct Relying { Str id, origins; } Relying;

/* What the authenticator says of itself and of the moment. */
typedef struct Seen {
    bool verified;                                /* UV: a finger, a face or a PIN */
    bool may_back_up, backed_up;                  /* BE, BS                   */
    i64  counter;                                 /* 0: it has none           */
} Seen;

typedef struct NewCredential { Seen seen; Str id, public_key; } NewCredential;

/* The challenge that stands in clientDataJSON (base64url), to look it up by.
 *   fails   VALIDATION_ERROR: no client data */
CHECKED bool webauthn_challenge(Ctx *cx, Str client_data, Str *challenge);

/* Both take bytes, decoded already; `challenge` is base64url and ours.
 *   gives   texts in cx->mem or within what came
 *   fails   INVALID_SIGNATURE, with the reason for the log */
CHECKED bool webauthn_register(Ctx *cx, const Relying *rp, Str challenge, Str client_data,
                               Str attestation, NewCredential *out);
CHECKED bool webauthn_assert(Ctx *cx, const Relying *rp, Str challenge, Str public_key,
                             Str client_data, Str auth_data, Str signature, Seen *out);
