/* hub.h - the streams of one io thread and its log of frames.
 *
 *   ring   ... [frame][frame][frame][frame]
 *               ^ marked       ^ cursor     ^ head
 *
 * A frame is put at `head`. Marking walks after it and makes the subscribers of each
 * frame dirty; a dirty stream is sent what lies between its cursor and head. Both go
 * in slices, so requests pass between. What a stream lacks is decided by its cursor
 * alone; a mark only says that it is worth looking.
 *
 * The log holds RING frames or RING_BYTES, whichever is less: so much can a slow reader
 * be behind, and so much memory do all of them cost together.
 * Needs: frame, topics, owner.  Used by: io.c, stream.c. */
#pragma once
#include "net/frame.h"
#include "net/owner.h"
#include "net/topics.h"

struct Conn;
struct Io;

enum { RING = 16384, RING_BYTES = 32 << 20 };

typedef struct Stream {
    struct Conn   *conn;
    struct Stream *prev, *next;                   /* in the dirty list        */
    struct Stream *earlier, *later;               /* among all of the thread  */
    u64            cursor;                        /* the frame to look at next */
    isize          sent;                          /* bytes of that frame       */
    i64            after;                         /* it has had all up to this id */
    Mono           until, blocked_since, asked;
    bool         (*over)(const Listener *of);     /* NULL: nobody ends it early */
    Listener       of;
    bool           dirty, blocked;
    int            count;
    Owned          owned;
    Sub            subs[];                        /* count of them            */
} Stream;

typedef struct Hub {
    struct Io   *io;
    Frame      **ring;
    i64         *ids;                             /* largest id up to there    */
    u64          tail, marked, head;              /* what is here: tail to head */
    i64          bytes;                           /* of those frames          */
    i64          dropped;                         /* largest id no longer here */
    int          topic_at;                        /* of the frame being marked */
    Sub         *sub_at;
    Topics       topics;
    Stream      *first_dirty, *last_dirty;
    Stream      *first, *last;
    Stream      *review_at;                       /* the next that is asked; NULL: none */
    u64          reviewed;                        /* of server->reviews       */
    _Atomic i64  open, delivered, cut, topic_count;
} Hub;

void hub_open(Hub *h, struct Io *io);
void hub_close(Hub *h);

/* Puts frames into the log. `lost` is the largest id of those that never came, -1: all
 * came; when some did not, every stream is cut. */
void hub_take(Hub *h, Frame **frames, isize count, i64 lost);
bool hub_busy(const Hub *h);
/* Marks and sends one slice. */
void hub_turn(Hub *h);

/* The first position whose frames have an id over `after`; false when frames with
 * such ids are no longer here. */
CHECKED bool hub_seek(const Hub *h, i64 after, u64 *at);

void hub_join(Hub *h, Stream *s);
void hub_leave(Hub *h, Stream *s);
void hub_mark(Hub *h, Stream *s);

/* What connections need of streams (stream.c). */
void stream_start(struct Conn *c, const StreamWish *wish);
void stream_end(struct Conn *c);
void stream_writable(struct Conn *c);
void stream_beat(struct Conn *c);
/* Tells the client why, and when to come again, and closes. */
typedef enum Parting { PART_SHUTDOWN, PART_LIFETIME, PART_ENDED, PART_TOO_MANY } Parting;
void stream_send_away(struct Conn *c, Parting why);
/* Tells only. False when the connection was lost (closed). */
CHECKED bool stream_say(struct Conn *c, Parting why);
/* Whether it was sent away because who opened it may no longer listen. */
bool stream_reviewed(Stream *s);
/* Sends what is lacking; cuts the stream when that is gone from the log. */
void stream_flush(Hub *h, Stream *s);
/* Closes those that their owners have too many of. */
void stream_evict(struct Io *io);
