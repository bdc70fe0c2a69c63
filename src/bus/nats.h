/* nats.h - the parts of the NATS engine, to one another.
 *
 *   nats_link     the connection: made, lost, made again
 *   nats_stream   the stream EVENTS: what it is to be, what it is, where it ends
 *   nats_message  a Message as NATS carries it
 *   nats_publish  many at once, behind a fence
 *   nats_tail     one thread that hears everything, from the end on, without a gap
 *   nats_replay   what a stream of a browser has missed
 * Needs: bus.  Used by: nats*.c. */
#pragma once
#include "bus/engine.h"

struct __natsConnection;
struct __natsMsg;
struct __natsSubscription;
struct __jsCtx;

#define STREAM_NAME     "EVENTS"
#define STREAM_SUBJECTS "events.>"

/* ---- nats_link --------------------------------------------------------------- */

typedef struct Link {
    struct __natsConnection   *nc;
    struct __jsCtx            *js;
    char                      *inbox;             /* answers to "<inbox>.." come to: */
    struct __natsSubscription *answers, *nudges;
    struct Link               *older;             /* closed for good, kept until
                                                     link_close */
} Link;

/* What the library calls where it can't be told more. */
void link_why(Buf *b, const char *doing, int status);

/* Reads the url; false with *why. Nothing is connected yet. */
CHECKED bool link_setup(Arena *mem, Str url, Str *why);

/* Connects; *hopeless says that trying again is no use. */
CHECKED bool link_open(Arena *mem, Str *why, bool *hopeless);
void link_close(void);

/* The connection, or NULL while there is none. Good until link_close. Any thread. */
Link *link_now(void);

/* The library gives a connection up when it is refused for its credentials: then this
 * makes a new one. One thread. */
void link_mend(void);

/* Rises whenever a connection is made. */
i64 link_times(void);
Str link_where(void);                             /* servers, without passwords */
void link_nudge(void);
CHECKED bool link_answers(Ctx *cx);               /* as bus_answers           */

/* Ends a subscription that messages may still be coming for. The tail's thread. */
void link_retire(struct __natsSubscription *sub);

/* ---- nats_stream ---------------------------------------------------------------- */

typedef struct JetFacts {
    u64  last;                                    /* sequence of its newest message,
                                                     ever */
    i64  messages;
    i64  created;                                 /* another: it was made anew */
    bool replays;                                 /* direct gets are to be had, and
                                                     steady */
} JetFacts;

void jet_setup(const BusConfig *config);

/* Looks at the stream, and makes it when it is not there. False with a sentence. */
CHECKED bool jet_look(Link *l, JetFacts *facts, Buf *why);
CHECKED bool jet_look_only(Link *l, JetFacts *facts, Buf *why);

/* The end: its sequence, and the id of the last message (0: the stream is empty). */
typedef struct JetEnd { u64 sequence; i64 id; } JetEnd;
CHECKED bool jet_end(Link *l, JetEnd *end, JetFacts *facts, Buf *why);

/* ---- nats_message ------------------------------------------------------------------ */

/* The id that a message was published with; 0: it is none of ours. */
i64 message_id(struct __natsMsg *from);

/* Reads a message; its texts are `from`'s. False when it is none of ours. */
CHECKED bool message_read(struct __natsMsg *from, Message *out);

/* Makes one that is refused unless `before` is the stream's last sequence. Made with
 * malloc; the library's natsMsg_Destroy frees it. NULL: no memory. */
struct __natsMsg *message_make(Arena *mem, const Message *m, Str subject,
                               const char *reply, u64 before);

/* Whether a server that takes so many bytes (max_payload) takes it. */
bool message_fits(const Message *m, i64 bytes_most);

/* ---- nats_publish, nats_tail, nats_replay ------------------------------------------ */

CHECKED bool publish_last(Ctx *cx, i64 *id);
CHECKED bool publish_all(Ctx *cx, const Message *m, isize count);
void publish_reset(void);

void tail_begin(i64 after);
void tail_stop(void);

/* Where the tail is in the stream: a message's sequence and id. False while it is not
 * hearing, or the stream can't be asked for single messages. */
CHECKED bool tail_at(u64 *sequence, i64 *id);

bool replay_wish(Ctx *cx, const BusWish *wish, Message **rows, isize *count);
