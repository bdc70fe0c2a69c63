/* completion.c - an answer may be ready before it may be seen, be the first of many
 * pages, or be no answer but what the io thread did not know. */
#include "net/completion.h"
#include "net/admission.h"
#include "net/h2.h"
#include "net/io.h"
#include "net/learn.h"
#include "net/response.h"

/* A page is out, or on its way: the next one is made when it has been written, so a slow
 * reader of much never owns more than one. Who makes pages does nothing else: a crowd
 * that comes back takes no worker, and no place in the line, from who buys. A node that
 * shuts down leaves the rest to the one where the client comes again. */
static void go_on(Conn *c)
{
    conn_become(c, C_PAGING, DUE_WRITE);
    if (c->out == NULL)
        completion_page(c);
}

void completion_page(Conn *c)
{
    Job *j = c->job;

    j->paging = true;
    if (!c->io->server->draining && queue_push(&c->io->server->pagers.queue, &j->link))
        conn_become(c, C_AT_WORK, DUE_NONE);
    else if (stream_say(c, PART_SHUTDOWN)) {
        c->closes = true;
        conn_settle(c);
    }
}

void completion_release(Conn *c)
{
    Job *j = c->job;

    c->job = NULL;
    conn_become(c, C_AT_WORK, DUE_NONE);
    c->closes = j->how.close || c->io->server->draining || c->link.via->shared;
    c->io->counts.requests++;
    bool alive = conn_put(c, j->answer);
    if (alive && j->wish != NULL && j->wish->page != NULL) {
        conn_forget(c);
        c->job = j;
        go_on(c);
        return;
    }
    if (alive && j->wish != NULL)
        stream_start(c, j->wish);
    else if (alive)
        conn_settle(c);
    job_free(&c->io->jobs, j);
    if (alive)
        conn_run(c);
}

/* The page has come from the worker. */
static void put_page(Conn *c, Job *j)
{
    bool more = j->wish != NULL && j->wish->page != NULL;

    if (j->wish == NULL || !conn_put(c, j->answer)) {
        if (j->wish == NULL)
            conn_close(c);
        job_free(&c->io->jobs, j);
        return;
    }
    if (more) {
        c->job = j;
        go_on(c);
        return;
    }
    stream_start(c, j->wish);
    job_free(&c->io->jobs, j);
}

/* A worker has learned what was not known. What came behind the head waits still: in
 * `in`, or where HTTP/2 keeps it. */
static void admit_again(Conn *c, Job *j)
{
    Io *io = c->io;
    Str in = { c->in, c->in_len };

    learn_head(j, &io->desk.mem, &io->head);
    c->job = NULL;
    c->lingers = false;
    c->skip = 0;
    admission_decide(c, &io->head, &in, LAST_LOOK);
    if (io->out.len > 0)
        response_flush(c);
    desk_clear(&io->desk);
    job_free(&io->jobs, j);
    if (c->link.via->shared)
        h2_resume(c);
    else
        conn_run(c);
}

/* An answer that is ready too early waits here, where waiting costs no thread. */
void completion_take(Conn *c, Job *j)
{
    Io *io = c->io;

    if (c->state == C_GONE) {
        c->job = NULL;
        job_free(&io->jobs, j);
        io_bury(io, c);
    } else if (j->rq.reply.not_before.ns > io->now.ns) {
        c->state = C_HELD;
        due_at(&io->dues, &c->due, DUE_HELD, j->rq.reply.not_before);
    } else if (j->paging) {
        c->job = NULL;
        put_page(c, j);
    } else if (learn_done(j))
        admit_again(c, j);
    else
        completion_release(c);
}
