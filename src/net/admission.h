/* admission.h - a request's way in: from its head to a worker, to a service behind, or to
 * an answer at once.
 * Needs: conn, head, response.  Used by: exchange.c, completion.c. */
#pragma once
#include "net/conn.h"
#include "net/head.h"

/* LAST_LOOK: a worker has looked up what the first did not know (learn.h). */
typedef enum Look { FIRST_LOOK, LAST_LOOK } Look;

/* Decides by the head; `in` is what came behind it. */
void admission_decide(Conn *c, const Head *h, Str *in, Look look);
/* The whole request is there. */
void admission_submit(Conn *c);
/* Refuses what is half there, or was no head; nothing of it reaches a worker. */
void admission_give_up(Conn *c, FaultCode fault, const char *why);
