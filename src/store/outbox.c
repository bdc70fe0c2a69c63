/* outbox.c - rows are written at the very end of a batch. Where lanes are several, each
 * waits for its turn to do so and holds it until its commit is done; so ids rise in the
 * order of commits, and who reads "after id" never misses a row that was slower. The
 * work of a batch itself runs side by side; only its last step does not.
 *
 * Who hears a tiding: its person; without one, everybody
 * who watches its event. A person's reservation is never told to the watchers. */
#include "store/outbox.h"
#include "base/trace.h"
#include "store/engine.h"
#include <string.h>

SQL_EACH_ALL(outbox_write,
    "INSERT INTO outbox (tenant, person, event, type, data, at, trace)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)");

/* The row is written when the batch ends; until then the tiding stands in the function's
 * own memory, which outlives the batch because its caller waits for it. */
bool outbox_tell(Ctx *cx, UserId user, EventId event, const char *type, Str data)
{
    Told *t = make(cx->mem, Told, 1);

    must(cx->db != NULL && cx->db->writing);
    t->tiding = (Tiding){ .tenant = cx->tenant, .user = user, .event = event,
                          .type = str_of(type), .data = data, .at = cx->now,
                          .trace = trace_kept(cx->mem, &cx->trace) };
    *cx->db->last = t;
    cx->db->last = &t->next;
    return true;
}

enum { WRITE_WIDTH = 7 };

bool outbox_flush(Ctx *cx)
{
    const Engine *e = cx->db->engine;
    isize n = 0;

    for (const Told *t = cx->db->told; t != NULL; t = t->next)
        n++;
    if (n == 0)
        return true;
    Val *rows = make(cx->mem, Val, n * WRITE_WIDTH), *row = rows;
    for (const Told *t = cx->db->told; t != NULL; t = t->next, row += WRITE_WIDTH) {
        const Tiding *g = &t->tiding;
        const Val one[WRITE_WIDTH] = { V(g->tenant.v), V(g->user.v), V(g->event.v), V(g->type),
                                       V(g->data), V(g->at), V(g->trace) };
        memcpy(row, one, sizeof one);
    }
    return (e->turn == NULL || e->turn(cx)) &&
           sql_each(cx, &outbox_write, rows, WRITE_WIDTH, n, NULL);
}

static const Shape tiding_row = SHAPE(Tiding,
    NUMBER(Tiding, id, 0, INT64_MAX, 0, 0, ""),
    ID(Tiding, tenant, 0, ""),
    ID(Tiding, user, OPTIONAL, ""),
    ID(Tiding, event, OPTIONAL, ""),
    TEXT(Tiding, type, 1, 100, 0, ""),
    TEXT(Tiding, data, 0, 1 << 20, 0, ""),
    TIME(Tiding, at, 0, ""),
    TEXT(Tiding, trace, 0, 55, OPTIONAL, ""));

SQL_ALL(outbox_next,
    "SELECT id, tenant, person, event, type, data, at, trace FROM outbox"
    " WHERE id > $1 ORDER BY id LIMIT $2");

typedef struct { i64 after, most; Tiding **rows; isize *count; } Next;

static bool read_next(Ctx *cx, void *arg)
{
    Next *n = arg;
    return sql_rows(cx, &outbox_next, &tiding_row, n->rows, n->count, V(n->after), V(n->most));
}

bool outbox_after(Ctx *cx, i64 after, i64 most, Tiding **rows, isize *count)
{
    return read_tx(cx, read_next, &(Next){ after, most, rows, count });
}

/* ---- replay --------------------------------------------------------------- */

SQL(outbox_person,
    "SELECT id, tenant, person, event, type, data, at, trace FROM outbox"
    " WHERE tenant = $1 AND person = $2 AND id > $3 ORDER BY id LIMIT $4");

SQL(outbox_event,
    "SELECT id, tenant, person, event, type, data, at, trace FROM outbox"
    " WHERE tenant = $1 AND person IS NULL AND event = $2 AND id > $3 ORDER BY id LIMIT $4");

SQL_ALL(outbox_oldest, "SELECT min(id) FROM outbox");
SQL_ALL(outbox_newest, "SELECT max(id) FROM outbox");

typedef struct {
    UserId user;
    const EventId *events;
    int event_count;
    i64 after, most;
    Tiding *rows;
    isize count;
    i64 oldest, newest;
} Replay;

/* Merges `more` into r->rows, both in order of id, and keeps the first r->most. */
static void merge(Ctx *cx, Replay *r, const Tiding *more, isize n)
{
    Tiding *to = make(cx->mem, Tiding, r->count + n);
    isize a = 0, b = 0, len = 0;

    while (len < r->most && (a < r->count || b < n)) {
        bool mine = b == n || (a < r->count && r->rows[a].id < more[b].id);
        to[len++] = mine ? r->rows[a++] : more[b++];
    }
    r->rows = to;
    r->count = len;
}

static bool read_replay(Ctx *cx, void *arg)
{
    Replay *r = arg;
    Tiding *more;
    isize n;

    r->count = 0;                                 /* a read may be done again */
    if (!sql_int(cx, &outbox_oldest, &r->oldest) || !sql_int(cx, &outbox_newest, &r->newest))
        return false;
    if (!uuid_zero(r->user.v) &&
        !sql_rows(cx, &outbox_person, &tiding_row, &r->rows, &r->count, V(r->user.v),
                  V(r->after), V(r->most)))
        return false;
    for (int i = 0; i < r->event_count; i++) {
        if (!sql_rows(cx, &outbox_event, &tiding_row, &more, &n, V(r->events[i].v),
                      V(r->after), V(r->most)))
            return false;
        merge(cx, r, more, n);
    }
    return true;
}

bool outbox_replay(Ctx *cx, UserId user, const EventId *events, int event_count, i64 after,
                   i64 most, Tiding **rows, isize *count, i64 *oldest, i64 *newest)
{
    Replay r = { .user = user, .events = events, .event_count = event_count,
                 .after = after, .most = most };
    if (!read_tx(cx, read_replay, &r))
        return false;
    *rows = r.rows;
    *count = r.count;
    *oldest = r.oldest;
    *newest = r.newest;
    return true;
}

/* ---- sweep ---------------------------------------------------------------- */

/* A slice of the oldest at a time. The newest row stays, so that a gap can be told even
 * after a quiet week. */
SQL_ALL(outbox_forget,
    "DELETE FROM outbox WHERE id < (SELECT min(id) FROM outbox) + 1000"
    " AND id < (SELECT max(id) FROM outbox) AND at < $1");

typedef struct { Instant until; i64 *gone; } Sweep;

static bool forget(Ctx *cx, void *arg)
{
    Sweep *s = arg;
    return sql_run(cx, &outbox_forget, s->gone, V(s->until));
}

bool outbox_sweep(Ctx *cx, Instant until, i64 *gone)
{
    return write_tx(cx, (Lane){ 0 }, forget, &(Sweep){ until, gone });
}
