/* inbox.c - the bell is watched edge-triggered, so nobody ever reads it: a ring is
 * one write, an answer none. */
#include "net/inbox.h"
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void inbox_open(Inbox *b, isize frames_most)
{
    *b = (Inbox){ .frames_most = frames_most, .lost = -1 };
    lock_init(&b->lock, RANK_SERVER);
    b->last_job = &b->jobs;
    b->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    b->frames = calloc((size_t)frames_most, sizeof *b->frames);
    must(b->bell >= 0 && b->frames != NULL);
}

void inbox_close(Inbox *b)
{
    close(b->bell);
    free(b->frames);
    lock_close(&b->lock);
}

static void ring(Inbox *b)
{
    u64 one = 1;
    must(write(b->bell, &one, sizeof one) == sizeof one);
}

/* True for the first since the inbox was emptied; b->lock is held. */
static bool is_first(Inbox *b)
{
    bool first = !b->rung;
    b->rung = true;
    return first;
}

void inbox_ring(Inbox *b)
{
    lock(&b->lock);
    bool first = is_first(b);
    unlock(&b->lock);
    if (first)
        ring(b);
}

void inbox_put_job(Inbox *b, QueueLink *job)
{
    lock(&b->lock);
    job->next = NULL;
    *b->last_job = job;
    b->last_job = &job->next;
    bool first = is_first(b);
    unlock(&b->lock);
    if (first)
        ring(b);
}

bool inbox_put_frame(Inbox *b, struct Frame *frame, i64 id)
{
    lock(&b->lock);
    bool room = b->frame_count < b->frames_most;
    if (room)
        b->frames[b->frame_count++] = frame;
    else if (id > b->lost)
        b->lost = id;
    bool first = is_first(b);
    unlock(&b->lock);
    if (first)
        ring(b);
    return room;
}

QueueLink *inbox_take(Inbox *b, struct Frame **frames, isize *count, i64 *lost)
{
    lock(&b->lock);
    QueueLink *jobs = b->jobs;
    b->jobs = NULL;
    b->last_job = &b->jobs;
    *count = b->frame_count;
    if (b->frame_count > 0)
        memcpy(frames, b->frames, (size_t)b->frame_count * sizeof *frames);
    *lost = b->lost;
    b->frame_count = 0;
    b->lost = -1;
    b->rung = false;
    unlock(&b->lock);
    return jobs;
}
