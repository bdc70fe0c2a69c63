/* learn.h - a route that is decided on an io thread (FORWARDS) and does not know yet what
 * it must: who shows a key that is not in memory. Its handler fails and names in
 * reply.learn who finds out. A worker, who may wait, asks him; when he has learned it the
 * same head is admitted again, once, and when he fails that is the answer. Nothing of the
 * body is read meanwhile.
 * Needs: job, desk.  Used by: admission.c, completion.c, pool.c, h2_read.c. */
#pragma once
#include "net/conn.h"

struct Server;
struct Desk;

/* Sends a worker with a copy of the head; false when there is no place in his line. What
 * Conn says of the answer (closes) is of the refusal that may come of it. */
CHECKED bool learn_begin(Conn *c, const Req *rq, const Head *h);

/* True while a worker is at it. */
bool learn_waits(const Conn *c);

/* The worker's part: no answer when it was learned. */
void learn_work(const struct Server *s, struct Desk *d, Job *j);

/* What he brings back, read from the copy: true when it is to be admitted again. */
bool learn_done(const Job *j);
void learn_head(const Job *j, Arena *mem, Head *out);
