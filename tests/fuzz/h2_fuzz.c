/* h2_fuzz.c - what a client may send after the preface: a session on a link that is no
 * socket, with routes that answer here and by workers, bodies and streams. The first byte
 * says how many bytes come at a time. What must be true: it ends, nothing is left over,
 * and what an answer says of its length is so. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include "net/exchange.h"
#include "net/h2.h"
#include "net/io.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static Str input;

static isize give(Link *l, char *to, isize n)
{
    if (input.len == 0)
        return LINK_AGAIN;
    l->dry = input.len < n;
    n = n < input.len ? n : input.len;
    memcpy(to, input.at, (size_t)n);
    input = str_sub(input, n, input.len);
    return n;
}

/* Takes a part of it, as a socket may. */
static isize take(Link *l, const struct iovec *parts, int count)
{
    (void)l;
    must(count == 1 && parts->iov_len > 0);
    return (isize)(parts->iov_len > 5000 ? 5000 : parts->iov_len);
}

static isize greet(Link *l) { (void)l; return GREETED; }
static void leave(Link *l) { (void)l; }
static const Transport memory = { give, take, greet, leave, leave, .shared = false };

static bool say(Ctx *cx, Req *rq)
{
    Str path = str_copy(cx->mem, rq->path);
    return reply_text(rq, 200, S("text/plain"), rq->body.len > 0 ? rq->body : path);
}

static bool watch(Ctx *cx, Req *rq)
{
    return reply_stream(cx, rq, &(StreamWish){ .topics = { topic_of(S("a")) }, .count = 1,
                                               .first = S("event: connected\n\n"), .after = -1 });
}

static const Route routes[] = {
    { .method = M_GET, .path = "/health", .run = say, .is = INLINE },
    { .method = M_POST, .path = "/here", .run = say, .is = INLINE, .body_most = 100 },
    { .method = M_POST, .path = "/echo", .run = say, .body_most = 70000 },
    { .method = M_GET, .path = "/id/:id", .run = say },
    { .method = M_GET, .path = "/stream", .run = watch, .is = STREAM },
    { .method = M_GET, .path = "/stream/here", .run = watch, .is = STREAM | INLINE },
};

static void serve(Ctx *cx, Req *rq)
{
    must(str_utf8(rq->path) && rq->header_count <= HEADERS_MOST);
    if (rq->route == NULL)
        reply_empty(rq, 204);
    else
        must(rq->route->run(cx, rq));
}

static void refuse(Ctx *cx, Req *rq)
{
    reply_text(rq, fault_facts(cx->fault.code)->status, S("text/plain"), S("no"));
}

static Io *house(void)
{
    static Server s;

    if (s.io != NULL)
        return s.io[0];
    s.config = server_defaults();
    s.hooks = (ServerHooks){ router_open(routes, countof(routes)), serve, refuse, NULL };
    s.io_count = 1;
    s.io = calloc(1, sizeof *s.io);
    owners_open(&s.owners, 1);
    queue_init(&s.pool.queue, 64);
    return s.io[0] = io_open(&s, 0, eventfd(0, EFD_NONBLOCK));
}

/* The worker. */
static void answer_jobs(Io *io)
{
    Queue *q = &io->server->pool.queue;

    while (queue_count(q) > 0) {
        static Desk desk;
        Job *j = (Job *)queue_take(q);
        desk.hooks = &io->server->hooks;
        Ctx cx = desk_begin(&desk);
        desk_serve(&desk, &cx, &j->rq);
        job_answer(j, &desk.wire);
        desk_end(&desk, &cx, &j->rq, j->came);
        exchange_done(j->conn, j);
    }
}

static void run_turns(Io *io)
{
    while (io->turns != NULL) {
        Conn *c = io->turns;
        io->turns = c->next_turn;
        if (io->turns == NULL)
            io->last_turn = &io->turns;
        c->in_turn = false;
        conn_run(c);
    }
}

static void settle(Io *io)
{
    answer_jobs(io);
    run_turns(io);
    while (hub_busy(&io->hub))
        hub_turn(&io->hub);
    run_turns(io);
}

static void bury(Io *io)
{
    for (Conn *c = io->graves, *next; c != NULL; c = next) {
        next = c->next_grave;
        must(!c->in_turn);
        free(c);
    }
    io->graves = NULL;
}

static Conn *open_one(Io *io)
{
    Conn *c = calloc(1, sizeof *c);

    io->now = mono_now();
    io->server->connections++;
    c->io = io;
    c->link = (Link){ .via = &memory, .fd = -1 };
    conn_become(c, C_HEAD, DUE_HEAD);
    h2_open(c, S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"));
    return c;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Io *io = house();
    Conn *c = open_one(io);
    Str rest = str_sub((Str){ (const char *)data, (isize)size }, 1, (isize)size);
    isize step = size > 0 && data[0] > 0 ? data[0] * 4 : 20000;

    for (bool said = false; rest.len > 0 && c->state != C_GONE; said = true) {
        input = str_sub(rest, 0, step);
        rest = str_sub(rest, step, rest.len);
        c->readable = true;
        conn_run(c);
        settle(io);
        if (!said) {
            Topic a = topic_of(S("a"));
            Frame *f = frame_new(0, &a, 1, S("event: a\ndata: {}\n\n"), 1);
            hub_take(&io->hub, &f, 1, -1);
            settle(io);
        }
    }
    conn_close(c);
    settle(io);
    bury(io);
    must(io->server->connections == 0 && io->hub.open == 0 && io->sessions == NULL);
    must(io->out.len == 0);
    return 0;
}
