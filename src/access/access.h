/* access.h - opens everything that knows what asks: the services and the keys.
 *
 * The store and identity must be open before, and are closed after.
 * Needs: identity, store.  Used by: cli. */
#pragma once
#include "access/service.h"

/* False with *why: the list of services makes no sense, or the store doesn't answer. */
CHECKED bool access_open(Arena *mem, const ServiceConfig *services, Str *why);
void access_close(void);

/* Takes in which services, tokens and keys were taken back elsewhere. A clock job, of
 * every node and twice a second: so long is what was taken back there still believed
 * here. Renews the name of this instance, too. */
CHECKED bool access_watch(Ctx *cx);

/* Deletes what has run out. A clock job. */
CHECKED bool access_sweep(Ctx *cx);
