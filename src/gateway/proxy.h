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
#include "base/crypto.h"
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
    unsigned    scope;                            /* that a machine needs     */
    unsigned    pass;
    i64         body_most;
    UpstreamConfig config;
    Digest      mark;                             /* of all it says, and its TLS files */
    Upstream   *up;                               /* in whose memory an open row is */
} ProxyRow;

/* Reads the file; its rows, NULL with all mistakes in *why. An empty name has none. */
ProxyRow *proxy_read(Arena *mem, Str file, int *count, Str *why);

/* The same, with upstreams: a row that says what one in use says is that one, with its
 * connections, breaker and counters; the others are opened.
 *   gives   a table for proxy_use or proxy_drop; NULL with the reasons in *why, in mem
 *   thread  one at a time */
typedef struct ProxyTable { int count; ProxyRow *rows[UPSTREAMS_MOST]; } ProxyTable;
ProxyTable *proxy_table(Arena *mem, Str file, Str *why);
void proxy_drop(ProxyTable *table);

/* The table from now on, while requests come. What goes to a row that is not in it any
 * more is answered as it would have been. */
typedef struct ProxyChange { int kept, opened, ended; } ProxyChange;
ProxyChange proxy_use(ProxyTable *table);

/* Both at once; before the server starts. */
CHECKED bool proxy_open(Arena *mem, Str file, Str *why);
void proxy_close(void);

/* The row for a path, held until proxy_done; NULL when there is none. */
const ProxyRow *proxy_take(Str path);
void proxy_done(const ProxyRow *row);
bool proxy_any(void);                             /* whether there are rows   */

/* All of them, in mem, each held. */
const ProxyRow **proxy_rows(Arena *mem, int *count);
void proxy_rows_done(const ProxyRow **rows, int count);

/* RFC 3986's unreserved letters and the slash; no segment is empty or dots. */
bool proxy_path_plain(Str path);

/* What follows the row's prefix. Fails INVALID_PATH, FORBIDDEN_PATH. */
CHECKED bool proxy_path_check(Ctx *cx, const Req *rq);
CHECKED bool proxy_path_rest(Ctx *cx, const ProxyRow *row, Str path, Str *rest);

/* Everything that is counted about upstreams, in Prometheus' text format. */
void proxy_metrics(Arena *mem, Buf *b);
