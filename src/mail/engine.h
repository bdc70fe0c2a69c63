/* engine.h - what an engine of the mail port must do: one table of functions.
 *
 * Engines get letters that mail.c has checked, and the message that it wrote.
 * Needs: mail.h.  Used by: mail.c and the engines. */
#pragma once
#include "mail/mail.h"

typedef struct MailEngine {
    const char *scheme;                  /* "folder:" of the url             */
    bool (*open)(Arena *mem, Str rest, Str *why);
    void (*close)(void);
    bool (*send)(Ctx *cx, Str from, Str to, Str message);
} MailEngine;

extern const MailEngine mail_folder, mail_smtp, mail_smtps;

/* The letter as a message (RFC 5322, MIME RFC 2045 to 2047): CRLF lines of at most 76
 * letters, all of it ASCII. */
Str message_write(Ctx *cx, Str from, const Letter *letter);
