/* h2_fuzz.c - what a client may send after the preface: a session on a link that is no
 * socket, with routes that answer here and by workers, bodies and streams, and one that
 * passes on to services behind, which answer with the body that they are sent. The first
 * byte says how many bytes come at a time. What must be true: it ends, nothing is left over,
 * and what an answer says of its length is so. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include "net/ask.h"
#include "net/completion.h"
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

/* ---- the services behind ---------------------------------------------------------- */

enum { SERVICES = 4, HEARD_MOST = 8 << 10 };
typedef struct Service { Line line; isize len, told; char heard[HEARD_MOST]; } Service;

static Upstream *up;
static int quiet;                                 /* a socket on which nothing comes */

static Service *service_of(Link *l)
{
    return (Service *)(void *)((char *)l - offsetof(Line, link));
}

static isize hear(Link *l, const struct iovec *parts, int count)
{
    Service *s = service_of(l);
    isize all = 0;

    if (s->told > 0)
        s->len = s->told = 0;
    for (int i = 0; i < count; i++) {
        isize n = (isize)parts[i].iov_len, room = HEARD_MOST - s->len;
        if (n > 0)
            memcpy(s->heard + s->len, parts[i].iov_base, (size_t)(n < room ? n : room));
        s->len += n < room ? n : room;
        all += n;
    }
    s->line.readable = true;
    line_again(&s->line);
    return all;
}

/* What stands behind the head. */
static isize answer(Link *l, char *to, isize n)
{
    Service *s = service_of(l);
    const char *body = memmem(s->heard, (size_t)s->len, "\r\n\r\n", 4);

    if (body == NULL || body + 4 + s->told == s->heard + s->len)
        return LINK_AGAIN;
    isize left = s->heard + s->len - (body + 4 + s->told);
    n = n < left ? n : left;
    memcpy(to, body + 4 + s->told, (size_t)n);
    s->told += n;
    return n;
}

static const Transport service = { answer, hear, greet, leave, leave, .shared = false };

static void open_services(Io *io)
{
    Lines *lines = outward_to(io->outward, up);

    while (lines->open < SERVICES) {
        Service *s = calloc(1, sizeof *s);
        s->line = (Line){ .of = lines, .generation = up->endpoints[0].generation,
                          .link = { .via = &service, .fd = quiet }, .state = LINE_IDLE,
                          .next = lines->idle[0] };
        lines->idle[0] = &s->line;
        due_set(&lines->dues, &s->line.due, DUE_POOLED, io->now);
        lines->open++;
        up->counts.open++;
    }
}

static void close_services(Io *io)
{
    Lines *lines = outward_to(io->outward, up);

    outward_turn(io->outward);
    while (lines->idle[0] != NULL)
        line_drop(lines->idle[0]);
    outward_turn(io->outward);
    must(lines->open == 0 && lines->waiting_count == 0 && up->counts.open == 0);
}

static void open_upstream(Io *io)
{
    static Url url = { .host = S("127.0.0.1"), .authority = S("127.0.0.1:9"), .port = 9 };
    static Arena mem;
    Str why;
    UpstreamConfig c = { .name = S("behind"), .urls = &url, .url_count = 1, .connect_within = hours(1),
                         .first_within = hours(1), .idle_within = hours(1), .kept = hours(1),
                         .lines_most = SERVICES, .breaker = { INT32_MAX, minutes(1), minutes(1) } };

    must((up = upstream_open(&mem, &c, &why)) != NULL);
    quiet = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    io->outward = outward_open(io);
}

static bool any_field(Arena *mem, const ForwardWish *w, Header *h)
{
    return mem != NULL && w->to == up && h->name.len > 0;
}

static bool any_trailer(const void *of, Str name) { return of == NULL && name.len > 0; }

static bool pass(Ctx *cx, Req *rq)
{
    return reply_forward(cx, rq, &(ForwardWish){
        .to = up, .line = S("POST /f HTTP/1.1\r\n"), .fields = S(""), .body_most = 70000,
        .again = rq->body.len == 0, .no_cache_said = S("no-store"), .passes = any_field,
        .trailer_up = any_trailer, .trailer_down = any_trailer });
}

/* ---- the server ---------------------------------------------------------------- */

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
    { .method = M_GET, .path = "/f", .run = pass, .is = INLINE | FORWARDS },
    { .method = M_POST, .path = "/f", .run = pass, .is = INLINE | FORWARDS },
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
    s.io[0] = io_open(&s, 0, eventfd(0, EFD_NONBLOCK));
    open_upstream(s.io[0]);
    return s.io[0];
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
        completion_take(j->conn, j);
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
    for (int i = 0; i < 4; i++) {
        outward_turn(io->outward);
        run_turns(io);
    }
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
    open_services(io);
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
    close_services(io);
    bury(io);
    must(io->server->connections == 0 && io->hub.open == 0 && io->sessions == NULL);
    must(io->out.len == 0);
    return 0;
}
