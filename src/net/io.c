/* io.c - one turn: what epoll saw, what other threads brought, who asked for another
 * turn, one slice of streams, whose time is up. Nothing here waits but epoll. */
#include "net/io.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "net/completion.h"
#include "net/line.h"
#include "net/h2.h"

enum { EVENTS = 256, ACCEPTS = 64, WAIT_MOST_MS = 1000, RETRY_ACCEPT_MS = 20,
       LINGER_MS = 2000, OUT_KEPT = 256 << 10 };

void io_again(Io *io, Conn *c)
{
    if (c->in_turn || c->state == C_GONE)
        return;
    c->in_turn = true;
    c->next_turn = NULL;
    *io->last_turn = c;
    io->last_turn = &c->next_turn;
}

void io_bury(Io *io, Conn *c)
{
    c->next_grave = io->graves;
    io->graves = c;
}

char *io_room(Io *io, isize n)
{
    OutBuf *out = &io->out;

    if (out->cap - out->len < n) {
        isize cap = out->cap * 2 > out->len + n ? out->cap * 2 : out->len + n;
        must((out->at = realloc(out->at, (size_t)cap)) != NULL);
        out->cap = cap;
    }
    return out->at + out->len;
}

static void watch(Io *io, int fd, void *what, u32 events)
{
    struct epoll_event e = { .events = events, .data.ptr = what };
    must(epoll_ctl(io->epoll, EPOLL_CTL_ADD, fd, &e) == 0);
}

static void stop_accepting(Io *io)
{
    if (io->listening)
        epoll_ctl(io->epoll, EPOLL_CTL_DEL, io->listener, NULL);
    io->listening = false;
    io->retry_accept = mono_after(io->now, (Span){ RETRY_ACCEPT_MS });
}

/* Descriptors or memory are lacking, for now. */
static bool is_lack(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* A reset costs us nothing afterwards, where an end in order has the kernel wait. */
static void turn_away(int fd)
{
    struct linger at_once = { .l_onoff = 1 };

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

static void take_in(Io *io, int fd, const struct sockaddr *peer)
{
    bool counted;

    if (crowd_join(&io->server->crowd, peer, io->now, &counted))
        conn_open(io, fd, peer, counted);
    else
        turn_away(fd);
}

/* Connections over the limit wait in the kernel, and so does who comes when there are
 * no more descriptors. */
static void accept_some(Io *io)
{
    Server *s = io->server;

    for (int i = 0; i < ACCEPTS; i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        if (s->connections >= s->config.conns_most) {
            stop_accepting(io);
            return;
        }
        int fd = accept4(io->listener, (struct sockaddr *)&peer, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            take_in(io, fd, (struct sockaddr *)&peer);
        else if (is_lack(errno))
            stop_accepting(io);
        if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

static void accept_again(Io *io)
{
    const Server *s = io->server;

    if (io->listening || io->listener < 0 || io->now.ns < io->retry_accept.ns ||
        s->connections >= s->config.conns_most)
        return;
    io->listening = true;
    watch(io, io->listener, &io->listener, EPOLLIN);
}

static void take_inbox(Io *io)
{
    isize count;
    i64 lost;
    QueueLink *jobs = inbox_take(&io->inbox, io->taken, &count, &lost);

    for (QueueLink *next; jobs != NULL; jobs = next) {
        next = jobs->next;
        Job *j = (Job *)jobs;
        completion_take(j->conn, j);
    }
    hub_take(&io->hub, io->taken, count, lost);
    stream_evict(io);
}

static void run_turns(Io *io)
{
    Conn *c = io->turns;

    io->turns = NULL;
    io->last_turn = &io->turns;
    for (Conn *next; c != NULL; c = next) {
        next = c->next_turn;
        c->in_turn = false;
        conn_run(c);
    }
}

static void check_dues(Io *io)
{
    Due *due;

    while ((due = due_next(&io->dues, io->now)) != NULL)
        conn_due((Conn *)due);
}

/* Closes those that have not begun a request; who waits for his turn may have. */
static void close_quiet(Io *io)
{
    Due *due, *newer;

    for (due = io->dues.lists[DUE_IDLE].oldest; due != NULL; due = newer) {
        newer = due->newer;
        if (!((Conn *)due)->in_turn)
            conn_finish((Conn *)due);
    }
    for (due = io->dues.lists[DUE_HEAD].oldest; due != NULL; due = newer) {
        newer = due->newer;
        if (((Conn *)due)->in_len == 0)
            conn_close((Conn *)due);
    }
}

/* Once, when the server begins to drain. Who waits in the kernel is taken first: to
 * close the listener would reset them. */
static void begin_drain(Io *io)
{
    Due *due;

    io->drained = true;
    if (io->listening)
        accept_some(io);
    stop_accepting(io);
    close(io->listener);
    io->listener = -1;
    while ((due = io->dues.lists[DUE_BEAT].oldest) != NULL)
        stream_send_away((Conn *)due, PART_SHUTDOWN);
    h2_drain(io);
}

static void bury_dead(Io *io)
{
    Conn *c = io->graves, *later = NULL;

    for (Conn *next; c != NULL; c = next) {
        next = c->next_grave;
        if (c->in_turn) {           /* its last turn finds it gone */
            c->next_grave = later;
            later = c;
        } else
            free(c);
    }
    io->graves = later;
}

static int wait_ms(const Io *io)
{
    bool busy = io->turns != NULL || hub_busy(&io->hub);
    int most = io->listening ? WAIT_MOST_MS : RETRY_ACCEPT_MS;

    if (io->outward != NULL)
        most = outward_wait(io->outward, most);
    return busy ? 0 : due_wait(&io->dues, io->now, most);
}

static void handle(Io *io, const struct epoll_event *e)
{
    if (e->data.u64 & LINE_MARK)
        line_event((Line *)((char *)e->data.ptr - LINE_MARK), e->events);
    else if (e->data.ptr == &io->listener)
        accept_some(io);
    else if (e->data.ptr != &io->inbox)
        conn_event(e->data.ptr, e->events);
}

static void turn(Io *io)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(io->epoll, events, EVENTS, wait_ms(io));

    io->now = mono_now();
    for (int i = 0; i < n; i++)
        handle(io, &events[i]);
    take_inbox(io);
    run_turns(io);
    hub_turn(&io->hub);
    check_dues(io);
    if (io->outward != NULL)
        outward_turn(io->outward);
    if (io->server->draining && !io->drained)
        begin_drain(io);
    if (io->drained)                /* those too that became so since         */
        close_quiet(io);
    accept_again(io);
    bury_dead(io);
    if (io->out.cap > OUT_KEPT) {
        free(io->out.at);
        io->out = (OutBuf){ 0 };
    }
}

static void close_all(Io *io)
{
    Due *due;

    take_inbox(io);
    if (io->outward != NULL)
        outward_end(io->outward);
    while (io->sessions != NULL)
        conn_close(io->sessions->conn);
    for (int kind = DUE_NONE + 1; kind < DUE_KINDS; kind++)
        while ((due = io->dues.lists[kind].oldest) != NULL)
            conn_close((Conn *)due);
    run_turns(io);
    bury_dead(io);
}

static void *run(void *arg)
{
    Io *io = arg;

    while (!io->server->stopping)
        turn(io);
    close_all(io);
    return NULL;
}

static void set_dues(Io *io, const ServerConfig *c)
{
    dues_init(&io->dues, DUE_HEAD, c->head_within);
    dues_init(&io->dues, DUE_BODY, c->body_within);
    dues_init(&io->dues, DUE_IDLE, c->keep_alive);
    dues_init(&io->dues, DUE_WRITE, c->write_within);
    dues_init(&io->dues, DUE_BEAT, c->sse_heartbeat);
    dues_init(&io->dues, DUE_LINGER, (Span){ LINGER_MS });
}

/* Two of the largest at least. */
static i64 share_of(const ServerConfig *c, int threads)
{
    i64 share = c->bodies_most / threads;
    return share > 2 * c->body_most ? share : 2 * c->body_most;
}

Io *io_open(Server *s, int number, int listener)
{
    Io *io = calloc(1, sizeof *io);

    must(io != NULL);
    io->server = s;
    io->number = number;
    io->listener = listener;
    io->listening = true;
    io->now = mono_now();
    io->last_turn = &io->turns;
    io->jobs.bodies_most = share_of(&s->config, s->io_count);
    io->desk = (Desk){ .hooks = &s->hooks, .wire.extra = s->extra };
    io->epoll = epoll_create1(EPOLL_CLOEXEC);
    must(io->epoll >= 0);
    set_dues(io, &s->config);
    hub_open(&io->hub, io);
    inbox_open(&io->inbox, RING / 2);
    io->taken = calloc(RING / 2, sizeof(Frame *));
    must(io->taken != NULL);
    watch(io, listener, &io->listener, EPOLLIN);
    watch(io, io->inbox.bell, &io->inbox, EPOLLIN | EPOLLET);
    return io;
}

void io_start(Io *io)
{
    must(pthread_create(&io->thread, NULL, run, io) == 0);
}

void io_join(Io *io)
{
    inbox_ring(&io->inbox);
    pthread_join(io->thread, NULL);
}

void io_close(Io *io)
{
    hub_close(&io->hub);
    if (io->outward != NULL)
        outward_close(io->outward);
    inbox_close(&io->inbox);
    job_shelf_close(&io->jobs);
    arena_close(&io->desk.mem);
    if (io->listener >= 0)
        close(io->listener);
    close(io->epoll);
    free(io->out.at);
    free(io->taken);
    free(io);
}
