/* stream.h - server-sent events (WHATWG HTML 9.2): a stream is a cursor into its io
 * thread's log of frames.
 *
 * Publishing a frame puts one pointer into each io thread's log, however many
 * streams there are; a stream that wants it is marked, and one writev sends all
 * that it lacks. Nobody waits for a slow reader: one that falls out of the log is
 * closed and resumes by Last-Event-ID.
 * Needs: base.  Used by: gateway. */
#pragma once
#include "base/ctx.h"

struct Server;
struct Req;

/* A topic is a hash of a subject such as "events.<tenant>.<user>". */
typedef struct { u64 v; } Topic;
Topic topic_of(Str subject);

enum { TOPICS_MOST = 8, PAGING_MOST = 384 };

/* Who listens, for `over` alone: not looked at here. */
typedef struct Listener { Uuid tenant, session, person; i64 epoch; } Listener;

/* What a handler asks for instead of a body: set rq->reply.stream. */
typedef struct StreamWish {
    Topic topics[TOPICS_MOST];
    int   count;
    Str   first;                 /* sent at once: retry, connected, replayed events */
    i64   after;                 /* frames with a larger id follow; -1: from now on */
    Topic owner;                 /* counted per owner; the oldest over the limit is
                                    closed */
    i64   owner_most;            /* 0: no limit                              */
    Span  lasts;                 /* at most; 0: as long as any               */
    bool (*over)(const Listener *of);  /* asked now and then: whether to end it; NULL:
                                          never */
    Listener of;
    /* NULL: `first` is all that comes before the frames. Else it is a page, and when that
     * is written a worker asks here for the next: first and after anew, page NULL with
     * the last one. False: the stream is closed. `paging` is its own.  */
    bool (*page)(Ctx *cx, struct StreamWish *wish);
    _Alignas(16) u8 paging[PAGING_MOST];
} StreamWish;

/* Replies 200 text/event-stream and turns the connection into a stream. */
bool reply_stream(Ctx *cx, struct Req *rq, const StreamWish *wish);

/* Hands one event to every io thread. `id` rises from call to call; 0 is an event
 * without an id (nothing to resume from). `wire` is copied once and shared. Frames
 * of several callers come in the order of the calls, so one caller gives the ids.
 *   thread  any; never blocks on a socket */
void stream_publish(struct Server *s, i64 id, const Topic *topics, int count, Str wire);

/* The same, and streams that get it are closed with it. */
void stream_publish_last(struct Server *s, i64 id, const Topic *topics, int count,
                         Str wire);

/* Appends "id: ..\nevent: ..\ndata: ..\n\n"; data must hold no line break. */
void frame_write(Buf *b, i64 id, Str event, Str data);

/* Asks `over` of every stream soon, in slices, and not only of those that are told
 * something: when it may have changed for some.
 *   thread  any */
void stream_review(struct Server *s);

typedef struct StreamCounts { i64 open, delivered, cut, topics; } StreamCounts;
StreamCounts stream_counts(struct Server *s);
