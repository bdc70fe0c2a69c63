/* worker.c - memory is emptied after each piece; what a usual piece needs is kept. */
#include "base/worker.h"

enum { KEEP_BYTES = 256 << 10 };

static bool is_stopping(Worker *w)
{
    lock(&w->lock);
    bool stop = w->stopping;
    unlock(&w->lock);
    return stop;
}

/* False when it is time to end. */
static bool sleep_on(Worker *w)
{
    i64 until = mono_after(mono_now(), w->every).ns;

    lock(&w->lock);
    while (!w->stopping && !w->rung && lock_wait(&w->lock, &w->changed, until))
        ;
    w->rung = false;
    bool go_on = !w->stopping;
    unlock(&w->lock);
    return go_on;
}

static void *work_on(void *arg)
{
    Worker *w = arg;
    Arena mem = { 0 };

    pthread_setname_np(pthread_self(), w->name);
    do {
        for (bool more = true; more && !is_stopping(w); arena_reset(&mem, KEEP_BYTES))
            more = w->work(&mem);
    } while (sleep_on(w));
    arena_close(&mem);
    return NULL;
}

void worker_start(Worker *w, int threads)
{
    must(w->count == 0 && threads <= WORKER_THREADS_MOST);
    w->stopping = false;
    for (; w->count < threads; w->count++)
        must(pthread_create(&w->threads[w->count], NULL, work_on, w) == 0);
}

void worker_halt(Worker *w)
{
    lock(&w->lock);
    w->stopping = true;
    unlock(&w->lock);
    pthread_cond_broadcast(&w->changed);
}

void worker_stop(Worker *w)
{
    worker_halt(w);
    for (; w->count > 0; w->count--)
        must(pthread_join(w->threads[w->count - 1], NULL) == 0);
}

void worker_ring(Worker *w)
{
    lock(&w->lock);
    bool first = !w->rung;
    w->rung = true;
    unlock(&w->lock);
    if (first)
        pthread_cond_signal(&w->changed);
}
