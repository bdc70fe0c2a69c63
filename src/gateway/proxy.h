/* proxy.h - which services stand behind which paths, as PROXY_FILE says:
 *
 *   {"upstreams": [{"name": "catalog", "prefix": "/api/catalog",
 *                   "urls": "http://10.0.0.5:9000/v2, http://10.0.0.6:9000/v2"}]}
 *
 * The longest prefix has a path; what follows the prefix is put behind the url's path.
 * A path is passed on as it came or not at all: what two readers could take for two paths
 * (escapes, dots, backslashes, empty segments) is refused here.
 * Needs: upstream, shape.  Used by: proxy_http.c, cli. */
#pragma once
#include "net/req.h"
#include "net/upstream.h"

typedef enum ProxyAccess { PROXY_SIGNED_IN, PROXY_OPEN } ProxyAccess;

enum {                                            /* `pass`: what goes through too */
    PASS_AUTHORIZATION = 1,
    PASS_COOKIE        = 2,
    PASS_SET_COOKIE    = 4
};

typedef struct ProxyRow {
    Str         name, prefix, urls, audience, forbid;
    ProxyAccess access;
    unsigned    pass;
    i64         body_most;
    UpstreamConfig config;
    Upstream   *up;                               /* once it is open          */
} ProxyRow;

/* Reads the file; its rows, NULL with all mistakes in *why. An empty name has none. */
ProxyRow *proxy_read(Arena *mem, Str file, int *count, Str *why);

/* Reads it and opens its upstreams; before the server starts. */
CHECKED bool proxy_open(Arena *mem, Str file, Str *why);
void proxy_close(void);

/* The rows that are open. */
const ProxyRow *proxy_rows(int *count);

/* The row for a path, NULL when there is none. */
const ProxyRow *proxy_find(Str path);

/* What follows the row's prefix. Fails INVALID_PATH, FORBIDDEN_PATH. */
CHECKED bool proxy_path_check(Ctx *cx, const Req *rq);
CHECKED bool proxy_path_rest(Ctx *cx, const ProxyRow *row, Str path, Str *rest);

/* Everything that is counted about upstreams, in Prometheus' text format. */
void proxy_metrics(Buf *b);
