/* redis_pool.h - the links to the one Redis of this process, lent to whoever asks.
 *
 * While Redis is away a call fails at once and nobody waits for it; when a pause has
 * passed one caller tries again, and the pauses grow to two seconds.
 * Needs: redis_link.  Used by: redis. */
#pragma once
#include "base/ctx.h"
#include "kv/redis_link.h"

/* A command. `name` is what faults and the log call it; keys and values never get
 * there. */
typedef struct RedisAsk {
    const char *name;
    bool        reads;                   /* changes nothing: may be asked twice */
    int         count;
    Str         words[REDIS_WORDS_MOST];
} RedisAsk;

/* Connects; `attempts` times with 2 s, 4 s ... and chance between them. False with
 * *why. */
CHECKED bool redis_pool_open(Arena *mem, Str url, int attempts, Str *why);
void redis_pool_close(void);

/* Asks within cx->deadline and a second.
 *   gives   *out, its text in cx->mem; an error of Redis is an answer
 *   fails   KV_UNAVAILABLE: it may have been done or not, unless it only reads */
CHECKED bool redis_ask(Ctx *cx, const RedisAsk *ask, RedisAnswer *out);

/* For an answer that says no, or is of another kind than it must be. Gives false. */
bool redis_refuses(Ctx *cx, const RedisAsk *ask, const RedisAnswer *a);
