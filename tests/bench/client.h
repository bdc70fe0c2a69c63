/* client.h - a load generator: many keep-alive connections, one thread, epoll.
 *
 * It sends what `next` gives on whatever connection is free, and hands each answer
 * to `answered`. It keeps no state of its own about what is sent. With several targets
 * each has an even share of the connections and of the requests, always the same ones:
 * a buyer who looked at one node buys there, as his browser's connection stays. */
#pragma once
#include "base/ctx.h"

typedef struct Sent { i64 number; Mono at; } Sent;

enum { TARGETS_MOST = 16 };
typedef struct Target { char host[64]; int port; } Target;

typedef struct Load {
    Target target[TARGETS_MOST];
    int  targets, connections;
    i64  requests;                                /* how many in all          */
    /* The whole request with that number, in `to`; gives its length. */
    isize (*next)(void *arg, i64 number, char *to, isize room);
    void (*answered)(void *arg, const Sent *sent, int status, Str body);
    void *arg;
    i64 *latency_us;                              /* room for `requests`, or NULL */
    i64  broken;                                  /* connections that broke: out */
    i64  took_us;                                 /* out                      */
} Load;

/* Reads "host:port,host:port"; the host is a number and 127.0.0.1 when it is left out. */
CHECKED bool load_targets(Load *l, const char *list);

void load_run(Load *l);                           /* may be called again      */

/* Sorts and gives the p-th percentile (0..100). */
i64 percentile(i64 *values, i64 count, double p);
