/* mfa.h - the second factor: an authenticator app, and codes on paper beside it.
 *
 * setup -> verify-setup turns it on. A code is good once: of an app's codes only one
 * newer than the last that was used. Five wrong ones lock the account as five passwords
 * do. Needs: totp, backup, person, seal, kv.  Used by: entry, mfa_http. */
#pragma once
#include "identity/backup.h"

#define MFA_SETUP_LASTS minutes(10)

void mfa_open(const Secret *master);
void mfa_close(void);

typedef struct MfaSetup { Str secret, otpauthUrl, qrCode; i64 expiresIn; } MfaSetup;

/* A secret to be put into an app; the same again within ten minutes.
 *   fails   INVALID_STATE: it is on already; KV_UNAVAILABLE
 *   tx      opens its own */
CHECKED bool mfa_setup(Ctx *cx, UserId user, MfaSetup *out);

/* Turns it on with the app's first code.
 *   fails   AUTHENTICATION_FAILED: wrong code; INVALID_STATE: no setup runs, or it is on
 *   tx      opens its own */
CHECKED bool mfa_enable(Ctx *cx, UserId user, Str code, BackupCodes *out);

/* Turns it off; of what was wrong, the password or the code, it doesn't tell.
 *   fails   AUTHENTICATION_FAILED, INVALID_STATE: it is not on; BUSY, KV_UNAVAILABLE
 *   tx      opens its own */
CHECKED bool mfa_disable(Ctx *cx, UserId user, Str password, Str code);

/*   fails   INVALID_STATE: it is not on
 *   tx      opens its own */
CHECKED bool mfa_regenerate(Ctx *cx, UserId user, BackupCodes *out);

/* Uses a code of the app or of the paper.
 *   tx      runs inside the caller's write_tx, in the person's lane */
CHECKED bool mfa_use(Ctx *cx, UserId user, Str code, bool *good);

/* Around a look at a code: reserves one of five attempts before, and afterwards gives all
 * back or, when it was the fifth, locks the account.
 *   fails   mfa_try: AUTHENTICATION_FAILED when none is left; KV_UNAVAILABLE
 *           mfa_missed: always, AUTHENTICATION_FAILED */
CHECKED bool mfa_try(Ctx *cx, UserId user, i64 *attempt);
CHECKED bool mfa_hit(Ctx *cx, UserId user);
bool mfa_missed(Ctx *cx, UserId user, i64 attempt);

/* All three in one, for who is signed in. */
CHECKED bool mfa_prove(Ctx *cx, UserId user, Str code);
