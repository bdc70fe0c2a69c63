/* postman.c - looks once a second, because letters come due again and other nodes die, and
 * at once when woken. While the store is away there is nothing to carry. */
#include "identity/postman.h"
#include "identity/letterbox.h"
#include "base/lock.h"
#include "base/log.h"

#define BEAT seconds(1)

static struct {
    Lock           lock;
    pthread_cond_t changed;
    pthread_t      thread;
    bool           running, woken, stopping;
} own = { .lock = LOCK_OF(RANK_POOL) };

static bool wait_for_letters(void)
{
    i64 until = mono_after(mono_now(), BEAT).ns;

    lock(&own.lock);
    while (!own.stopping && !own.woken && lock_wait(&own.lock, &own.changed, until))
        ;
    own.woken = false;
    bool go_on = !own.stopping;
    unlock(&own.lock);
    return go_on;
}

static bool is_stopping(void)
{
    lock(&own.lock);
    bool stop = own.stopping;
    unlock(&own.lock);
    return stop;
}

static void carry_all(Arena *mem)
{
    for (bool found = true; found && !is_stopping(); arena_reset(mem, 0)) {
        Ctx cx = ctx_new(mem, TENANT_DEFAULT);
        if (!letterbox_carry(&cx, &found)) {
            log_warn("letters can't be carried", L("why", (const char *)cx.fault.why));
            found = false;
        }
    }
}

static void *postman(void *unused)
{
    Arena mem = { 0 };

    (void)unused;
    pthread_setname_np(pthread_self(), "postman");
    while (wait_for_letters())
        carry_all(&mem);
    arena_close(&mem);
    return NULL;
}

void postman_start(void)
{
    must(!own.running);
    cond_init(&own.changed);
    own.stopping = false;
    own.woken = true;                             /* what waited while nobody was here */
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
    must(pthread_join(own.thread, NULL) == 0);
    lock(&own.lock);
    own.running = false;
    unlock(&own.lock);
    pthread_cond_destroy(&own.changed);
}

void postman_wake(void)
{
    lock(&own.lock);
    own.woken = true;
    if (own.running)
        pthread_cond_broadcast(&own.changed);
    unlock(&own.lock);
}
