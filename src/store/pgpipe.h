/* pgpipe.h - statements on their way to PostgreSQL and answers on their way back.
 *
 * Statements go out as they come and are answered in order; nobody waits until an
 * answer is needed. After an error the server skips everything up to the next sync, so
 * the first error is noted here and told to whoever asks next.
 *
 *   we       BEGIN  tenant  f1 f2? sync   f3 f4? sync     COMMIT sync
 *   server                  .. f2         .. f4           ok
 *
 * Needs: pgconn, pgtype.  Used by: pg.h (postgres.c, pgtalk.c, pgtx.c). */
#pragma once
#include "store/engine.h"

struct pg_conn;
struct pg_result;

enum { PARAMS_MOST = 32, CELLS_MOST = 64 };

/* A statement as this engine knows it: its text, and the types that the server found. */
typedef struct Known {
    const char *name, *text;
    int  params, columns;
    u32  param[PARAMS_MOST], column[CELLS_MOST];
} Known;

typedef enum Prepared { NOT_PREPARED, BEING_PREPARED, IS_PREPARED } Prepared;
typedef enum SentKind { SENT_STATEMENT, SENT_PREPARE, SENT_DESCRIBE, SENT_SYNC } SentKind;
typedef struct Sent { SentKind kind; int number; const char *name; } Sent;
enum { SENT_MOST = 1024 };                        /* unanswered, then we wait */

typedef struct Pipe {
    struct pg_conn *at;
    bool  pooled;                                 /* the session is not ours: prepare
                                                     nothing */
    bool  lost;                                   /* the connection           */
    bool  failed;                                 /* something since pipe_sync, or it is
                                                     lost */
    char  state[6], said[160];                    /* SQLSTATE and words of the first
                                                     error */
    const char *culprit;                          /* the statement's name     */
    Prepared *prepared;                           /* by number                */
    int   known_count;
    Sent  sent[SENT_MOST];                        /* a ring                   */
    u64   head, tail;                             /* answered, sent           */
} Pipe;

/* Takes a fresh connection over; pipe_close gives it back to the system. */
void pipe_open(Pipe *p, struct pg_conn *at, bool pooled, int known_count);
void pipe_close(Pipe *p);

/* The parameters of a statement in binary, $1 first; at[i] NULL is SQL's NULL. */
typedef struct Params { const char *at[PARAMS_MOST]; int len[PARAMS_MOST]; } Params;

/* Sends statement `number`. Does not wait, nor keep the parameters. false: lost. */
CHECKED bool pipe_send(Pipe *p, const Known *k, int number, const Params *with);

/* Waits until all that was sent is answered. The transaction, if there is one, stays
 * open.
 *   gives   the answer to the last statement, for PQclear; NULL when p->failed */
struct pg_result *pipe_await(Pipe *p);

/* Goes on after an error, which is forgotten. false: the connection is lost. */
CHECKED bool pipe_sync(Pipe *p);

/* Sends a sync and lets the answers come when they come. */
void pipe_leave(Pipe *p);

/* Waits for answers that were left. false: lost. */
CHECKED bool pipe_drain(Pipe *p);

/* Asks the server what the types of a statement are, and that it is one. Parameters whose
 * types stand in *k are told to it.
 *   fails   false with *why */
CHECKED bool pipe_learn(Pipe *p, Known *k, int number, const char **why);

/* A script outside of the pipeline; the answer for PQclear, never NULL. */
struct pg_result *pipe_script(Pipe *p, const char *text);
