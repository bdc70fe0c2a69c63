/* once.h - one key, one answer: a retried request gets the first one's.
 *
 * The answer is written in the same transaction as the work, so there is no
 * moment in which one exists without the other. Keys belong to a tenant, a
 * person, a method and a path, and are kept for 24 h. Refusals are not kept: a
 * buyer who was told SOLD_OUT may try again with the same key.
 * Needs: store.  Used by: handlers of writes. */
#pragma once
#include "base/crypto.h"
#include "store/store.h"

#define ONCE_KEPT hours(24)

typedef struct Once {
    Str    key;                                   /* absent: no key was given */
    Str    scope;                                 /* "POST /api/v1/purchase"  */
    Digest request;                               /* hash of the body         */
} Once;

typedef struct Answer { int status; Str json; bool replayed; } Answer;

/* Runs `fn` in a write_tx unless the key has an answer already. When `fn` has made
 * *value, it is rendered by `shape` and kept.
 *   gives   *answer, its text in cx->mem
 *   fails   IDEMPOTENCY_KEY_MISMATCH; and as fn does */
CHECKED bool write_once(Ctx *cx, Lane lane, const Once *once, TxFn *fn, void *arg,
                        int status, const Shape *shape, const void *value,
                        Answer *answer);

/* The same with a function that serves many at once (write_many). */
CHECKED bool write_once_many(Ctx *cx, Lane lane, const Once *once, ManyFn *fn, void *arg,
                             int status, const Shape *shape, const void *value,
                             Answer *answer);

/* Forgets a slice of the keys that are past their day; *gone 0: there are no more. */
CHECKED bool once_sweep(Ctx *cx, i64 *gone);
