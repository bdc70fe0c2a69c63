/* batch.h - runs the functions of a batch in one transaction, and commits once.
 *
 * One function's refusal undoes only that one. What the database undoes for reasons of
 * its own (a deadlock, a lost connection) is run again; a COMMIT without an answer is
 * asked after. When it returns, each function's good and its Ctx's fault are the truth.
 * Needs: engine.  Used by: lane.c. */
#pragma once
#include "store/engine.h"
#include <stdatomic.h>

/* One function that waits; it lives on its caller's stack. */
typedef struct Work {
    struct Work *next;
    Ctx  *cx;
    TxFn *fn;                                     /* one of the two           */
    ManyFn *many;
    void *arg;
    int   slot;
    bool  good;
    _Atomic(u32) *bell;                           /* the caller sleeps on it  */
} Work;

typedef struct Writer {
    Db *db;
    int careful;                                  /* batches left with savepoints */
} Writer;

void batch_run(Writer *wr, Work *batch);
