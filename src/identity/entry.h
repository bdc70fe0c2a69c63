/* entry.h - the last steps of signing in, whichever way somebody came.
 *
 * A password, a wallet or a device's key is one factor; a passkey that asked for its
 * owner's finger or PIN is two. Where the second factor is on and one was shown, there is
 * a challenge in place of tokens, and a code completes it.
 * Needs: login, mfa, challenge, epoch, fresh.  Used by: login, the *_http.c of the
 * factors. */
#pragma once
#include "identity/login.h"

typedef enum Proof { ONE_FACTOR, TWO_FACTORS } Proof;

/* What answers a sign-in: user and tokens, or requiresMfa and challenge. */
extern const Shape entered_shape;

/* Who has shown one factor and needs another: sets requiresMfa and challenge of *out.
 *   fails   KV_UNAVAILABLE */
CHECKED bool entry_ask(Ctx *cx, const Person *p, SignedIn *out);

/* Lets somebody of cx->tenant in who has proved to be `user`, or asks for the second
 * factor.
 *   fails   AUTHENTICATION_FAILED: gone, locked or suspended
 *   tx      opens its own */
CHECKED bool entry_admit(Ctx *cx, const Caller *from, UserId user, Proof proof,
                         SignedIn *out);

/* Completes a sign-in with the code of the app or of the paper. The challenge is good
 * once; a wrong code doesn't use it up, but five lock the account.
 *   fails   INVALID_TOKEN: the challenge; AUTHENTICATION_FAILED: the code, or the account
 *   tx      opens its own */
CHECKED bool entry_complete(Ctx *cx, const Caller *from, Str challenge, Str code,
                            SignedIn *out);
