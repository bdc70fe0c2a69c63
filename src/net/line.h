/* line.h - connections to upstreams: opened, kept while idle, used again.
 *
 *   CONNECTING -> [GREETING] -> BUSY <-> IDLE          any -> GONE
 *
 * Each io thread has its own, so none of this is locked; the most that an upstream
 * allows is divided among the threads. Who finds none free waits in line.
 * Needs: upstream, due, answer.  Used by: forward.c, io.c. */
#pragma once
#include "net/answer.h"
#include "net/due.h"
#include "net/upstream.h"

struct Io;
struct Forward;

typedef enum LineState {
    LINE_CONNECTING, LINE_GREETING, LINE_BUSY, LINE_IDLE, LINE_GONE
} LineState;

typedef struct Line {
    Due           due;                            /* first; of an idle one    */
    struct Lines *of;
    LineState     state;
    int           endpoint;
    u64           generation;                     /* of the address it goes to */
    Link          link;
    bool          readable, ended;                /* as in a Conn             */
    bool          used;                           /* carried an answer before */
    bool          in_turn;
    struct Forward *work;
    char         *in;                             /* a head that is not whole */
    isize         in_len;
    struct Line  *next, *next_turn;               /* idle or grave; waiting for a turn */
} Line;

/* What one io thread has to one upstream. */
typedef struct Lines {
    Upstream       *up;
    struct Outward   *in;
    Dues            dues;                         /* CONNECT, FIRST, FLOW of exchanges;
                                                     POOLED */
    int             open, most, turn, waiting_count;
    Line           *idle[ENDPOINTS_MOST];         /* the last used stands first */
    struct Forward *waiting, **last_waiting;
} Lines;

enum { PUMP = 64 << 10, PUMP_BEFORE = 32, PUMP_AFTER = 32 };

/* And what it has for all of them. */
typedef struct Outward {
    struct Io *io;
    Lines     *lines[UPSTREAM_PLACES];            /* by its number            */
    int        end;                               /* none from here on        */
    Line      *graves, *turns, **last_turn;
    Arena      mem;                               /* of one log line or refusal */
    AnswerHead     answer;                            /* the one being read       */
    char       pump[PUMP_BEFORE + PUMP + PUMP_AFTER];
} Outward;

Outward *outward_open(struct Io *io);
void   outward_close(Outward *s);
/* Lines to this upstream. */
Lines *outward_to(Outward *s, Upstream *up);
/* One turn: what waits, whose time is up, what is dead. */
void   outward_turn(Outward *s);
/* Ends every exchange and line. */
void   outward_end(Outward *s);
/* Milliseconds until there is something to do, at most `most`. */
int    outward_wait(const Outward *s, int most);

/* A line for f->line, used before unless f->fresh:
 *   LINE_READY    it can be written to
 *   LINE_COMING   forward_ready or forward_unreachable will be called
 *   LINE_WAITS    all are in use; f stands in line
 *   LINE_NONE     the endpoint can't be reached
 *   LINE_LACKS    this process has no more descriptors, or too many wait */
typedef enum LineGot {
    LINE_READY, LINE_COMING, LINE_WAITS, LINE_NONE, LINE_LACKS
} LineGot;
LineGot line_seek(Lines *s, struct Forward *f);
/* f waits no more. */
void    line_forgo(Lines *s, struct Forward *f);

/* The answer was read to its end: the line may be used again. */
void line_release(Line *l);
void line_drop(Line *l);
/* Gives it another turn, after the others. */
void line_again(Line *l);

/* What epoll said. Its pointer has LINE_MARK added, to be told from a connection's. */
enum { LINE_MARK = 1 };
void line_event(Line *l, u32 events);
