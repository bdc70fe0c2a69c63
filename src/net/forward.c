/* forward.c - what is decided while bytes pass.
 *
 * A request is sent again only when that can't do a thing twice (RFC 9110 9.2.2, RFC
 * 9112 9.3.1): any while no line was had, later only an idempotent one without a body
 * of which no answer has been heard.
 *
 * An upstream may answer before it has read the body, and close: writing fails then
 * while an answer waits to be read. So a failed write only makes it deaf, and what it
 * says last decides. 5xx answers of a gateway (502, 503, 504) count against it as silence
 * does: they are the same trouble one hop further.
 *
 * A sender of a body must bring 1 KiB a second over time, or his line is taken from him:
 * lines are few. */
#include "net/forward.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "net/io.h"

enum { TRIES = 3, INTERIMS_MOST = 32, PULLS = 8, SLOWEST_UP = 1024 };

bool reply_forward(Ctx *cx, Req *rq, const ForwardWish *wish)
{
    ForwardWish *copy = make(cx->mem, ForwardWish, 1);

    must((rq->route->is & FORWARDS) != 0);
    *copy = *wish;
    rq->reply.forward = copy;
    return reply_empty(rq, 200);
}

static Mono now_of(const Forward *f) { return f->lines->in->io->now; }

static void wait_for(Forward *f, DueKind what)
{
    due_set(&f->lines->dues, &f->due, what, now_of(f));
}

/* ---- how it ends ---------------------------------------------------------------- */

static void tell(Forward *f, Outcome how)
{
    if (f->told)
        return;
    f->told = true;
    breaker_tell(&f->lines->up->breaker, f->leave, how, now_of(f));
}

/* Gives back what it holds; the line is closed unless it was released before. */
static void let_go(Forward *f, Outcome how)
{
    line_forgo(f->lines, f);
    if (f->line != NULL)
        line_drop(f->line);
    f->line = NULL;
    wait_for(f, DUE_NONE);
    tell(f, how);
    free(f->rest);
    f->rest = NULL;
}

static void give_up(Forward *f, Outcome how, FaultCode fault, int retry_s, const char *why)
{
    let_go(f, how);
    if (f->answered)
        f->via->cut(f, why);
    else
        f->via->refuse(f, fault, retry_s, why);
}

void forward_fail(Forward *f, FaultCode fault, const char *why)
{
    give_up(f, WENT_UNSEEN, fault, 0, why);
}

void forward_leave(Forward *f)
{
    let_go(f, WENT_UNSEEN);
}

void forward_end(Forward *f)
{
    give_up(f, WENT_UNSEEN, BUSY, 1, "the server is stopping");
}

static void broken(Forward *f, const char *why)
{
    f->lines->up->counts.broken++;
    give_up(f, WENT_WRONG, BAD_GATEWAY, 0, why);
}

static void late(Forward *f, const char *why)
{
    f->lines->up->counts.late++;
    give_up(f, WENT_WRONG, GATEWAY_TIMEOUT, 0, why);
}

/* ---- how it begins --------------------------------------------------------------- */

void forward_start(Forward *f, Outward *s)
{
    Upstream *up = f->wish.to;
    int wait_s;

    f->lines = outward_to(s, up);
    f->began = s->io->now;
    f->leave = breaker_ask(&up->breaker, s->io->now, &wait_s);
    up->counts.requests++;
    if (f->leave == LEAVE_NONE) {
        up->counts.refused++;
        f->told = true;
        give_up(f, WENT_UNSEEN, UPSTREAM_UNAVAILABLE, wait_s, "the breaker is open");
        return;
    }
    wait_for(f, DUE_CONNECT);
    f->starting = true;
    forward_seek(f);
}

void forward_seek(Forward *f)
{
    for (;;) {
        switch (line_seek(f->lines, f)) {
        case LINE_READY:
            forward_ready(f);
            return;
        case LINE_COMING:
        case LINE_WAITS:
            f->starting = false;
            return;
        case LINE_LACKS:
            f->lines->up->counts.refused++;
            give_up(f, WENT_UNSEEN, BUSY, 1, "no line to the upstream can be had");
            return;
        case LINE_NONE:
            break;
        }
        if (++f->tries >= TRIES) {
            f->lines->up->counts.unreachable++;
            give_up(f, WENT_WRONG, BAD_GATEWAY, 0, "the upstream can't be reached");
            return;
        }
    }
}

static void seek_again(Forward *f)
{
    f->lines->up->counts.retries++;
    wait_for(f, DUE_CONNECT);
    forward_seek(f);
}

void forward_unreachable(Forward *f)
{
    f->line = NULL;
    if (++f->tries < TRIES) {
        seek_again(f);
        return;
    }
    f->lines->up->counts.unreachable++;
    give_up(f, WENT_WRONG, BAD_GATEWAY, 0, "the upstream can't be reached");
}

/* ---- up ------------------------------------------------------------------------- */

/* Keeps what the line did not take of the parts. */
static void keep_rest(Forward *f, const struct iovec *parts, int count, isize skip)
{
    isize more = -skip;

    for (int i = 0; i < count; i++)
        more += (isize)parts[i].iov_len;
    if (more <= 0)
        return;
    must((f->rest = realloc(f->rest, (size_t)(f->rest_len + more))) != NULL);
    for (int i = 0; i < count; i++) {
        isize len = (isize)parts[i].iov_len, from = skip < len ? skip : len;
        memcpy(f->rest + f->rest_len, (char *)parts[i].iov_base + from, (size_t)(len - from));
        f->rest_len += len - from;
        skip -= from;
    }
}

static void go_deaf(Forward *f)
{
    f->deaf = true;
    free(f->rest);
    f->rest = NULL;
    f->rest_at = f->rest_len = 0;
    f->line->readable = true;
    line_again(f->line);
}

static bool push_rest(Forward *f)
{
    while (f->rest_at < f->rest_len) {
        struct iovec part = { f->rest + f->rest_at, (size_t)(f->rest_len - f->rest_at) };
        isize n = f->line->link.via->write(&f->line->link, &part, 1);
        if (n == LINK_AGAIN)
            return false;
        if (n < 0) {
            go_deaf(f);
            return true;
        }
        f->rest_at += n;
    }
    free(f->rest);
    f->rest = NULL;
    f->rest_at = f->rest_len = 0;
    return true;
}

static void put_up(Forward *f, const struct iovec *parts, int count)
{
    isize n = 0;

    if (f->deaf)
        return;
    if (f->rest == NULL)
        n = f->line->link.via->write(&f->line->link, parts, count);
    if (n == LINK_GONE) {
        go_deaf(f);
        return;
    }
    keep_rest(f, parts, count, n < 0 ? 0 : n);
    if (n > 0 && f->rest != NULL)                 /* TLS writes a record at a time */
        (void)push_rest(f);
}

/* Something went up, or all has. */
static void moved_up(Forward *f)
{
    bool all = f->given && f->rest == NULL;
    i64 ms = mono_us(f->sent, now_of(f)) / 1000;

    if (f->answered)
        wait_for(f, DUE_FLOW);
    else if (all)
        wait_for(f, DUE_FIRST);
    else if (ms <= f->lines->up->config.idle_within.ms || f->went_up * 1000 / ms >= SLOWEST_UP)
        wait_for(f, DUE_FLOW);
}

static struct iovec part_of(Str s)
{
    return (struct iovec){ (void *)(uintptr_t)s.at, (size_t)s.len };
}

/* The head when it has not gone, and the body's frame. */
static int put_head(Forward *f, struct iovec *parts)
{
    int n = 0;

    if (f->headed)
        return 0;
    f->headed = true;
    f->sent = now_of(f);
    parts[n++] = part_of(f->wish.line);
    parts[n++] = part_of(f->lines->up->endpoints[f->line->endpoint].host_line);
    parts[n++] = part_of(f->wish.fields);
    parts[n++] = part_of(f->framing);
    return n;
}

void forward_headway(Forward *f)
{
    struct iovec parts[4];
    int n = put_head(f, parts);

    if (n > 0) {
        put_up(f, parts, n);
        moved_up(f);
    }
}

void forward_give(Forward *f, Str data)
{
    struct iovec parts[7];
    char size[24];
    int n = put_head(f, parts);

    if (data.len > 0) {
        f->taken = true;
        f->went_up += data.len;
        if (f->chunked)
            parts[n++] = (struct iovec){ size, (size_t)snprintf(size, sizeof size, "%tx\r\n",
                                                                data.len) };
        parts[n++] = part_of(data);
        if (f->chunked)
            parts[n++] = part_of(S("\r\n"));
    }
    if (n == 0)
        return;
    put_up(f, parts, n);
    moved_up(f);
}

void forward_given(Forward *f, Str trailers)
{
    struct iovec parts[7];
    int n = put_head(f, parts);

    if (f->chunked) {
        parts[n++] = part_of(S("0\r\n"));
        parts[n++] = part_of(trailers);
        parts[n++] = part_of(S("\r\n"));
    }
    f->given = true;
    if (n > 0)
        put_up(f, parts, n);
    moved_up(f);
}

bool forward_hungry(const Forward *f)
{
    return f->line != NULL && f->line->state == LINE_BUSY && f->rest == NULL && !f->given &&
           !f->deaf;
}

/* It has a line that can be written to. Who starts it sends what there is; else the
 * asker is asked, and the head goes alone when he has nothing yet. */
void forward_ready(Forward *f)
{
    bool starting = f->starting;

    f->starting = false;
    if (!f->has_body) {
        forward_given(f, S(""));
        return;
    }
    wait_for(f, DUE_FLOW);
    if (starting)
        return;
    if (f->via->pull(f))
        forward_headway(f);
}

/* ---- down ----------------------------------------------------------------------- */

typedef enum Going { GOES_ON, NEEDS_MORE, IS_OVER } Going;

static void complete(Forward *f, isize surplus)
{
    Line *l = f->line;
    bool unread = !f->given || f->rest != NULL;

    f->line = NULL;
    wait_for(f, DUE_NONE);
    if (f->answer_closes || unread || f->deaf || surplus > 0)
        line_drop(l);
    else
        line_release(l);
    let_go(f, WENT_WELL);
    f->via->over(f, unread);
}

static void count_answer(Forward *f, int status)
{
    UpstreamCounts *n = &f->lines->up->counts;
    i64 us = mono_us(f->began, now_of(f));
    int step = 0;

    while (step < LATENCY_STEPS && us > (i64)latency_ms[step] * 1000)
        step++;
    n->latency[step]++;
    n->latency_us += us;
    n->classes[status / 100]++;
    tell(f, status >= 502 && status <= 504 ? WENT_WRONG : WENT_WELL);
}

static Going take_interim(Forward *f, const AnswerHead *a)
{
    if (a->status == 101 || ++f->interims > INTERIMS_MOST) {
        broken(f, a->status == 101 ? "it switches to another protocol" : "too many 1xx");
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
        broken(f, a->why);
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
        isize n = trailers_filter((Str){ at, f->chunks.trailers_len }, at);
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
        broken(f, "chunked body");
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
        wait_for(f, DUE_FLOW);
    return true;
}

/* The upstream says no more. */
static void ended(Forward *f, bool in_order)
{
    bool stale = f->line->used;
    bool again = !f->heard && !f->has_body && f->wish.again &&
                 f->tries < (stale ? TRIES : 1);

    if (f->answered && f->body == ENDS_AT_CLOSE && in_order) {
        if (f->via->end(f, S("")) && f->via->flush(f))
            complete(f, 0);
    } else if (again) {
        if (!stale)
            endpoint_failed(&f->lines->up->endpoints[f->line->endpoint], now_of(f));
        line_drop(f->line);
        f->line = NULL;
        free(f->rest);                            /* of a head, for that line alone */
        f->rest = NULL;
        f->rest_at = f->rest_len = 0;
        f->headed = f->given = f->deaf = false;
        f->fresh = true;
        f->tries++;
        seek_again(f);
    } else
        broken(f, f->answered ? "it ended in the middle of its answer"
                              : "it closed the connection without an answer");
}

void forward_pull(Line *l)
{
    for (int i = 0; i < PULLS; i++) {
        Forward *f = l->work;
        if (f == NULL || l->state != LINE_BUSY || !l->readable || f->via->full(f))
            return;
        char *to = l->of->in->pump + PUMP_BEFORE;
        isize room = PUMP - l->in_len, n = l->link.via->read(&l->link, to + l->in_len, room);
        if (n == LINK_AGAIN) {
            l->readable = false;
            return;
        }
        if (n <= 0) {
            ended(f, n == 0);
            return;
        }
        if (n < room && l->link.via->short_is_dry)
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

    if (writable && f->rest != NULL && push_rest(f)) {
        moved_up(f);
        if (!f->given && !f->deaf && !f->via->pull(f))
            return;
    } else if (writable && f->rest != NULL) {
        moved_up(f);
    }
    forward_pull(l);
}

void forward_flow(Forward *f)
{
    wait_for(f, DUE_FLOW);
    if (f->line != NULL)
        forward_pull(f->line);
}

void forward_due(Forward *f)
{
    Line *l = f->line;
    bool connecting = l != NULL && l->state != LINE_BUSY;

    if (connecting) {
        endpoint_failed(&f->lines->up->endpoints[l->endpoint], now_of(f));
        line_drop(l);
        f->line = NULL;
        if (++f->tries < TRIES && f->lines->up->count > 1)
            seek_again(f);
        else
            late(f, "connecting took too long");
    } else if (l == NULL)
        give_up(f, WENT_UNSEEN, BUSY, 1, "all lines to the upstream are in use");
    else if (!f->given && f->rest == NULL && (f->taken || f->invited || !f->expects))
        give_up(f, WENT_UNSEEN, REQUEST_TIMEOUT, 0, "the body comes too slowly");
    else if (!f->given && f->rest == NULL)        /* who waits for a 100 that may not come */
        give_up(f, WENT_UNSEEN, GATEWAY_TIMEOUT, 0, "neither 100 nor a body in time");
    else if (f->via->full(f))
        give_up(f, WENT_UNSEEN, REQUEST_TIMEOUT, 0, "the answer is read too slowly");
    else
        late(f, f->answered ? "its answer stopped" : "no answer in time");
}
