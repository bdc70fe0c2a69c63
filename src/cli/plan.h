/* plan.h - what a running server does besides answering: jobs and the relay.
 * Needs: everything.  Used by: serve. */
#pragma once
#include "base/config.h"
#include "net/server.h"

void plan_start(const Config *config, Server *server);

/* Flushes what the world must still hear; the jobs have stopped. */
void plan_end(void);
