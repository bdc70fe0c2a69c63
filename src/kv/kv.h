/* kv.h - the kv port: what may be lost.
 *
 * Counters of fixed windows, values that live a while, and values that can be
 * taken once. All of it may vanish with the process; what may not be lost is SQL.
 * "Not there" is an answer (*found false), "it broke" is a fault: KV_UNAVAILABLE while
 * the engine is away. Then a limit lets through (kv_limit) and a cache is done without
 * (kv_do_without); everything else fails, because what is good once would be good twice
 * (docs/why/kv-away.md).
 * Expiry is measured against cx->now, so the test clock moves it too.
 * Needs: base.  Used by: identity, tickets, gateway. */
#pragma once
#include "base/ctx.h"
#include "base/metric.h"

/* A key names its tenant, or says that it belongs to none; so a plain text does not
 * compile as one. `kind` is a word of this program ("login"), `name` may be anything. */
typedef struct Key { Str text; } Key;
Key kv_key(Ctx *cx, const char *kind, Str name);          /* of cx->tenant */
Key kv_key_global(Ctx *cx, const char *kind, Str name);   /* of nobody     */

typedef struct KvConfig {
    Str url;                             /* "embedded:FILE"; FILE may be empty: no snapshot.
                                            Or a Redis: kv/redis_url.h       */
    i64 bytes_most;                      /* embedded: memory; 0: 64 MiB      */
    int attempts;                        /* Redis: to connect at first; 0: 5 */
} KvConfig;

/* Opens the one kv of this process. False with *why. */
CHECKED bool kv_open(Arena *mem, const KvConfig *config, Str *why);
void kv_close(void);

/* Counts one in the window that began with the key's first count and lasts `window`.
 *   gives   *n how many, this one included; most + 1 when it was one too many, which
 *           neither counts nor prolongs the window. *reset: when the window ends */
CHECKED bool kv_count(Ctx *cx, Key key, Span window, i64 most, i64 *n, Instant *reset);

/* Counts as a reader would see them: 0 when there is no window. */
CHECKED bool kv_counted(Ctx *cx, Key key, i64 *n);

/* Takes one count back, of a window that runs and has any. */
CHECKED bool kv_uncount(Ctx *cx, Key key);

/* Keeps `value` for `ttl`, in place of what was there. */
CHECKED bool kv_put(Ctx *cx, Key key, Str value, Span ttl);

/* The same if nothing is there; *made says whether it was kept. Of many callers at
 * once exactly one is told true. */
CHECKED bool kv_put_new(Ctx *cx, Key key, Str value, Span ttl, bool *made);

/*   gives   *value in cx->mem */
CHECKED bool kv_get(Ctx *cx, Key key, Str *value, bool *found);

/* Gets and removes in one step: of many callers at once exactly one finds it. */
CHECKED bool kv_take(Ctx *cx, Key key, Str *value, bool *found);

/* Removes a value and a counter of this key; it is no mistake if there is none. */
CHECKED bool kv_delete(Ctx *cx, Key key);

/* A limit: counts one as kv_count does.
 *   fails   RATE_LIMIT_EXCEEDED with its Retry-After. While the kv is away it lets
 *           through and counts that in `opened` */
CHECKED bool kv_limit(Ctx *cx, Key key, Span window, i64 most, Metric opened);

/* After a call that failed: true when it was only that the kv is away, which is then
 * counted in `counted` and no fault any more. For what the kv merely makes cheaper. */
CHECKED bool kv_do_without(Ctx *cx, Metric counted);

/* Asks the engine for nothing, to see whether it answers. */
CHECKED bool kv_answers(Ctx *cx);
