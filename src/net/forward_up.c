/* forward_up.c - the request on its way to the upstream: its head, and its body framed
 * anew.
 *
 * An upstream may answer before it has read the body, and close: writing fails then
 * while an answer waits to be read. So a failed write only makes it deaf, and what it
 * says last decides.
 *
 * A sender of a body must bring 1 KiB a second over time, or his line is taken from him:
 * lines are few. */
#include "net/forward.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "net/io.h"

enum { SLOWEST_UP = 1024 };

void forward_forget_rest(Forward *f)
{
    free(f->rest);
    f->rest = NULL;
    f->rest_at = f->rest_len = 0;
}

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
        memcpy(f->rest + f->rest_len, (char *)parts[i].iov_base + from,
               (size_t)(len - from));
        f->rest_len += len - from;
        skip -= from;
    }
}

static void go_deaf(Forward *f)
{
    f->deaf = true;
    forward_forget_rest(f);
    f->line->readable = true;
    line_again(f->line);
}

bool forward_push(Forward *f)
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
    forward_forget_rest(f);
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
        (void)forward_push(f);
}

/* Something went up, or all has. */
void forward_moved(Forward *f)
{
    bool all = f->given && f->rest == NULL;
    i64 ms = mono_us(f->sent, forward_now(f)) / 1000;

    if (f->answered)
        forward_wait(f, DUE_FLOW);
    else if (all)
        forward_wait(f, DUE_FIRST);
    else if (ms <= f->lines->up->config.idle_within.ms ||
             f->went_up * 1000 / ms >= SLOWEST_UP)
        forward_wait(f, DUE_FLOW);
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
    f->sent = forward_now(f);
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
        forward_moved(f);
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
            parts[n++] = (struct iovec){ size,
                                         (size_t)snprintf(size, sizeof size, "%tx\r\n",
                                                          data.len) };
        parts[n++] = part_of(data);
        if (f->chunked)
            parts[n++] = part_of(S("\r\n"));
    }
    if (n == 0)
        return;
    put_up(f, parts, n);
    forward_moved(f);
}

void forward_given(Forward *f, Str trailers)
{
    struct iovec parts[7];
    int n = put_head(f, parts);

    if (f->chunked) {
        parts[n++] = part_of(S("0\r\n"));
        if (trailers.len > 0)
            parts[n++] = part_of(trailers);
        parts[n++] = part_of(S("\r\n"));
    }
    f->given = true;
    if (n > 0)
        put_up(f, parts, n);
    forward_moved(f);
}

bool forward_hungry(const Forward *f)
{
    return f->line != NULL && f->line->state == LINE_BUSY && f->rest == NULL &&
           !f->given && !f->deaf;
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
    forward_wait(f, DUE_FLOW);
    if (starting)
        return;
    if (f->via->pull(f))
        forward_headway(f);
}
