/* forward.c - how an exchange begins and ends, and when it is tried again; what passes
 * meanwhile stands in forward_up.c and forward_down.c.
 *
 * A request is sent again only when that can't do a thing twice (RFC 9110 9.2.2, RFC
 * 9112 9.3.1): any while no line was had, later only an idempotent one without a body
 * of which no answer has been heard.
 *
 * Who is late is asked before the breaker is told: what a client can bring about alone
 * must not count against the upstream, or he could close it for everybody. */
#include "net/forward.h"
#include "base/control.h"
#include "net/io.h"

enum { TRIES = 3 };

bool reply_forward(Ctx *cx, Req *rq, const ForwardWish *wish)
{
    ForwardWish *copy = make(cx->mem, ForwardWish, 1);

    must((rq->route->is & FORWARDS) != 0);
    *copy = *wish;
    upstream_hold(wish->to);                      /* for ask.c to let go      */
    rq->reply.forward = copy;
    return reply_empty(rq, 200);
}

Mono forward_now(const Forward *f) { return f->lines->in->io->now; }

void forward_wait(Forward *f, DueKind what)
{
    due_set(&f->lines->dues, &f->due, what, forward_now(f));
}

/* ---- how it ends ---------------------------------------------------------------- */

void forward_tell(Forward *f, Outcome how)
{
    if (f->told)
        return;
    f->told = true;
    breaker_tell(&f->lines->up->breaker, f->leave, how, forward_now(f));
}

/* Gives back what it holds; the line is closed unless it was released before. */
void forward_let_go(Forward *f, Outcome how)
{
    line_forgo(f->lines, f);
    if (f->line != NULL)
        line_drop(f->line);
    f->line = NULL;
    forward_wait(f, DUE_NONE);
    forward_tell(f, how);
    forward_forget_rest(f);
}

void forward_give_up(Forward *f, Outcome how, FaultCode fault, int retry_s,
                     const char *why)
{
    forward_let_go(f, how);
    if (f->answered)
        f->via->cut(f, why);
    else
        f->via->refuse(f, fault, retry_s, why);
}

void forward_fail(Forward *f, FaultCode fault, const char *why)
{
    forward_give_up(f, WENT_UNSEEN, fault, 0, why);
}

void forward_leave(Forward *f)
{
    forward_let_go(f, WENT_UNSEEN);
}

void forward_end(Forward *f)
{
    forward_give_up(f, WENT_UNSEEN, BUSY, 1, "the server is stopping");
}

void forward_broken(Forward *f, const char *why)
{
    f->lines->up->counts.broken++;
    forward_give_up(f, WENT_WRONG, BAD_GATEWAY, 0, why);
}

static void late(Forward *f, const char *why)
{
    f->lines->up->counts.late++;
    forward_give_up(f, WENT_WRONG, GATEWAY_TIMEOUT, 0, why);
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
        forward_give_up(f, WENT_UNSEEN, UPSTREAM_UNAVAILABLE, wait_s,
                        "the breaker is open");
        return;
    }
    forward_wait(f, DUE_CONNECT);
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
            forward_give_up(f, WENT_UNSEEN, BUSY, 1,
                            "no line to the upstream can be had");
            return;
        case LINE_NONE:
            break;
        }
        if (++f->tries >= TRIES) {
            f->lines->up->counts.unreachable++;
            forward_give_up(f, WENT_WRONG, BAD_GATEWAY, 0,
                            "the upstream can't be reached");
            return;
        }
    }
}

static void seek_again(Forward *f)
{
    f->lines->up->counts.retries++;
    forward_wait(f, DUE_CONNECT);
    forward_seek(f);
}

/* A line that had carried an answer may have been ended before this request came: that is
 * no failure of the upstream. */
bool forward_sent_again(Forward *f)
{
    bool stale = f->line->used;

    if (f->heard || f->has_body || f->tries >= (stale ? TRIES : 1) ||
        GUARDED(!f->wish.again))
        return false;
    if (!stale)
        endpoint_failed(&f->lines->up->endpoints[f->line->endpoint], forward_now(f));
    line_drop(f->line);
    f->line = NULL;
    forward_forget_rest(f);                       /* of a head, for that line alone */
    f->headed = f->given = f->deaf = false;
    f->fresh = true;
    f->tries++;
    seek_again(f);
    return true;
}

void forward_unreachable(Forward *f)
{
    f->line = NULL;
    if (++f->tries < TRIES) {
        seek_again(f);
        return;
    }
    f->lines->up->counts.unreachable++;
    forward_give_up(f, WENT_WRONG, BAD_GATEWAY, 0, "the upstream can't be reached");
}

/* ---- whose time is up ---------------------------------------------------------- */

void forward_due(Forward *f)
{
    Line *l = f->line;
    bool connecting = l != NULL && l->state != LINE_BUSY;

    if (connecting) {
        endpoint_failed(&f->lines->up->endpoints[l->endpoint], forward_now(f));
        line_drop(l);
        f->line = NULL;
        if (++f->tries < TRIES && f->lines->up->count > 1)
            seek_again(f);
        else
            late(f, "connecting took too long");
    } else if (l == NULL)
        forward_give_up(f, WENT_UNSEEN, BUSY, 1, "all lines to the upstream are in use");
    else if (!f->given && f->rest == NULL && (f->taken || f->invited || !f->expects))
        forward_give_up(f, WENT_UNSEEN, REQUEST_TIMEOUT, 0, "the body comes too slowly");
    else if (!f->given && f->rest == NULL)     /* who waits for a 100 that may not come */
        forward_give_up(f, WENT_UNSEEN, GATEWAY_TIMEOUT, 0,
                        "neither 100 nor a body in time");
    else if (f->via->full(f))
        forward_give_up(f, WENT_UNSEEN, REQUEST_TIMEOUT, 0,
                        "the answer is read too slowly");
    else
        late(f, f->answered ? "its answer stopped" : "no answer in time");
}
