/* completion.h - what workers bring back: an answer, a page of a stream's past, or what
 * an io thread had to know.
 * Needs: conn, job, admission.  Used by: conn.c, io.c. */
#pragma once
#include "net/conn.h"

/* A worker has answered. */
void completion_take(Conn *c, Job *j);
/* The answer that was held back may go. */
void completion_release(Conn *c);
/* A page has been written: asks for the next. */
void completion_page(Conn *c);
