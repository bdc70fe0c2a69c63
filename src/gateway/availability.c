/* availability.c - the messages only say where to look; the numbers are read when
 * they are told, so they are never older than the message that asked for them.
 *
 * The marks are bounded: with more than MARKS_MOST events selling within a quarter
 * of a second some watcher waits for the next sale to see new numbers. */
#include "gateway/availability.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/log.h"
#include "store/store.h"

enum { MARKS_MOST = 1024 };

typedef struct Mark { TenantId tenant; EventId event; } Mark;

static struct {
    Lock  lock;
    Mark  at[MARKS_MOST];
    isize count;
    bool  overflowed;
} marks = { .lock = LOCK_OF(RANK_BUS) };

static bool is_marked(Mark m)
{
    for (isize i = 0; i < marks.count; i++)
        if (uuid_is(marks.at[i].event.v, m.event.v) &&
            uuid_is(marks.at[i].tenant.v, m.tenant.v))
            return true;
    return false;
}

static void mark(Mark m)
{
    bool lost = false;

    lock(&marks.lock);
    if (!is_marked(m)) {
        if (marks.count < MARKS_MOST)
            marks.at[marks.count++] = m;
        else
            lost = !marks.overflowed;
        marks.overflowed |= lost;
    }
    unlock(&marks.lock);
    if (lost)
        log_warn("too many events sell at once to tell the numbers of all");
}

static bool changes_stock(Str type)
{
    return str_starts(type, S("reservation.")) || str_starts(type, S("order.")) ||
           str_is(type, S("ticket.refunded"));
}

void availability_hear(const Message *m, void *arg)
{
    (void)arg;
    if (!uuid_zero(m->event.v) && changes_stock(m->type))
        mark((Mark){ m->tenant, m->event });
}

/* ---- reading and telling -------------------------------------------------- */

typedef struct { TypeId id; i64 available, held, sold; } Stock;
static const Shape stock_row = SHAPE(Stock,
    ID(Stock, id, 0, ""), NUMBER(Stock, available, 0, INT64_MAX, 0, 0, ""),
    NUMBER(Stock, held, 0, INT64_MAX, 0, 0, ""),
    NUMBER(Stock, sold, 0, INT64_MAX, 0, 0, ""));

SQL(availability_read,
    "SELECT id, available, held, sold FROM ticket_type"
    " WHERE tenant = $1 AND event = $2 ORDER BY id LIMIT 500");

typedef struct { EventId event; Stock *rows; isize count; } Reading;

static bool read_stock(Ctx *cx, void *arg)
{
    Reading *r = arg;
    return sql_rows(cx, &availability_read, &stock_row, &r->rows, &r->count,
                    V(r->event.v));
}

static Str data_of(Ctx *cx, const Reading *r)
{
    Buf b = buf_in(cx->mem, 128 + 128 * r->count);

    buf_byte(&b, '{');
    json_put_text(&b, "eventId", uuid_str(cx->mem, r->event.v));
    json_put_name(&b, "types");
    buf_byte(&b, '[');
    for (isize i = 0; i < r->count; i++) {
        if (i > 0)
            buf_byte(&b, ',');
        shape_write(&b, &stock_row, &r->rows[i]);
    }
    buf_lit(&b, "]}");
    return buf_str(&b);
}

/* Empties the marks into `out`: what is marked from now on is for the next pass. */
static isize take_marks(Mark *out)
{
    lock(&marks.lock);
    isize n = marks.count;
    for (isize i = 0; i < n; i++)
        out[i] = marks.at[i];
    marks.count = 0;
    marks.overflowed = false;
    unlock(&marks.lock);
    return n;
}

bool availability_pass(Ctx *cx, AvailabilityFn *tell, void *arg, isize *told)
{
    Mark *taken = make(cx->mem, Mark, MARKS_MOST);
    isize n = take_marks(taken);

    *told = 0;
    for (isize i = 0; i < n; i++) {
        Reading r = { .event = taken[i].event };
        cx->tenant = taken[i].tenant;
        if (!read_tx(cx, read_stock, &r)) {
            for (; i < n; i++)
                mark(taken[i]);
            return false;
        }
        tell(taken[i].tenant, r.event, data_of(cx, &r), arg);
        *told += 1;
    }
    return true;
}
