/* pgpipe.c - libpq's pipeline mode. Each statement has one answer and then a NULL, each
 * sync one answer and no NULL; they come in the order in which they were sent.
 *
 * Who waits for an answer sends a sync and not a flush, though a flush would do to get
 * it. After a flush the server waits for more of the same, without any time-out: it is
 * "active", and the locks of a node that froze there are never freed. After a sync it is
 * idle in a transaction, and ends that after five seconds (pgconn.c). */
#include "store/pgpipe.h"
#include "store/pgtype.h"
#include <postgresql/libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than the server's own time-out of a statement: past it the server is away. */
#define ANSWER_WITHIN seconds(35)

void pipe_open(Pipe *p, PGconn *at, bool pooled, int known_count)
{
    *p = (Pipe){ .at = at, .pooled = pooled, .known_count = known_count };
    p->prepared = calloc((size_t)known_count, sizeof *p->prepared);
    must(p->prepared != NULL && PQsetnonblocking(at, 1) == 0 &&
         PQenterPipelineMode(at) == 1);
}

void pipe_close(Pipe *p)
{
    PQfinish(p->at);
    free(p->prepared);
    *p = (Pipe){ .lost = true, .failed = true, .state = "08003", .said = "closed",
                 .culprit = "connection" };
}

/* ---- errors --------------------------------------------------------------- */

static void note(Pipe *p, const char *name, const char *state, const char *said)
{
    if (p->failed)
        return;
    p->failed = true;
    p->culprit = name;
    snprintf(p->state, sizeof p->state, "%s", state != NULL ? state : "08006");
    snprintf(p->said, sizeof p->said, "%.*s", (int)strcspn(said, "\n"), said);
}

static bool lose(Pipe *p, const char *said)
{
    note(p, "connection", NULL, said);
    p->lost = true;
    return false;
}

/* ---- answers -------------------------------------------------------------- */

static bool wait_for_socket(Pipe *p, bool out, Mono until)
{
    struct pollfd fd = { PQsocket(p->at), (short)(POLLIN | (out ? POLLOUT : 0)), 0 };
    i64 left = (until.ns - mono_now().ns) / 1000000;

    if (left <= 0 || poll(&fd, 1, (int)left) <= 0)
        return lose(p, "no answer");
    return (fd.revents & (POLLIN | POLLERR | POLLHUP)) == 0 ||
           PQconsumeInput(p->at) == 1 || lose(p, PQerrorMessage(p->at));
}

/* The next answer; NULL: lost. */
static PGresult *next_answer(Pipe *p)
{
    Mono until = mono_after(mono_now(), ANSWER_WITHIN);

    for (;;) {
        int unsent = PQflush(p->at);
        if (unsent < 0) {
            lose(p, PQerrorMessage(p->at));
            return NULL;
        }
        if (PQisBusy(p->at) == 0) {
            PGresult *r = PQgetResult(p->at);
            if (r != NULL)
                return r;
            if (PQstatus(p->at) == CONNECTION_BAD) {
                lose(p, PQerrorMessage(p->at));
                return NULL;
            }
        } else if (!wait_for_socket(p, unsent > 0, until))
            return NULL;
    }
}

static void settle_prepare(Pipe *p, const Sent *s, bool good)
{
    if (s->kind == SENT_PREPARE)
        p->prepared[s->number] = good ? IS_PREPARED : NOT_PREPARED;
}

/* Takes the answer to the oldest statement; NULL: lost. */
static PGresult *take_answer(Pipe *p)
{
    const Sent *s = &p->sent[p->head % SENT_MOST];
    PGresult *r = p->lost ? NULL : next_answer(p);

    if (r == NULL)
        return NULL;
    p->head++;
    switch (PQresultStatus(r)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        settle_prepare(p, s, true);
        break;
    case PGRES_PIPELINE_SYNC:
        break;
    case PGRES_PIPELINE_ABORTED:
        settle_prepare(p, s, false);
        break;
    default:
        settle_prepare(p, s, false);
        note(p, s->name, PQresultErrorField(r, PG_DIAG_SQLSTATE),
             PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) != NULL
             ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : PQresultErrorMessage(r));
        if (PQstatus(p->at) == CONNECTION_BAD)
            p->lost = true;
    }
    return r;
}

/* All answers; gives the one before the last sync, or the last. */
static PGresult *take_all(Pipe *p)
{
    PGresult *last = NULL;

    while (p->head < p->tail) {
        bool sync = p->sent[p->head % SENT_MOST].kind == SENT_SYNC;
        PGresult *r = take_answer(p);
        if (r == NULL)
            break;
        if (!sync) {
            PQclear(last);
            last = r;
        } else
            PQclear(r);
    }
    return last;
}

bool pipe_drain(Pipe *p)
{
    PQclear(take_all(p));
    return !p->lost;
}

/* ---- statements ----------------------------------------------------------- */

/* Notes that something went out; `went` is what libpq said. */
static bool sent(Pipe *p, int went, SentKind kind, int number, const char *name)
{
    if (went != 1)
        return lose(p, PQerrorMessage(p->at));
    p->sent[p->tail++ % SENT_MOST] = (Sent){ kind, number, name };
    return true;
}

static bool send_sync(Pipe *p)
{
    return !p->lost && sent(p, PQpipelineSync(p->at), SENT_SYNC, 0, "sync");
}

PGresult *pipe_await(Pipe *p)
{
    PGresult *last = send_sync(p) ? take_all(p) : NULL;

    if (!p->failed)
        return last;
    PQclear(last);
    return NULL;
}

static bool make_room(Pipe *p)
{
    if (p->tail - p->head < SENT_MOST - 2)
        return !p->lost;
    PQclear(pipe_await(p));
    return !p->lost;
}

typedef struct Name { char z[16]; } Name;

static Name name_of(int number)
{
    Name n;
    snprintf(n.z, sizeof n.z, "s%d", number);
    return n;
}

static bool prepare(Pipe *p, const Known *k, int number)
{
    if (p->prepared[number] != NOT_PREPARED)
        return true;
    p->prepared[number] = BEING_PREPARED;
    return sent(p, PQsendPrepare(p->at, name_of(number).z, k->text, k->params, k->param),
                SENT_PREPARE, number, k->name);
}

bool pipe_send(Pipe *p, const Known *k, int number, const Params *with)
{
    static const int binary[PARAMS_MOST] = { [0 ... PARAMS_MOST - 1] = 1 };

    must(number < p->known_count);
    if (!make_room(p))
        return false;
    if (p->pooled)
        return sent(p, PQsendQueryParams(p->at, k->text, k->params, k->param, with->at,
                                         with->len, binary, 1), SENT_STATEMENT, number,
                    k->name);
    return prepare(p, k, number) &&
           sent(p, PQsendQueryPrepared(p->at, name_of(number).z, k->params, with->at,
                                       with->len, binary, 1), SENT_STATEMENT, number,
                k->name);
}

bool pipe_sync(Pipe *p)
{
    if (!send_sync(p) || !pipe_drain(p))
        return false;
    p->failed = false;
    return true;
}

void pipe_leave(Pipe *p)
{
    if (send_sync(p) && PQflush(p->at) < 0)
        lose(p, PQerrorMessage(p->at));
}

/* ---- the boot's questions ------------------------------------------------- */

static const char *keep_types(const PGresult *r, Known *k)
{
    bool told = k->params > 0;

    k->params = PQnparams(r);
    k->columns = PQnfields(r);
    if (k->params > PARAMS_MOST || k->columns > CELLS_MOST)
        return "too many parameters or columns";
    for (int i = 0; i < k->params; i++)
        if (!told && !pgtype_takes(k->param[i] = PQparamtype(r, i)))
            return "a parameter of a type that is not spoken here";
    for (int i = 0; i < k->columns; i++)
        if (!pgtype_gives(k->column[i] = PQftype(r, i)))
            return "a column of a type that is not spoken here";
    return NULL;
}

bool pipe_learn(Pipe *p, Known *k, int number, const char **why)
{
    Name name = p->pooled ? (Name){ "" } : name_of(number);
    PGresult *r = NULL;

    if (sent(p, PQsendPrepare(p->at, name.z, k->text, k->params, k->param), SENT_PREPARE,
             number, k->name) &&
        sent(p, PQsendDescribePrepared(p->at, name.z), SENT_DESCRIBE, number, k->name))
        r = pipe_await(p);
    *why = r != NULL ? keep_types(r, k) : NULL;
    PQclear(r);
    if (p->failed) {
        static _Thread_local char said[sizeof p->said];
        memcpy(said, p->said, sizeof said);
        *why = said;
    }
    return pipe_sync(p) && *why == NULL;
}

PGresult *pipe_script(Pipe *p, const char *text)
{
    if (p->tail > p->head && !pipe_drain(p))
        return PQmakeEmptyPGresult(p->at, PGRES_FATAL_ERROR);
    must(PQexitPipelineMode(p->at) == 1);
    PGresult *r = PQexec(p->at, text);
    if (PQstatus(p->at) == CONNECTION_BAD)
        lose(p, PQerrorMessage(p->at));
    else
        must(PQenterPipelineMode(p->at) == 1);
    must(r != NULL);
    return r;
}
