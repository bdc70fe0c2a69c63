/* pool.c - a worker has one desk and touches no socket: the bytes it makes go back to
 * the io thread that owns the connection. */
#include "net/pool.h"
#include "net/io.h"
#include "net/learn.h"
#include "base/histogram.h"
#include <stdlib.h>

static void answer(const Server *s, Desk *d, Job *j)
{
    Ctx cx = desk_begin(d);

    histogram_add(HISTOGRAM_LINE, mono_us(j->came, mono_now()));
    desk_serve(d, &cx, &j->rq);
    j->how.close |= j->rq.reply.close || j->rq.reply.stream != NULL || s->draining;
    job_answer(j, &d->wire);
    desk_end(d, &cx, &j->rq, j->came);
}

static void turn_page(Desk *d, Job *j)
{
    Ctx cx = desk_begin(d);

    job_turn_page(j, &cx);
    arena_reset(&d->mem, 0);
}

static void *work(void *arg)
{
    Pool *p = arg;
    Desk desk = { .hooks = &p->server->hooks, .wire.extra = p->server->extra };

    for (QueueLink *item; (item = queue_take(&p->queue)) != NULL;) {
        Job *j = (Job *)item;
        if (j->paging)
            turn_page(&desk, j);
        else if (j->head.at != NULL)
            learn_work(p->server, &desk, j);
        else
            answer(p->server, &desk, j);
        inbox_put_job(&j->conn->io->inbox, &j->link);
    }
    arena_close(&desk.mem);
    return NULL;
}

void pool_open(Pool *p, struct Server *s, int threads, isize queue_most)
{
    *p = (Pool){ .server = s, .count = threads };
    queue_init(&p->queue, queue_most);
    p->threads = calloc((size_t)threads, sizeof *p->threads);
    must(p->threads != NULL);
    for (int i = 0; i < threads; i++)
        must(pthread_create(&p->threads[i], NULL, work, p) == 0);
}

void pool_stop(Pool *p)
{
    queue_close(&p->queue);
    for (int i = 0; i < p->count; i++)
        pthread_join(p->threads[i], NULL);
}

void pool_free(Pool *p)
{
    queue_free(&p->queue);
    free(p->threads);
}
