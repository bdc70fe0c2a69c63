/* plan.h - what a running server does besides answering: jobs and the relay.
 * Needs: everything.  Used by: serve. */
#pragma once
#include "base/config.h"
#include "net/server.h"

/* False with *why. What it starts ends with ending.h. */
CHECKED bool plan_start(Arena *mem, const Config *config, Server *server, Str *why);
