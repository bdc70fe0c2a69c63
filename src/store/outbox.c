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
    "INSERT INTO outbox (tenant, person, event, type, data, at, trace, again)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");

/* The row is written when the batch ends; until then the tiding stands in the function's
 * own memory, which outlives the batch because its caller waits for it. */
static Tiding *add(Ctx *cx, UserId user, EventId event, const char *type, Str data)
{
    Told *t = make(cx->mem, Told, 1);

    must(cx->db != NULL && cx->db->writing);
    t->tiding = (Tiding){ .tenant = cx->tenant, .user = user, .event = event,
                          .type = str_of(type), .data = data, .at = cx->now,
                          .trace = trace_kept(cx->mem, &cx->trace) };
    *cx->db->last = t;
    cx->db->last = &t->next;
    return &t->tiding;
}

bool outbox_tell(Ctx *cx, UserId user, EventId event, const char *type, Str data)
{
    return add(cx, user, event, type, data) != NULL;
}

bool outbox_tell_again(Ctx *cx, UserId user, EventId event, const char *type, Str data)
{
    add(cx, user, event, type, data)->again = true;
    return true;
}

enum { WRITE_WIDTH = 8 };

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
        const Val one[WRITE_WIDTH] = { V(g->tenant.v), V(g->user.v), V(g->event.v),
                                       V(g->type), V(g->data), V(g->at), V(g->trace),
                                       V(g->again) };
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
    TEXT(Tiding, trace, 0, 55, OPTIONAL, ""),
    BOOL(Tiding, again, 0, ""));

/* A page has an end in rows ($most) and in letters ($chars): of rows before which too
 * many letters stand the data is left out. */
#define PAGE(where, most, chars) \
    "SELECT id, tenant, person, event, type," \
    " CASE WHEN ahead - length(data) <= " chars " THEN data ELSE '' END AS data, at, trace, again FROM" \
    " (SELECT id, tenant, person, event, type, data, at, trace, again, sum(length(data))" \
    " OVER (ORDER BY id) AS ahead FROM" \
    " (SELECT id, tenant, person, event, type, CAST(data AS text) AS data, at, trace, again" \
    " FROM outbox WHERE " where " ORDER BY id LIMIT " most ") AS few_first) AS few_summed ORDER BY id"

/* How many of a page's rows are whole; at least one when there is any. */
static isize whole(const Tiding *rows, isize count)
{
    while (count > 1 && rows[count - 1].data.len == 0)
        count--;
    return count;
}

SQL_ALL(outbox_next, PAGE("id > $1", "$2", "$3"));

typedef struct { i64 after, most; Tiding **rows; isize *count; } Next;

static bool read_next(Ctx *cx, void *arg)
{
    Next *n = arg;
    if (!sql_rows(cx, &outbox_next, &tiding_row, n->rows, n->count, V(n->after),
                  V(n->most), V((i64)OUTBOX_CHARS)))
        return false;
    *n->count = whole(*n->rows, *n->count);
    return true;
}

bool outbox_after(Ctx *cx, i64 after, i64 most, Tiding **rows, isize *count)
{
    return read_tx(cx, read_next, &(Next){ after, most, rows, count });
}

bool outbox_cut(const Tiding *rows, isize count, i64 most)
{
    i64 chars = 0;

    for (isize i = 0; i < count; i++)
        chars += rows[i].data.len;
    return count == most || chars > OUTBOX_CHARS;
}

/* ---- replay ---------------------------------------------------------------

   Each source is asked for as many rows as a page may have. The page ends before the
   first row that a source could not give whole:

       person    1  4  5  9 (no data)            page: 1 2 4 5 7, more follow
       event     2  7  8 (no data)                                                    */

#define SALES(X) X("order.created") X("order.paid") X("order.completed") X("order.failed") \
    X("order.expired") X("order.refunded")

Feed feed_of(Str type)
{
#define IS(word) || str_is(type, S(word))
    return str_is(type, S("ticket.used")) ? FEED_GATE
                                          : false SALES(IS) ? FEED_SALES : FEED_EVENT;
#undef IS
}

/* The index of the feeds says the same list of types (schema step 13). */
#define QUOTED(word) "'" word "', "
#define TO_A_PERSON "person IS NOT NULL AND type IN (" SALES(QUOTED) "'ticket.used')"

SQL(outbox_person, PAGE("tenant = $1 AND person = $2 AND id > $3", "$4", "$5"));
SQL(outbox_event,
    PAGE("tenant = $1 AND person IS NULL AND event = $2 AND id > $3", "$4", "$5"));
SQL(outbox_sales, PAGE("tenant = $1 AND event = $2 AND type <> 'ticket.used' AND id > $3"
                       " AND " TO_A_PERSON, "$4", "$5"));
SQL(outbox_gate, PAGE("tenant = $1 AND event = $2 AND type = 'ticket.used' AND id > $3"
                      " AND " TO_A_PERSON, "$4", "$5"));

static const Sql *const feed_rows[FEEDS] = {
    [FEED_EVENT] = &outbox_event, [FEED_SALES] = &outbox_sales,
    [FEED_GATE] = &outbox_gate, };

SQL_ALL(outbox_oldest, "SELECT min(id) FROM outbox");
SQL_ALL(outbox_newest, "SELECT max(id) FROM outbox");

typedef struct { const OutboxWish *wish; OutboxPage *out; } Replay;

/* Takes `more` into the page, both in order of id; what both have comes once. */
static void merge(Ctx *cx, OutboxPage *p, const Tiding *more, isize n)
{
    Tiding *to = make(cx->mem, Tiding, p->count + n);
    isize a = 0, b = 0, len = 0;

    while (a < p->count || b < n) {
        bool mine = b == n || (a < p->count && p->rows[a].id <= more[b].id);
        if (mine && b < n && more[b].id == p->rows[a].id)
            b++;
        to[len++] = mine ? p->rows[a++] : more[b++];
    }
    p->rows = to;
    p->count = len;
}

/* Reads one source; *end comes down to the last id up to which it gave all. */
static bool read_source(Ctx *cx, const OutboxWish *w, const Sql *q, Uuid of,
                        OutboxPage *p, i64 *end)
{
    Tiding *rows;
    isize n;
    if (!sql_rows(cx, q, &tiding_row, &rows, &n, V(of), V(w->after), V(w->most),
                  V(w->chars / (w->watch_count + 1))))
        return false;
    bool all = n < w->most && whole(rows, n) == n;
    n = whole(rows, n);
    if (!all && rows[n - 1].id < *end)
        *end = rows[n - 1].id;
    merge(cx, p, rows, n);
    return true;
}

static bool read_replay(Ctx *cx, void *arg)
{
    const OutboxWish *w = ((Replay *)arg)->wish;
    OutboxPage *p = ((Replay *)arg)->out;
    i64 end = INT64_MAX;

    *p = (OutboxPage){ 0 };                       /* a read may be done again */
    if (!sql_int(cx, &outbox_oldest, &p->oldest) ||
        !sql_int(cx, &outbox_newest, &p->newest))
        return false;
    if (!uuid_zero(w->user.v) && !read_source(cx, w, &outbox_person, w->user.v, p, &end))
        return false;
    for (int i = 0; i < w->watch_count; i++)
        if (!read_source(cx, w, feed_rows[w->watches[i].feed], w->watches[i].event.v, p,
                         &end))
            return false;
    while (p->count > 0 && p->rows[p->count - 1].id > end)
        p->count--;
    p->more = end != INT64_MAX;
    return true;
}

bool outbox_replay(Ctx *cx, const OutboxWish *wish, OutboxPage *out)
{
    must(wish->watch_count <= WATCHES_MOST && wish->most > 0);
    return read_tx(cx, read_replay, &(Replay){ wish, out });
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
