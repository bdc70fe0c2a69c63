/* postman.c - one thread and a bounded line. A relay that is away costs each letter its
 * three tries, so the line fills and what comes then is dropped: the letters are links
 * that run out, and a queue of a day would only deliver old ones. */
#include "mail/postman.h"
#include "base/log.h"
#include "base/queue.h"
#include <stdlib.h>

enum { WAITING_MOST = 2000, TRIES = 3, FIRST_PAUSE_MS = 200 };

typedef struct Posted { QueueLink link; Arena mem; Letter letter; } Posted;

static struct {
    Queue          line;
    pthread_t      thread;
    bool           running;
    Lock           lock;
    pthread_cond_t changed;
    i64            posted, done;
    bool           stopping;
} own = { .lock = LOCK_OF(RANK_POOL) };

/* Longer after each failure; cut short when the house closes. */
static void pause_after(int tries)
{
    i64 until = mono_after(mono_now(), (Span){ FIRST_PAUSE_MS << (2 * tries) }).ns;

    lock(&own.lock);
    while (!own.stopping && lock_wait(&own.lock, &own.changed, until))
        ;
    unlock(&own.lock);
}

static void carry(const Letter *letter)
{
    Arena mem = { 0 };

    for (int i = 0; i < TRIES; i++) {
        Ctx cx = ctx_new(&mem, TENANT_DEFAULT);
        if (mail_send(&cx, letter))
            break;
        log_warn("letter not handed over", L("try", i + 1), L("why", (const char *)cx.fault.why));
        if (cx.fault.code == BAD_REQUEST)
            break;
        if (i + 1 < TRIES)
            pause_after(i);
        arena_reset(&mem, 0);
    }
    arena_close(&mem);
}

static void *postman(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "postman");
    for (Posted *p; (p = (Posted *)(void *)queue_take(&own.line)) != NULL;) {
        carry(&p->letter);
        arena_close(&p->mem);
        free(p);
        lock(&own.lock);
        own.done++;
        unlock(&own.lock);
        pthread_cond_broadcast(&own.changed);
    }
    return NULL;
}

void postman_start(void)
{
    must(!own.running);
    queue_init(&own.line, WAITING_MOST);
    cond_init(&own.changed);
    own.posted = own.done = 0;
    own.stopping = false;
    own.running = true;
    must(pthread_create(&own.thread, NULL, postman, NULL) == 0);
}

void postman_stop(void)
{
    if (!own.running)
        return;
    lock(&own.lock);
    own.stopping = true;
    unlock(&own.lock);
    pthread_cond_broadcast(&own.changed);
    queue_close(&own.line);
    must(pthread_join(own.thread, NULL) == 0);
    queue_free(&own.line);
    pthread_cond_destroy(&own.changed);
    own.running = false;
}

void mail_post(const Letter *letter)
{
    Posted *p = calloc(1, sizeof *p);

    must(own.running && p != NULL);
    p->letter = (Letter){ str_copy(&p->mem, letter->to), str_copy(&p->mem, letter->subject),
                          str_copy(&p->mem, letter->text), str_copy(&p->mem, letter->html) };
    lock(&own.lock);
    own.posted++;
    unlock(&own.lock);
    if (queue_push(&own.line, &p->link))
        return;
    log_warn("letter dropped: too many wait", L("most", (i64)WAITING_MOST));
    arena_close(&p->mem);
    free(p);
    lock(&own.lock);
    own.done++;
    unlock(&own.lock);
}

void mail_flush(void)
{
    lock(&own.lock);
    while (own.done < own.posted)
        lock_wait(&own.lock, &own.changed, 0);
    unlock(&own.lock);
}
