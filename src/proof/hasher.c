/* hasher.c - a job lives on the stack of who waits for it. He waits to the end also past
 * his deadline: the line is short, so the end is near. */
#include "proof/hasher.h"
#include "base/histogram.h"
#include "base/trace.h"
#include "base/queue.h"
#include <stdlib.h>
#include <unistd.h>

enum { THREADS_MOST = 64, RETRY_AFTER_S = 2 };

typedef struct Job {
    QueueLink      link;                          /* first                    */
    void         (*work)(void *arg);
    void          *arg;
    Lock           lock;
    pthread_cond_t ready;
    bool           done;
} Job;

static Queue line;
static pthread_t threads[THREADS_MOST];
static int thread_count;

static void *hash_main(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "hash");
    for (Job *j; (j = (Job *)(void *)queue_take(&line)) != NULL;) {
        j->work(j->arg);
        lock(&j->lock);
        j->done = true;
        pthread_cond_signal(&j->ready);          /* the job is gone once it is unlocked */
        unlock(&j->lock);
    }
    return NULL;
}

void hasher_open(const HasherConfig *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int n = config->threads > 0 ? config->threads : cores > 0 ? (int)cores : 1;

    must(thread_count == 0);
    queue_init(&line, (isize)config->queue_most);
    thread_count = n < THREADS_MOST ? n : THREADS_MOST;
    for (int i = 0; i < thread_count; i++)
        must(pthread_create(&threads[i], NULL, hash_main, NULL) == 0);
}

void hasher_close(void)
{
    if (thread_count == 0)
        return;
    queue_close(&line);
    for (int i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
    thread_count = 0;
    queue_free(&line);
}

i64 hasher_waiting(void) { return queue_count(&line); }

bool hasher_run(Ctx *cx, void (*work)(void *arg), void *arg)
{
    Job j = { .work = work, .arg = arg };
    Step step = trace_begin(cx);
    Mono from = mono_now();

    lock_init(&j.lock, RANK_POOL);
    cond_init(&j.ready);
    bool taken = queue_push(&line, &j.link);
    if (taken) {
        lock(&j.lock);
        while (!j.done)
            lock_wait(&j.lock, &j.ready, 0);
        unlock(&j.lock);
    } else {
        fail(cx, BUSY, "the line before the hash threads is full");
        cx->fault.retry_after = RETRY_AFTER_S;
    }
    pthread_cond_destroy(&j.ready);
    lock_close(&j.lock);
    histogram_add(HISTOGRAM_HASH, mono_us(from, mono_now()));
    trace_end(cx, &step, TRACE_INTERNAL, "hash a password");
    return taken;
}
