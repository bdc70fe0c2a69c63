/* serve.h - what a request means: who may, in which form, by whom answered.
 *
 * Every request goes through one place: trace, guard, media types, handler, problem,
 * headers, log line.
 * Needs: everything.  Used by: cli (serve). */
#pragma once
#include "net/server.h"

typedef struct ServeConfig {
    Str  cors_origins;           /* comma separated; empty: no other origin  */
    Str  trusted_proxies;        /* comma separated networks; empty: none    */
    bool hsts;                   /* production, or TLS spoken here           */
} ServeConfig;

/* Opens the router over the table of routes; what `config` points to must stay. */
ServerHooks serve_open(Arena *mem, const ServeConfig *config, bool test_clock);
void        serve_close(void);

/* Header lines that every answer carries, for ServerConfig.extra_headers. */
Str serve_headers(Arena *mem, const ServeConfig *config);

/* A request of this process to itself, answered as one from outside would be.
 *   gives   *status and the body, in cx->mem */
typedef struct SelfCall {
    Method method;
    Str path;
    const Header *headers;
    isize count;
    Str body;
} SelfCall;
void serve_self(Ctx *cx, const SelfCall *call, int *status, Str *body);
