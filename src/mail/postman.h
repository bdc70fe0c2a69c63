/* postman.h - carries letters while nobody waits.
 *
 * Whoever posts a letter learns nothing of how long the relay took, and so an answer's
 * time doesn't tell whether there was a letter. A letter in hand may be lost with the
 * process; who waits for one can ask for another.
 * Needs: mail, queue.  Used by: identity. */
#pragma once
#include "mail/mail.h"

/* Takes a copy of the letter; it is tried three times. When too many wait it is dropped
 * and logged. */
void mail_post(const Letter *letter);

/* Waits until all that were posted have been handed over or given up. */
void mail_flush(void);

/* mail.c: the one thread, while the mail engine is open. Stopping flushes. */
void postman_start(void);
void postman_stop(void);
