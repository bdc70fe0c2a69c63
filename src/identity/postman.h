/* postman.h - a thread that carries letters (letterbox.h), so that a slow relay is
 * nobody's clock and an answer's time doesn't tell whether there was a letter.
 * Needs: letterbox.  Used by: whoever puts a letter in; cli (serve). */
#pragma once
#include "base/ctx.h"

/* Stopping waits for the letter in hand; the others stay where they are. */
void postman_start(void);
void postman_stop(void);

/* After the commit of a letter: goes at once and not with the next beat. Without a
 * postman, as in a command, nothing. */
void postman_wake(void);
