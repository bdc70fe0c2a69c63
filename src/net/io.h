/* io.h - an event loop thread and what it owns; and the server around it.
 * Needs: conn, desk, hub, inbox, pool.  Used by: the files of net. */
#pragma once
#include <stdatomic.h>
#include "net/conn.h"
#include "net/desk.h"
#include "net/hub.h"
#include "net/inbox.h"
#include "net/owner.h"
#include "net/pool.h"

enum { SCRATCH = 32 << 10 };

/* Answers on their way out in one write. */
typedef struct OutBuf { char *at; isize len, cap; } OutBuf;

typedef struct IoCounts { _Atomic i64 requests, refused, timeouts, lingering; } IoCounts;

typedef struct Io {
    struct Server *server;
    pthread_t  thread;
    int        number, epoll, listener;
    bool       listening;
    _Atomic bool drained;                         /* told, closed what was quiet */
    Mono       now, retry_accept;                 /* `now` is this turn's     */
    Dues       dues;
    Desk       desk;
    Head       head;                              /* the one being read       */
    OutBuf     out;
    JobShelf   jobs;
    Conn      *turns, **last_turn, *graves;
    struct H2 *sessions;                          /* of HTTP/2                */
    Hub        hub;
    struct Outward *outward;                          /* to upstreams; NULL: none yet */
    Inbox      inbox;
    IoCounts   counts;
    Frame    **taken;                             /* room for inbox_take      */
    char       scratch[SCRATCH];
} Io;

struct Server {
    Arena        mem;
    ServerConfig config;
    ServerHooks  hooks;
    Str          extra;                           /* lines of every response  */
    Tls         *tls;
    Pool         pool, aside;                     /* aside: of routes that are ASIDE */
    Pool         pagers;                          /* who make pages of what streams
                                                     missed */
    Owners       owners;
    Io         **io;
    int          io_count, port;
    _Atomic i64  connections;
    Crowd        crowd;                           /* of each address          */
    _Atomic u64  reviews;                         /* stream_review            */
    _Atomic bool draining, stopping;
};

/* Makes one on a listening socket; all of them are made before one is started, for
 * they ring each other. */
Io  *io_open(struct Server *s, int number, int listener);
void io_start(Io *io);
/* Waits for its end (server->stopping is set); all connections are closed then. */
void io_join(Io *io);
void io_close(Io *io);

/* Gives a connection another turn, after the others. */
void io_again(Io *io, Conn *c);
/* Frees a connection at the end of the turn. */
void io_bury(Io *io, Conn *c);
/* Room for n more bytes of answers. */
char *io_room(Io *io, isize n);
