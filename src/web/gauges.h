/* gauges.h - what is looked up when somebody asks, because counting it all the time would
 * be dearer: lines, pools, streams, the outbox, this process.
 * Needs: metric, net, store.  Used by: metrics, cli. */
#pragma once
#include "base/ctx.h"

struct Server;

void gauges_of(struct Server *server);            /* NULL: none any more      */

/* Sets them. The database is asked for a second at most. */
void gauges_read(Ctx *cx);
