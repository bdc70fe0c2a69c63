/* forward_down.c - the answer on its way back: read as strictly as a request is, decoded
 * where it is chunked, and handed to the asker as he takes it.
 *
 * 5xx answers of a gateway (502, 503, 504) count against the upstream as silence does:
 * they are the same trouble one hop further. */
#include "net/forward.h"
#include <stdlib.h>
#include <string.h>
#include "net/io.h"

enum { INTERIMS_MOST = 32, PULLS = 8 };

typedef enum Going { GOES_ON, NEEDS_MORE, IS_OVER } Going;

static void complete(Forward *f, isize surplus)
{
    Line *l = f->line;
    bool unread = !f->given || f->rest != NULL;

    f->line = NULL;
    forward_wait(f, DUE_NONE);
    if (f->answer_closes || unread || f->deaf || surplus > 0)
        line_drop(l);
    else
        line_release(l);
    forward_let_go(f, WENT_WELL);
    f->via->over(f, unread);
}

static void count_answer(Forward *f, int status)
{
    UpstreamCounts *n = &f->lines->up->counts;
    i64 us = mono_us(f->began, forward_now(f));
    int step = 0;

    while (step < LATENCY_STEPS && us > (i64)latency_ms[step] * 1000)
        step++;
    n->latency[step]++;
    n->latency_us += us;
    n->classes[status / 100]++;
    forward_tell(f, status >= 502 && status <= 504 ? WENT_WRONG : WENT_WELL);
}

static Going take_interim(Forward *f, const AnswerHead *a)
{
    if (a->status == 101 || ++f->interims > INTERIMS_MOST) {
        forward_broken(f, a->status == 101 ? "it switches to another protocol"
                                           : "too many 1xx");
        return IS_OVER;
    }
    if (a->status != 103 && !(a->status == 100 && f->expects))
        return GOES_ON;
    f->invited |= a->status == 100;
    return f->via->interim(f, a) ? GOES_ON : IS_OVER;
}

static Going take_head(Forward *f, Str *in)
{
    AnswerHead *a = &f->lines->in->answer;
    HeadResult got = answer_read(*in, f->asked, a);

    if (got == HEAD_MORE)
        return NEEDS_MORE;
    if (got == HEAD_BAD) {
        forward_broken(f, a->why);
        return IS_OVER;
    }
    *in = str_sub(*in, a->size, in->len);
    if (a->status < 200)
        return take_interim(f, a);
    f->answered = true;
    f->answer_closes = a->close;
    f->body = a->body;
    f->left = a->length;
    f->chunks.trailers = f->answer_trailers;
    count_answer(f, a->status);
    if (!f->via->head(f, a))
        return IS_OVER;
    if (a->body != ENDS_AT_HEAD)
        return GOES_ON;
    if (!f->via->flush(f))
        return IS_OVER;
    complete(f, in->len);
    return IS_OVER;
}

static Going end_body(Forward *f, isize surplus)
{
    Str trailers = S("");

    if (f->chunks.trailers_len > 0) {
        char *at = f->chunks.trailers;
        isize n = trailers_filter((Str){ at, f->chunks.trailers_len },
                                  f->wish.trailer_down, f->wish.of, at);
        trailers = (Str){ at, n > 0 ? n : 0 };
    }
    if (!f->via->end(f, trailers) || !f->via->flush(f))
        return IS_OVER;
    complete(f, surplus);
    return IS_OVER;
}

static Going take_chunks(Forward *f, Str *in)
{
    char *to = (char *)(uintptr_t)in->at;
    isize len = 0;
    FaultCode fault = OK;
    HeadResult got = chunked_read(&f->chunks, in, to, &len, INT64_MAX, &fault);

    if (got == HEAD_BAD) {
        forward_broken(f, "chunked body");
        return IS_OVER;
    }
    /* What stands in front of the data was framing, or nothing that is still needed. */
    if (len > 0 && !f->via->body(f, to, len))
        return IS_OVER;
    return got == HEAD_DONE ? end_body(f, in->len) : GOES_ON;
}

static Going take_plain(Forward *f, Str *in)
{
    isize n = f->body == ENDS_BY_LENGTH && f->left < in->len ? (isize)f->left : in->len;
    char *at = (char *)(uintptr_t)in->at;

    *in = str_sub(*in, n, in->len);
    if (!f->via->body(f, at, n))
        return IS_OVER;
    if (f->body == ENDS_BY_LENGTH && (f->left -= n) == 0)
        return end_body(f, in->len);
    return GOES_ON;
}

static Going take_answer(Forward *f, Str *in)
{
    if (!f->answered)
        return take_head(f, in);
    return f->body == ENDS_BY_CHUNKS ? take_chunks(f, in) : take_plain(f, in);
}

/* Uses up what was read; false when the exchange is over. */
static bool digest(Forward *f, Str in)
{
    Line *l = f->line;
    Going going = GOES_ON;

    f->heard = true;
    while (in.len > 0 && (going = take_answer(f, &in)) == GOES_ON)
        continue;
    if (going == IS_OVER)
        return false;
    if (in.len > 0) {
        must((l->in = malloc((size_t)in.len)) != NULL);
        memcpy(l->in, in.at, (size_t)in.len);
        l->in_len = in.len;
    }
    if (!f->via->flush(f))
        return false;
    if (f->answered)
        forward_wait(f, DUE_FLOW);
    return true;
}

/* The upstream says no more. */
static void ended(Forward *f, bool in_order)
{
    if (f->answered && f->body == ENDS_AT_CLOSE && in_order) {
        if (f->via->end(f, S("")) && f->via->flush(f))
            complete(f, 0);
    } else if (!forward_sent_again(f))
        forward_broken(f, f->answered ? "it ended in the middle of its answer"
                                      : "it closed the connection without an answer");
}

void forward_pull(Line *l)
{
    for (int i = 0; i < PULLS; i++) {
        Forward *f = l->work;
        if (f == NULL || l->state != LINE_BUSY || !l->readable || f->via->full(f))
            return;
        char *to = l->of->in->pump + PUMP_BEFORE;
        isize room = PUMP - l->in_len,
              n = l->link.via->read(&l->link, to + l->in_len, room);
        if (n == LINK_AGAIN) {
            l->readable = false;
            return;
        }
        if (n <= 0) {
            ended(f, n == 0);
            return;
        }
        if (l->link.dry)
            l->readable = l->ended;
        if (l->in_len > 0)
            memcpy(to, l->in, (size_t)l->in_len);
        Str in = { to, l->in_len + n };
        free(l->in);
        l->in = NULL;
        l->in_len = 0;
        if (!digest(f, in))
            return;
    }
    line_again(l);
}

void forward_stirred(Line *l, bool writable)
{
    Forward *f = l->work;

    if (writable && f->rest != NULL && forward_push(f)) {
        forward_moved(f);
        if (!f->given && !f->deaf && !f->via->pull(f))
            return;
    } else if (writable && f->rest != NULL) {
        forward_moved(f);
    }
    forward_pull(l);
}

/* That he reads what came before is no headway of what he sends. */
void forward_flow(Forward *f)
{
    if (f->answered)
        forward_wait(f, DUE_FLOW);
    if (f->line != NULL)
        forward_pull(f->line);
}
