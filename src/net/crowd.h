/* crowd.h - how many connections each address has open here, and how many it may have.
 *
 * One machine shall not take all of CONNECTIONS_MAX. IPv6 counts by /64, which is what
 * one customer gets; a trusted proxy brings everybody and is not counted. It costs 1 MiB,
 * however many addresses come.
 * Needs: network, time.  Used by: io.c, conn.c, server.c. */
#pragma once
#include <netinet/in.h>
#include <stdatomic.h>
#include "base/network.h"
#include "base/time.h"

typedef struct Crowd {
    i64  most;                                    /* of one address; 0: no bound */
    Str  trusted;                                 /* networks that are not counted */
    u64  key[4];
    _Atomic i32 *rows;
    _Atomic i64 refused, told_ns;
} Crowd;

/* `trusted`, as TRUSTED_PROXIES has it, must stay. */
void crowd_open(Crowd *c, i64 most, Str trusted);
/* All must have left. */
void crowd_close(Crowd *c);

/* Counts one in. False when its address has as many as it may; that is counted, and told
 * in the log, once a minute at most.
 *   gives   *counted, whether crowd_leave must be told, once, when it goes
 *   thread  any; waits for nobody. Addresses that come at several threads in the same
 *           moment may have one more for each of them */
CHECKED bool crowd_join(Crowd *c, const struct sockaddr *peer, Mono now, bool *counted);
/* `peer` in letters, so that a connection need not keep where it was counted. */
void crowd_leave(Crowd *c, Str peer);
