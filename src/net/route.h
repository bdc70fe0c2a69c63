/* route.h - the table of contents' row, and finding it by method and path.
 *
 * One Route is one line of the product's table (web/routes.c): who may, how large,
 * what comes in and out, who answers, one sentence. The server, the CLI, OpenAPI
 * and the tests all read it.
 * Needs: shape.  Used by: every *_http.c, web, gateway. */
#pragma once
#include "base/shape.h"

typedef enum Method { M_GET, M_POST, M_PUT, M_PATCH, M_DELETE, M_OPTIONS, M_HEAD,
                      M_OTHER } Method;             /* M_OTHER in a row: any of them */
extern const Names method_names;

struct Req;
typedef bool Handler(Ctx *cx, struct Req *rq);

enum {                                            /* what a route is          */
    INLINE   = 1,     /* answered on the io thread: no SQL, no waiting       */
    ONCE     = 2,     /* Idempotency-Key is required                         */
    ONCE_MAY = 4,     /* Idempotency-Key is honoured                         */
    STREAM   = 8,     /* answers with text/event-stream                      */
    PAGE     = 16,    /* for browsers: HTML or a file, not in OpenAPI         */
    TESTONLY = 32,    /* there only with the test clock                      */
    LISTED   = 64,    /* answers {data:[out...],pagination}                  */
    PAGED    = 128,   /* with LISTED: takes limit and cursor                 */
    FORWARDS = 256,   /* with INLINE: may reply by an upstream (forward.h); sees no
                         body */
    FRESH    = 512,   /* who has a second factor must have shown it lately (fresh.h) */
    MAY_LACK = 2048,  /* its body may be left out, and then needs no length  */
    ASIDE    = 4096,  /* has threads of its own: an operator asks how things are while
                         all workers wait for a database that hangs */
    OR_503   = 1024,  /* may say the same with 503, which is no failure of it */
    /* how often one address may ask: at most one of these (identity/limit.h) */
    LIMIT_LOGIN    = 1 << 16,
    LIMIT_REGISTER = 2 << 16,
    LIMIT_WALLET   = 3 << 16,
    LIMIT_DEFAULT  = 4 << 16,
    LIMIT_STREAM   = 5 << 16,
    LIMIT_CLASS    = 7 << 16
};

typedef struct Route {
    Method       method;
    const char  *path;                            /* "/api/v1/orders/:id"; "/api/" and a
                                                     star: what no other row knows */
    unsigned     access;                          /* access/guard.h says what it means */
    i64          body_most;                       /* 0: the server's default  */
    const Shape *in;                              /* of the body, or of a GET's query;
                                                     NULL: none */
    int          status;                          /* of success               */
    const Shape *out;                             /* NULL: no JSON object     */
    Handler     *run;
    unsigned     is;
    const char  *tag, *says;                      /* for the documentation    */
} Route;

enum { PARAMS_MOST = 4 };
typedef struct RouteParam { const char *name; isize name_len; Str value; } RouteParam;
typedef struct RouteMatch {
    const Route *route;                           /* NULL: 404, or 405 when allow is
                                                     set */
    RouteParam   params[PARAMS_MOST];
    int          count;
    unsigned     allow;                           /* bit per Method that this path
                                                     knows */
} RouteMatch;

typedef struct Router Router;
/* Compiles the table: a path that two rows claim for one method stops the start. */
Router *router_open(const Route *table, isize count);
void    router_close(Router *r);
/* `path` is decoded and normalised (head.h). A GET row also answers HEAD. */
void    router_find(const Router *r, Method method, Str path, RouteMatch *out);
