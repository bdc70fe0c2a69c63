/* line.c - an idle line that says anything is closed: either the upstream ended it, or
 * what it says answers nothing. The socket is asked once more just before it is used, for
 * what came in the same turn as the request would else be taken for its answer.
 *
 * Endpoints are taken in turn and those that failed lately are passed over; when all
 * have, they are asked all the same: a guess costs less than a refusal. */
#include "net/line.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "base/log.h"
#include "net/forward.h"
#include "net/io.h"

enum { WAITING_MOST = 4096, MEM_KEPT = 16 << 10 };

/* ---- one line ---------------------------------------------------------------- */

static Endpoint *endpoint_of(const Line *l) { return &l->of->up->endpoints[l->endpoint]; }

static void forget_idle(Line *l)
{
    Line **at = &l->of->idle[l->endpoint];

    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
}

void line_drop(Line *l)
{
    Lines *s = l->of;

    if (l->state == LINE_IDLE)
        forget_idle(l);
    due_set(&s->dues, &l->due, DUE_NONE, s->in->io->now);
    l->state = LINE_GONE;
    l->work = NULL;
    if (l->link.tls != NULL)
        l->link.via->finish(&l->link);
    l->link.via->free(&l->link);
    free(l->in);
    l->in = NULL;
    s->open--;
    s->up->counts.open--;
    l->next = s->in->graves;
    s->in->graves = l;
}

/* Nothing came on it, not even an end. */
static bool is_quiet(Line *l)
{
    char byte;

    if (l->readable && l->link.via->read(&l->link, &byte, 1) != LINK_AGAIN)
        return false;
    l->readable = false;
    return true;
}

void line_release(Line *l)
{
    Lines *s = l->of;

    l->work = NULL;
    l->used = true;
    if (l->ended || !is_quiet(l) || s->up->retired || s->in->io->server->stopping) {
        line_drop(l);
        return;
    }
    l->state = LINE_IDLE;
    l->next = s->idle[l->endpoint];
    s->idle[l->endpoint] = l;
    due_set(&s->dues, &l->due, DUE_POOLED, s->in->io->now);
}

void line_again(Line *l)
{
    Outward *all = l->of->in;

    if (l->in_turn || l->state == LINE_GONE)
        return;
    l->in_turn = true;
    l->next_turn = NULL;
    *all->last_turn = l;
    all->last_turn = &l->next_turn;
}

static void ready(Line *l)
{
    l->state = LINE_BUSY;
    endpoint_fine(endpoint_of(l));
    forward_ready(l->work);
}

static void unreachable(Line *l, const char *why)
{
    struct Forward *f = l->work;

    endpoint_failed(endpoint_of(l), l->of->in->io->now);
    log_debug("upstream can't be reached", L("upstream", l->of->up->config.name),
              L("address", endpoint_of(l)->url.authority), L("why", why));
    line_drop(l);
    forward_unreachable(f);
}

static void greet(Line *l)
{
    isize got = l->link.via->greet(&l->link);

    if (got == GREETED)
        ready(l);
    else if (got != LINK_AGAIN)
        unreachable(l, tls_client_why(&l->link));
}

static void connected(Line *l)
{
    Arena *mem = &l->of->in->mem;
    TlsClient *tls = l->of->up->tls;
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(l->link.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        unreachable(l, strerror(error));
        return;
    }
    if (tls == NULL) {
        ready(l);
        return;
    }
    l->state = LINE_GREETING;
    if (tls_client_wrap(tls, &l->link, str_z(mem, endpoint_of(l)->url.host)))
        greet(l);
    else
        unreachable(l, "TLS");
    arena_reset(mem, MEM_KEPT);
}

void line_event(Line *l, u32 events)
{
    bool comes = (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;

    if (l->state == LINE_GONE)
        return;
    l->readable |= comes || l->link.tls != NULL;
    l->ended |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    switch (l->state) {
    case LINE_CONNECTING:
        if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
            connected(l);
        return;
    case LINE_GREETING:
        greet(l);
        return;
    case LINE_IDLE:
        if (!is_quiet(l))
            line_drop(l);
        return;
    case LINE_BUSY:
        forward_stirred(l, (events & EPOLLOUT) != 0);
        return;
    case LINE_GONE:
        return;
    }
}

/* ---- finding one --------------------------------------------------------------- */

static bool still_open(const Line *l)
{
    char byte;
    return recv(l->link.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static int next_endpoint(Lines *s)
{
    int n = s->up->count, first = s->turn++ % n;

    s->turn %= n;
    for (int i = 0; i < n; i++) {
        int e = (first + i) % n;
        if (!endpoint_down(&s->up->endpoints[e], s->in->io->now))
            return e;
    }
    return first;
}

static Line *take_idle(Lines *s, int endpoint)
{
    Line *l;

    while ((l = s->idle[endpoint]) != NULL) {
        if (l->generation == endpoint_of(l)->generation && still_open(l))
            break;
        line_drop(l);
    }
    if (l == NULL)
        return NULL;
    s->idle[endpoint] = l->next;
    due_set(&s->dues, &l->due, DUE_NONE, s->in->io->now);
    l->state = LINE_BUSY;
    return l;
}

/* A socket on its way; -1 with errno. */
static int start_connect(Endpoint *e)
{
    struct sockaddr_storage at;
    socklen_t len;
    int one = 1;

    errno = EHOSTUNREACH;
    if (!endpoint_address(e, &at, &len))
        return -1;
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 &&
        (connect(fd, (struct sockaddr *)&at, len) == 0 || errno == EINPROGRESS))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool is_lack(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == EADDRNOTAVAIL;
}

static LineGot open_line(Lines *s, int endpoint, struct Forward *f)
{
    Endpoint *e = &s->up->endpoints[endpoint];
    u64 generation = e->generation;
    int fd = start_connect(e);

    if (fd < 0 && is_lack(errno))
        return LINE_LACKS;
    if (fd < 0) {
        endpoint_failed(e, s->in->io->now);
        return LINE_NONE;
    }
    Line *l = calloc(1, sizeof *l);
    struct epoll_event watch = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                 .data.ptr = (char *)l + LINE_MARK };
    must(l != NULL);
    *l = (Line){ .of = s, .endpoint = endpoint, .generation = generation, .work = f,
                 .link = { .via = &plain_transport, .fd = fd } };
    f->line = l;
    s->open++;
    s->up->counts.open++;
    must(epoll_ctl(s->in->io->epoll, EPOLL_CTL_ADD, fd, &watch) == 0);
    return LINE_COMING;
}

/* An idle line to another endpoint gives its place to one to this endpoint. */
static bool make_place(Lines *s)
{
    Due *oldest = s->dues.lists[DUE_POOLED].oldest;

    if (s->open >= s->most && oldest != NULL)
        line_drop((Line *)oldest);
    return s->open < s->most;
}

static LineGot wait_in_line(Lines *s, struct Forward *f)
{
    if (s->waiting_count >= WAITING_MOST)
        return LINE_LACKS;
    f->next_waiting = NULL;
    *s->last_waiting = f;
    s->last_waiting = &f->next_waiting;
    s->waiting_count++;
    s->up->counts.waiting++;
    f->waits = true;
    return LINE_WAITS;
}

LineGot line_seek(Lines *s, struct Forward *f)
{
    int endpoint = next_endpoint(s);
    Line *l = f->fresh ? NULL : take_idle(s, endpoint);

    if (l != NULL) {
        l->work = f;
        f->line = l;
        return LINE_READY;
    }
    return make_place(s) ? open_line(s, endpoint, f) : wait_in_line(s, f);
}

void line_forgo(Lines *s, struct Forward *f)
{
    struct Forward **at = &s->waiting;

    if (!f->waits)
        return;
    while (*at != f)
        at = &(*at)->next_waiting;
    *at = f->next_waiting;
    if (f->next_waiting == NULL)
        s->last_waiting = at;
    f->waits = false;
    s->waiting_count--;
    s->up->counts.waiting--;
}

/* ---- all of an io thread -------------------------------------------------------- */

Outward *outward_open(Io *io)
{
    Outward *s = calloc(1, sizeof *s);

    must(s != NULL);
    s->io = io;
    s->last_turn = &s->turns;
    return s;
}

static Lines *make_lines(Outward *all, Upstream *up)
{
    Lines *s = calloc(1, sizeof *s);
    const UpstreamConfig *c = &up->config;
    int threads = all->io->server->io_count;

    must(s != NULL);
    upstream_hold(up);
    s->up = up;
    s->in = all;
    s->most = (int)((c->lines_most + threads - 1) / threads);
    s->last_waiting = &s->waiting;
    dues_init(&s->dues, DUE_CONNECT, c->connect_within);
    dues_init(&s->dues, DUE_FIRST, c->first_within);
    dues_init(&s->dues, DUE_FLOW, c->idle_within);
    dues_init(&s->dues, DUE_POOLED, c->kept);
    return s;
}

Lines *outward_to(Outward *s, Upstream *up)
{
    if (s->lines[up->number] == NULL)
        s->lines[up->number] = make_lines(s, up);
    if (s->end <= up->number)
        s->end = up->number + 1;
    return s->lines[up->number];
}

static void free_lines(Lines *l)
{
    upstream_let_go(l->up);
    free(l);
}

/* What an upstream leaves behind that nobody will ask any more. Exchanges end as they
 * would; between turns each has a line or waits for one. */
static void clear_away(Outward *s, int place)
{
    Lines *l = s->lines[place];
    Due *due;

    while ((due = l->dues.lists[DUE_POOLED].oldest) != NULL)
        line_drop((Line *)due);
    if (l->open > 0 || l->waiting_count > 0)
        return;
    s->lines[place] = NULL;
    free_lines(l);
}

static bool has_place(const Lines *s)
{
    return s->open < s->most || s->dues.lists[DUE_POOLED].oldest != NULL;
}

static void serve_waiting(Lines *s)
{
    while (s->waiting != NULL && has_place(s)) {
        struct Forward *f = s->waiting;
        line_forgo(s, f);
        forward_seek(f);
    }
}

static void check_dues(Lines *s, Mono now)
{
    Due *due;

    while ((due = due_next(&s->dues, now)) != NULL) {
        if (due->kind == DUE_POOLED)
            line_drop((Line *)due);
        else
            forward_due((struct Forward *)due);
    }
}

static void run_turns(Outward *s)
{
    Line *l = s->turns;

    s->turns = NULL;
    s->last_turn = &s->turns;
    for (Line *next; l != NULL; l = next) {
        next = l->next_turn;
        l->in_turn = false;
        if (l->state == LINE_BUSY)
            forward_pull(l);
    }
}

static void bury(Outward *s)
{
    Line *l = s->graves, *later = NULL;

    for (Line *next; l != NULL; l = next) {
        next = l->next;
        if (l->in_turn) {
            l->next = later;
            later = l;
        } else
            free(l);
    }
    s->graves = later;
}

void outward_turn(Outward *s)
{
    run_turns(s);
    for (int i = 0; i < s->end; i++) {
        Lines *l = s->lines[i];
        if (l == NULL)
            continue;
        check_dues(l, s->io->now);
        serve_waiting(l);
        if (l->up->retired)
            clear_away(s, i);
    }
    bury(s);
}

int outward_wait(const Outward *s, int most)
{
    if (s->turns != NULL)
        return 0;
    for (int i = 0; i < s->end; i++)
        if (s->lines[i] != NULL)
            most = due_wait(&s->lines[i]->dues, s->io->now, most);
    return most;
}

void outward_end(Outward *s)
{
    static const DueKind kinds[] = { DUE_CONNECT, DUE_FIRST, DUE_FLOW };
    Due *due;

    for (int i = 0; i < s->end; i++) {
        Lines *l = s->lines[i];
        for (int k = 0; l != NULL && k < (int)countof(kinds); k++)
            while ((due = l->dues.lists[kinds[k]].oldest) != NULL)
                forward_end((struct Forward *)due);
        while (l != NULL && (due = l->dues.lists[DUE_POOLED].oldest) != NULL)
            line_drop((Line *)due);
    }
    run_turns(s);
    bury(s);
}

void outward_close(Outward *s)
{
    for (int i = 0; i < s->end; i++)
        if (s->lines[i] != NULL)
            free_lines(s->lines[i]);
    arena_close(&s->mem);
    free(s);
}
