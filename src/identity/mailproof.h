/* mailproof.h - a proof that somebody reads a mailbox: the secret in a letter's link.
 *
 * Only its SHA-256 is kept. It is good once: using it is one UPDATE that asks whether it
 * was used. A letter may hold a short code too, for who reads it on another machine; the
 * code is good for ten minutes and five tries. A newer letter ends the older ones.
 * Needs: store.  Used by: mailbox, recovery. */
#pragma once
#include "base/crypto.h"
#include "store/store.h"

enum { CODE_LETTERS = 6, MAIL_PROOF_LETTERS = 64 };
#define CODE_LASTS minutes(10)

typedef enum MailPurpose { FOR_VERIFY, FOR_RESET } MailPurpose;

typedef struct MailProof { Str token, code; } MailProof;    /* as the letter says them */

void mailproof_open(const Secret *master);
void mailproof_close(void);

/* Before the transaction. The token names cx->tenant. */
MailProof mailproof_make(Ctx *cx);

/* Whose token it is: sets cx->tenant. The token isn't looked up.
 *   fails   INVALID_CODE: not of our form */
CHECKED bool mailproof_tenant(Ctx *cx, Str token);

/* All of these run inside the caller's transaction. */

CHECKED bool mailproof_keep(Ctx *cx, MailPurpose why, UserId user, const MailProof *p,
                            Span lasts);

/* How many were made later than `since`, and when the last. */
CHECKED bool mailproof_made(Ctx *cx, MailPurpose why, UserId user, Instant since, i64 *n,
                            Instant *last);

/* Looks without using it; and uses it. Of many at once one uses it.
 *   fails   INVALID_CODE: unknown, used, superseded or too old */
CHECKED bool mailproof_look(Ctx *cx, MailPurpose why, Str token, UserId *user);
CHECKED bool mailproof_use(Ctx *cx, MailPurpose why, Str token, UserId *user);

/* Uses the proof of the last letter by its code. A miss is no failure, because its count
 * must be kept: *good says. */
CHECKED bool mailproof_use_code(Ctx *cx, MailPurpose why, UserId user, Str code,
                                bool *good);

/* What was sent and not used is good no more. */
CHECKED bool mailproof_end(Ctx *cx, MailPurpose why, UserId user);

/* Deletes what has run out; spans tenants. A clock job. */
CHECKED bool mailproof_sweep(Ctx *cx, i64 *gone);
