/* engine.h - what an engine of the kv port must do: one table of functions.
 *
 * The promises are those of kv.h; tests/unit/kv_test.c holds every engine to them.
 * Needs: kv.h.  Used by: kv.c and the engines. */
#pragma once
#include "kv/kv.h"

typedef struct KvEngine {
    const char *schemes;           /* "redis: rediss:": the url begins with one of them */
    bool (*open)(Arena *mem, const KvConfig *config, Str *why);
    void (*close)(void);
    bool (*count)(Ctx *cx, Str key, Span window, i64 most, i64 *n, Instant *reset);
    bool (*counted)(Ctx *cx, Str key, i64 *n);
    bool (*uncount)(Ctx *cx, Str key);
    bool (*put)(Ctx *cx, Str key, Str value, Span ttl);
    bool (*put_new)(Ctx *cx, Str key, Str value, Span ttl, bool *made);
    bool (*get)(Ctx *cx, Str key, Str *value, bool *found);
    bool (*take)(Ctx *cx, Str key, Str *value, bool *found);
    bool (*drop)(Ctx *cx, Str key);
} KvEngine;

extern const KvEngine kv_embedded, kv_redis;
