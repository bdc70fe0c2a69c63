/* forward.h - one request on its way to an upstream, and the answer on its way back.
 *
 *   WAITING for a line -> CONNECTING -> SENDING -> ANSWERING -> over
 *
 * Nothing is kept whole: each side is read only when the other has taken what came
 * before, so an exchange owns at most one read of each side, whatever passes through.
 *
 * Who asked stands behind AskerVia: a connection of HTTP/1.1 (ask.c), or what else
 * speaks. It gives the body, decoded, and is given the answer's head and body, decoded.
 * Needs: line.  Used by: ask.c, gateway (the wish). */
#pragma once
#include "base/ctx.h"
#include "net/line.h"

struct Req;

/* What a handler asks for in place of a body: reply_forward(). Its route must be INLINE
 * and FORWARDS; the request's body has not been read then. */
typedef struct ForwardWish {
    Upstream *to;
    Str  line;                   /* "GET /path HTTP/1.1\r\n"                 */
    Str  fields;                 /* whole lines; none of Host and framing    */
    bool again;                  /* idempotent: may be sent a second time    */
    i64  body_most;
    Str  no_cache_said;          /* Cache-Control of an answer without one   */
    /* Whether the asker gets this field of the answer; may change its value, in mem. */
    bool (*passes)(Arena *mem, const struct ForwardWish *w, Header *h);
    FieldPasses *trailer_up, *trailer_down;  /* of those that any may (answer.h) */
    const void *of;              /* for these three                          */
} ForwardWish;

/* Replies with what the upstream will answer, which is held until then. Headers set on
 * the reply are added to it. */
bool reply_forward(Ctx *cx, struct Req *rq, const ForwardWish *wish);

typedef struct Forward Forward;

/* Each gives false when the asker is gone: then it has called forward_leave. */
typedef struct AskerVia {
    bool (*interim)(Forward *f, const AnswerHead *a);           /* 100, 103      */
    bool (*head)(Forward *f, const AnswerHead *a);
    /* PUMP_BEFORE bytes before `at` and PUMP_AFTER behind it may be written on. */
    bool (*body)(Forward *f, char *at, isize n);
    bool (*end)(Forward *f, Str trailers);        /* after a body's last byte */
    bool (*flush)(Forward *f);                    /* no more for now          */
    /* It has not taken all that it was given yet; says forward_flow when it has. */
    bool (*full)(const Forward *f);
    /* More of the body can go up. */
    bool (*pull)(Forward *f);
    /* Each ends it and frees f: nothing was told yet; the rest will not come; all was
     * told, `unread` when the request's body was not taken to its end. */
    void (*refuse)(Forward *f, FaultCode fault, int retry_s, const char *why);
    void (*cut)(Forward *f, const char *why);
    void (*over)(Forward *f, bool unread);
} AskerVia;

struct Forward {
    Due         due;                              /* first; in lines->dues    */
    Lines      *lines;
    Line       *line;                             /* NULL: none yet           */
    const AskerVia *via;
    ForwardWish wish;
    Str         framing;                          /* last lines of the head, and the empty
                                                     one */
    Asked       asked;
    bool        has_body, chunked, expects;       /* the request's; expects: a 100 */
    char       *answer_trailers;                  /* room for them, NULL: not wanted */

    bool        starting;                         /* within forward_start     */
    bool        waits, fresh;                     /* in line; for a new line only */
    bool        headed, given, taken;             /* head sent; body whole; any of it */
    bool        invited;                          /* it said 100: the body's turn */
    bool        deaf;                             /* the upstream takes no more */
    bool        heard, answered;                  /* a byte, a head of the answer */
    bool        told;                             /* the breaker              */
    bool        answer_closes;
    int         tries, interims;
    Leave       leave;
    Mono        began, sent;
    i64         went_up;
    char       *rest;                             /* what the upstream did not take yet */
    isize       rest_at, rest_len;
    BodyEnd    body;                             /* the answer's             */
    i64         left;
    Chunked     chunks;
    Forward    *next_waiting;
};

/* Begins it; the fields down to answer_trailers are set, the rest is zero. May refuse it
 * at once. While it runs, forward_pull and `pull` are not called. */
void forward_start(Forward *f, Outward *s);

/* True when a part of the body, 32 KiB at most, can be given. */
bool forward_hungry(const Forward *f);
/* A decoded part of the body; and that it was the last, with trailer lines. */
void forward_give(Forward *f, Str data);
void forward_given(Forward *f, Str trailers);
/* Sends the head although no body is there yet. */
void forward_headway(Forward *f);
/* The asker takes more again. */
void forward_flow(Forward *f);
/* The asker's own fault ends it (a body too large): as the upstream's does. */
void forward_fail(Forward *f, FaultCode fault, const char *why);
/* The asker is gone; f is not touched after it. */
void forward_leave(Forward *f);

/* Between forward.c, forward_up.c and forward_down.c. */
Mono forward_now(const Forward *f);
void forward_wait(Forward *f, DueKind what);
void forward_tell(Forward *f, Outcome how);       /* the breaker, once        */
/* Gives back what it holds; the line is closed unless it was released before. */
void forward_let_go(Forward *f, Outcome how);
/* Each ends it and frees f; broken: by what the upstream did. */
void forward_give_up(Forward *f, Outcome how, FaultCode fault, int retry_s,
                     const char *why);
void forward_broken(Forward *f, const char *why);
/* The line ended too early: sends it once more on another, where that can't do a thing
 * twice. False: it may not. */
bool forward_sent_again(Forward *f);
/* Writes what the upstream did not take; true when nothing of it is left. */
bool forward_push(Forward *f);
void forward_moved(Forward *f);                   /* something went up, or all has */
void forward_forget_rest(Forward *f);

/* For line.c. */
void forward_seek(Forward *f);
void forward_ready(Forward *f);
void forward_unreachable(Forward *f);
void forward_stirred(Line *l, bool writable);
void forward_pull(Line *l);
void forward_due(Forward *f);
void forward_end(Forward *f);
