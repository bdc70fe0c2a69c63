/* letter.h - what we write to people about their accounts, in text and HTML.
 *
 * Nothing that somebody typed stands in a letter, so none can be made to say something.
 * Needs: mail.  Used by: mailbox, recovery. */
#pragma once
#include "identity/mailproof.h"
#include "mail/mail.h"

/* How links in letters begin. Set at boot. */
void letter_open(Str public_url);
void letter_close(void);

/* Each is posted (mail/postman.h) and not waited for. */
void letter_verify(Ctx *cx, Str to, const MailProof *p);
void letter_reset(Ctx *cx, Str to, const MailProof *p);
void letter_changed(Ctx *cx, Str to);
