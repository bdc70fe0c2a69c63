/* hasher.h - the threads that hash passwords, and the short line before them.
 *
 * One hash takes 64 MiB and a tenth of a second, so how many run at once is decided
 * here and not by who knocks: a full line answers BUSY at once.
 * Needs: queue.  Used by: password. */
#pragma once
#include "base/ctx.h"

typedef struct HasherConfig {
    int threads;                                  /* 0: one a core            */
    i64 queue_most, memory_kib;                   /* memory 0: PASSWORD_MEMORY_KIB */
} HasherConfig;

void hasher_open(const HasherConfig *config);
void hasher_close(void);

i64 hasher_waiting(void);

/* Runs `work` on a hash thread and waits for it.
 *   fails   BUSY, with retry_after */
CHECKED bool hasher_run(Ctx *cx, void (*work)(void *arg), void *arg);
