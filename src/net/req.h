/* req.h - a request as a handler sees it, and the reply it gives.
 *
 * A handler has three beats: read, call, reply. It sets no error status and does
 * not log; the server renders cx->fault and writes one line per request.
 * Needs: route, shape.  Used by: every *_http.c. */
#pragma once
#include "net/route.h"

enum { HEADERS_MOST = 100 };
typedef struct Header { Str name, value; } Header;   /* name as it came; compare nocase */

typedef struct ReplyHeader { struct ReplyHeader *next; Str name, value; } ReplyHeader;

struct Req;
typedef bool Learn(Ctx *cx, const struct Req *rq);

typedef struct Reply {
    int          status;                          /* 0: nothing replied yet   */
    Str          type;                            /* Content-Type             */
    Str          body;
    ReplyHeader *headers;
    bool         close;                           /* close the connection after it */
    bool         endless;                         /* to a HEAD: what would come has no
                                                     length */
    Mono         not_before;                      /* held back until then     */
    struct ForwardWish *forward;                  /* not NULL: an upstream answers
                                                     (forward.h) */
    struct StreamWish *stream;                    /* not NULL: becomes a stream
                                                     (stream.h) */
    Learn       *learn;                           /* not known yet (learn.h)  */
} Reply;

typedef struct Req {
    Method        method;                         /* HEAD is given as M_GET with head
                                                     set */
    bool          head;
    Str           target;                         /* as it came               */
    Str           path;                           /* decoded, dot segments settled */
    Str           query;                          /* raw, without '?'         */
    const Header *headers;
    isize         header_count;
    Str           body;                           /* whole, already unchunked */
    Str           peer;                           /* address, no port         */
    Str           via;                            /* the load balancer's, when one said
                                                     peer */
    bool          secure;                         /* came over TLS            */
    bool          looked_up;                      /* after reply.learn: the last look */
    unsigned      allow;                          /* bit per Method that the path knows */
    const Route  *route;                          /* NULL: OPTIONS, or a refusal */
    RouteParam    params[PARAMS_MOST];
    int           param_count;
    Reply         reply;
} Req;

/* The value of a header, absent when it did not come. `name` in any case. */
Str req_header(const Req *rq, Str name);

/* True when the Accept header (RFC 9110 12.5.1) allows `type`, such as
 * "application/json"; no header allows everything. */
bool req_accepts(const Req *rq, Str type);

/* A query parameter, percent-decoded into cx->mem; absent when it is not there. */
Str req_query(Ctx *cx, const Req *rq, Str name);

/* A path parameter; must be one that the route names. */
Str req_param(const Req *rq, const char *name);

/* A path parameter that is an id: what is no UUID is NOT_FOUND. */
CHECKED bool req_id(Ctx *cx, const Req *rq, const char *name, Uuid *out);

/* ?limit= (1..100, default 20) and ?cursor=; fails VALIDATION_ERROR. Read page.limit + 1
 * rows: page_cut then says whether more follow, and `count` is what belongs on this
 * page. */
typedef struct Page { i64 limit; Str cursor; } Page;
CHECKED bool req_page(Ctx *cx, const Req *rq, Page *out);
bool page_cut(const Page *page, isize *count);

/* The same where the cursor is an id, or a number above zero; without one *from stays as
 * it is. Fails INVALID_CURSOR too. */
CHECKED bool req_page_id(Ctx *cx, const Req *rq, Page *out, Uuid *from);
CHECKED bool req_page_number(Ctx *cx, const Req *rq, Page *out, i64 *from);

/* The body as JSON by its shape: UNSUPPORTED_MEDIA_TYPE, BAD_JSON, VALIDATION_ERROR. */
CHECKED bool req_read(Ctx *cx, const Req *rq, const Shape *shape, void *out);

/* The query by its shape, of texts, ids, times, names, numbers and truths. Fails
 * VALIDATION_ERROR. */
CHECKED bool req_read_query(Ctx *cx, const Req *rq, const Shape *shape, void *out);

/* Replies; each gives true, so that it can end an && chain. */
bool reply(Ctx *cx, Req *rq, int status, const Shape *shape, const void *value);
bool reply_json(Req *rq, int status, Str json);
bool reply_text(Req *rq, int status, Str type, Str body);
bool reply_empty(Req *rq, int status);            /* 204 and the like         */

/* {data:[...],pagination:{limit,nextCursor}}; `next` absent at the end. */
bool reply_list(Ctx *cx, Req *rq, const Shape *shape, const void *rows, isize count,
                i64 limit, Str next);

/* Holds the reply back, whatever it will be, until `least` has passed from now and up to
 * `jitter` more, by chance: how long the work took tells nothing then. Not for INLINE
 * routes, and a stream is not held. */
void reply_hold(Req *rq, Span least, Span jitter);

/* Adds a response header; `name` and `value` must live as long as cx->mem. A control
 * character in the value becomes a space, so no value can start a header of its own. */
void reply_header(Ctx *cx, Req *rq, Str name, Str value);
