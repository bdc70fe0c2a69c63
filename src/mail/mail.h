/* mail.h - the mail port: hands a letter over to be delivered.
 *
 * A letter that was handed over is safe (on disk, or with a relay), which is not
 * the same as read. What goes into a header is checked here, for every engine: a
 * line break in an address or a subject would be a header of the sender's choice.
 * Needs: base.  Used by: identity (letterbox), tickets. */
#pragma once
#include "base/ctx.h"

typedef struct Letter {
    Str to;                              /* one address                      */
    Str subject;
    Str text;                            /* plain text                       */
    Str html;                            /* the same for the eye; may be absent */
} Letter;

typedef struct MailConfig {
    Str url;                             /* folder:PATH, smtp://, smtps:// (smtp.c) */
    Str from;                            /* the sender's address             */
} MailConfig;

/* Opens the one mail engine of this process. False with *why. */
CHECKED bool mail_open(Arena *mem, const MailConfig *config, Str *why);
void mail_close(void);

/*   fails   BAD_REQUEST: an address or subject with a control character, an address
 *           without one @, no text; INTERNAL_ERROR: it could not be handed over
 *   tx      never inside one */
CHECKED bool mail_send(Ctx *cx, const Letter *letter);
