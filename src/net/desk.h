/* desk.h - what a thread that answers requests has before it: memory for one unit of
 * work, the date, the server's hooks.
 * Needs: wire, server.  Used by: conn.c, pool.c. */
#pragma once
#include "net/server.h"
#include "net/wire.h"

typedef struct Desk {
    Arena              mem;                       /* of the request at hand   */
    const ServerHooks *hooks;
    Wire               wire;
} Desk;

/* A fresh unit of work; its tenant is nobody's until the guard says whose. */
Ctx  desk_begin(Desk *d);
/* Has the request answered, by its row or (a refusal) by cx->fault. */
void desk_serve(Desk *d, Ctx *cx, Req *rq);
void desk_refuse(Desk *d, Ctx *cx, Req *rq);
/* Gives back what the request took. */
void desk_clear(Desk *d);
/* Tells that it was answered and clears the desk. */
void desk_end(Desk *d, Ctx *cx, const Req *rq, Mono came);
