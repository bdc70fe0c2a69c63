/* deadletter.c - its id is the outbox row's: so a relay that took over and meets the same
 * refusal keeps no second copy. After four weeks it goes, whatever was decided: nobody
 * wants to be told so late, and somebody's data are in it. */
#include "gateway/deadletter.h"
#include "base/metric.h"
#include "bus/bus.h"
#include "identity/note.h"

const Names dead_state_names = { (const char *const[]){ "DEAD", "RETRIED", "DISCARDED" },
                                 3 };

const Shape deadletter_shape = SHAPE(DeadLetter,
    TEXT(DeadLetter, id, 1, 20, 0, "the event's id"),
    TEXT(DeadLetter, subject, 0, 200, COMPUTED,
         "under which the bus should have told it"),
    TEXT(DeadLetter, type, 1, 100, 0, "what happened"),
    RAW(DeadLetter, payload, 0, "what was to be told"),
    ID(DeadLetter, tenantId, 0, "whose it is"),
    ID(DeadLetter, userId, OPTIONAL, "whom it was for"),
    ID(DeadLetter, eventId, OPTIONAL, "what it is about"),
    NUMBER(DeadLetter, attempts, 1, INT64_MAX, 0, 0, "how often it was tried"),
    TIME(DeadLetter, createdAt, 0, "when it happened"),
    TEXT(DeadLetter, lastError, 0, 300, 0, "what the bus said"),
    TIME(DeadLetter, movedToDlqAt, 0, "when it was given up"),
    NAME(DeadLetter, state, &dead_state_names, 0, "what was decided"),
    TIME(DeadLetter, settledAt, OPTIONAL, "when"));

#define COLUMNS "CAST(id AS TEXT), type, payload, tenant, person, event, attempts, created_at," \
                " last_error, moved_at, state, settled_at"

SQL(dead_add,
    "INSERT INTO dead_letter (tenant, id, person, event, type, payload, attempts,"
    " last_error, created_at, moved_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    " ON CONFLICT DO NOTHING");
SQL(dead_page,
    "SELECT " COLUMNS " FROM dead_letter WHERE tenant = $1 AND state = $2"
    " AND (type = $3 OR $3 IS NULL) AND (person = $4 OR $4 IS NULL) AND id < $5"
    " ORDER BY id DESC LIMIT $6");
SQL(dead_one, "SELECT " COLUMNS " FROM dead_letter WHERE tenant = $1 AND id = $2");
SQL(dead_settle,
    "UPDATE dead_letter SET state = $3, settled_at = $4"
    " WHERE tenant = $1 AND id = $2" GUARD_SQL(" AND state = 'DEAD'"));
SQL_ALL(dead_waiting,
    "SELECT count(*), min(moved_at) FROM dead_letter WHERE state = 'DEAD'");
SQL_ALL(dead_forget,
    "DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter"
    " WHERE state IN ('DEAD', 'RETRIED', 'DISCARDED') AND moved_at < $1 LIMIT 1000)");

/* ---- adding ---------------------------------------------------------------------- */

typedef struct { const Tiding *t; i64 attempts, added; Str why; } Adding;

static bool add(Ctx *cx, void *arg)
{
    Adding *a = arg;
    const Tiding *t = a->t;

    return sql_run(cx, &dead_add, &a->added, V(t->id), V(t->user.v), V(t->event.v),
                   V(t->type), V(t->data), V(a->attempts), V(a->why), V(t->at),
                   V(cx->now));
}

bool deadletter_add(Ctx *cx, const Tiding *t, i64 attempts, Str why)
{
    Adding a = { t, attempts, 0, why };
    TenantId before = cx->tenant;

    cx->tenant = t->tenant;
    bool good = write_tx(cx, lane_of(t->tenant.v), add, &a);
    cx->tenant = before;
    if (good && a.added > 0)
        metric_add(METRIC_DEAD_MOVED, 1);
    return good;
}

/* ---- looking --------------------------------------------------------------------- */

static void name_subject(Ctx *cx, DeadLetter *d)
{
    Message m = { .tenant = d->tenantId, .user = d->userId, .event = d->eventId };

    d->subject = subject_of(cx->mem, &m);
}

typedef struct { DeadWish w; DeadLetter *rows; isize count; } Listing;

static bool list(Ctx *cx, void *arg)
{
    Listing *l = arg;
    i64 before = l->w.before > 0 ? l->w.before : INT64_MAX;

    return sql_rows(cx, &dead_page, &deadletter_shape, &l->rows, &l->count,
                    V(names_str(&dead_state_names, l->w.state)), V(l->w.type),
                    V(l->w.user.v), V(before), V(l->w.most));
}

bool deadletter_list(Ctx *cx, const DeadWish *w, DeadLetter **rows, isize *count)
{
    Listing l = { .w = *w };

    if (!read_tx(cx, list, &l))
        return false;
    for (isize i = 0; i < l.count; i++)
        name_subject(cx, &l.rows[i]);
    *rows = l.rows;
    *count = l.count;
    return true;
}

typedef struct { i64 id; DeadState to; DeadLetter letter; } Settling;

static bool get(Ctx *cx, void *arg)
{
    Settling *s = arg;

    if (!sql_get(cx, &dead_one, &deadletter_shape, &s->letter, V(s->id)))
        return false;
    name_subject(cx, &s->letter);
    return true;
}

bool deadletter_get(Ctx *cx, i64 id, DeadLetter *out)
{
    Settling s = { .id = id };

    if (!read_tx(cx, get, &s))
        return false;
    *out = s.letter;
    return true;
}

/* ---- deciding -------------------------------------------------------------------- */

static bool tell_again(Ctx *cx, const DeadLetter *d)
{
    return outbox_tell_again(cx, d->userId, d->eventId, str_z(cx->mem, d->type),
                             d->payload);
}

static bool settle(Ctx *cx, void *arg)
{
    Settling *s = arg;
    bool again = s->to == DEAD_RETRIED;
    i64 changed;

    if (!sql_run(cx, &dead_settle, &changed, V(s->id),
                 V(names_str(&dead_state_names, s->to)), V(cx->now)) || !get(cx, s))
        return false;
    if (changed == 0)
        return fail(cx, INVALID_STATE, "dead letter %jd was settled", (intmax_t)s->id);
    return (!again || tell_again(cx, &s->letter)) &&
           note_write(cx, again ? AUDIT_DEADLETTER_RETRIED : AUDIT_DEADLETTER_DISCARDED,
                      (UserId){ 0 }, s->letter.id);
}

static bool settle_as(Ctx *cx, i64 id, DeadState to, DeadLetter *out)
{
    Settling s = { .id = id, .to = to };

    if (!write_tx(cx, lane_of(cx->tenant.v), settle, &s))
        return false;
    metric_add(to == DEAD_RETRIED ? METRIC_DEAD_RETRIED : METRIC_DEAD_DISCARDED, 1);
    *out = s.letter;
    return true;
}

bool deadletter_retry(Ctx *cx, i64 id, DeadLetter *out)
{
    return settle_as(cx, id, DEAD_RETRIED, out);
}

bool deadletter_discard(Ctx *cx, i64 id, DeadLetter *out)
{
    return settle_as(cx, id, DEAD_DISCARDED, out);
}

/* ---- as time passes ---------------------------------------------------------------- */

typedef struct Waiting { i64 count; Instant oldest; } Waiting;
static const Shape waiting_row = SHAPE(Waiting,
    NUMBER(Waiting, count, 0, INT64_MAX, 0, 0, ""),
    TIME(Waiting, oldest, OPTIONAL, ""));

static bool look(Ctx *cx, void *arg)
{
    return sql_get(cx, &dead_waiting, &waiting_row, arg);
}

bool deadletter_count(Ctx *cx)
{
    Waiting w = { 0 };

    if (!read_tx(cx, look, &w))
        return false;
    metric_set(METRIC_DEAD_WAITING, w.count);
    metric_set(METRIC_DEAD_OLDEST, is_set(w.oldest) ? cx->now.ms - w.oldest.ms : 0);
    return true;
}

typedef struct { Instant until; i64 *gone; } Sweep;

static bool forget(Ctx *cx, void *arg)
{
    Sweep *s = arg;
    return sql_run(cx, &dead_forget, s->gone, V(s->until));
}

bool deadletter_sweep(Ctx *cx, i64 *gone)
{
    Sweep s = { earlier(cx->now, DEADLETTER_KEPT), gone };
    return write_tx(cx, (Lane){ 0 }, forget, &s);
}
