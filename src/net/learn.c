/* learn.c - the head is kept as text and read again: so the second look at a request sees
 * what the first one saw, with the memory as it is by then. */
#include "net/learn.h"
#include "base/histogram.h"
#include "net/io.h"

bool learn_begin(Conn *c, const Req *rq, const Head *h)
{
    Job *j = job_new(&c->io->jobs);
    Learn *learn = rq->reply.learn;

    j->conn = c;
    j->came = c->io->now;
    j->how = (WireHow){ c->closes, c->keep_old };
    j->body_want = h->chunked ? -1 : h->length > 0 ? h->length : 0;
    job_fill(j, rq, h);
    j->rq.peer = job_keep(j, rq->peer);
    j->rq.via = job_keep(j, rq->via);
    j->rq.reply = (Reply){ .learn = learn };
    j->head = job_keep(j, (Str){ h->method_text.at, h->end - h->method_text.at });
    if (!queue_push(&c->io->server->pool.queue, &j->link)) {
        job_free(&c->io->jobs, j);
        return false;
    }
    c->job = j;
    conn_become(c, C_AT_WORK, DUE_NONE);
    return true;
}

bool learn_waits(const Conn *c)
{
    return c->state == C_AT_WORK && c->job != NULL && c->job->head.at != NULL;
}

void learn_work(const Server *s, Desk *d, Job *j)
{
    Ctx cx = desk_begin(d);
    Learn *learn = j->rq.reply.learn;

    histogram_add(HISTOGRAM_LINE, mono_us(j->came, mono_now()));
    j->rq.reply = (Reply){ 0 };
    if (learn(&cx, &j->rq)) {
        arena_reset(&d->mem, 0);
        return;
    }
    desk_refuse(d, &cx, &j->rq);
    j->how.close |= s->draining;
    job_answer(j, &d->wire);
    desk_end(d, &cx, &j->rq, j->came);
}

bool learn_done(const Job *j)
{
    return j->head.at != NULL && j->answer.at == NULL;
}

/* HTTP/2 frames the body itself, so how it does is not in the text. */
void learn_head(const Job *j, Arena *mem, Head *out)
{
    HeadResult got = head_read(mem, j->head, out);

    must(got == HEAD_DONE);
    if (!j->conn->link.via->shared || out->length >= 0)
        return;
    out->chunked = j->body_want < 0;
    out->length = out->chunked ? -1 : 0;
}
