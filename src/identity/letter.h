/* letter.h - what we write to people about their accounts, in text and HTML.
 *
 * Nothing that somebody typed stands in a letter, so none can be made to say something.
 * Needs: letterbox.  Used by: login, mailbox, recovery. */
#pragma once
#include "identity/mailproof.h"

/* How long what they say is good. */
#define VERIFY_LASTS  hours(24)
#define RESET_LASTS   hours(1)
#define CHANGED_LASTS days(2)

/* How links in letters begin. Set at boot. */
void letter_open(Str public_url);
void letter_close(void);

/* Each is put into the letterbox; after the commit, postman_wake.
 *   tx  inside the caller's write_tx */
CHECKED bool letter_verify(Ctx *cx, UserId user, Str to, const MailProof *p);
CHECKED bool letter_reset(Ctx *cx, UserId user, Str to, const MailProof *p);
CHECKED bool letter_changed(Ctx *cx, UserId user, Str to);
CHECKED bool letter_webhook(Ctx *cx, UserId user, Str to, Uuid endpoint);
