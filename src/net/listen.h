/* listen.h - listening sockets, one for each io thread on the same address.
 * Needs: base.  Used by: server.c. */
#pragma once
#include "base/str.h"

/* Listens on host:*port (0: any, then *port says which) with SO_REUSEPORT.
 *   gives  the descriptor, -1 with the reason in *why */
int listen_on(Arena *mem, Str host, int *port, Str *why);

/* False, with the reason, when somebody listens there already: with SO_REUSEPORT a
 * second server would get half of the first one's connections. */
CHECKED bool listen_free(Arena *mem, Str host, int port, Str *why);
