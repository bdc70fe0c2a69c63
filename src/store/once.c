/* once.c - look, work, keep, in one transaction. Two requests with one key that ask for
 * the same meet in the same lane, so the second always finds the first one's answer. Two
 * that ask for different things may meet nobody: then the row is there when the second
 * wants to keep its own, its batch is run again, and it finds a mismatch. */
#include "store/once.h"
#include "store/engine.h"

typedef struct { Str request, answer; i64 status; Instant at; } Kept;
static const Shape kept_row = SHAPE(Kept,
    TEXT(Kept, request, 0, 64, 0, ""),
    NUMBER(Kept, status, 0, 999, 0, 0, ""),
    TEXT(Kept, answer, 0, 1 << 20, 0, ""),
    TIME(Kept, at, 0, ""));

SQL_EACH(once_find,
    "SELECT request, status, answer, at FROM once"
    " WHERE tenant = $1 AND person = $2 AND scope = $3 AND key = $4");

SQL_EACH(once_keep,
    "INSERT INTO once (tenant, person, scope, key, request, status, answer, at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING");

/* An answer that is past its day, when its key comes again before the sweep. */
SQL(once_drop,
    "DELETE FROM once WHERE tenant = $1 AND person = $2 AND scope = $3 AND key = $4");

enum { FIND_WIDTH = 3, KEEP_WIDTH = 7 };

typedef struct {
    const Once  *once;
    TxFn        *fn;                              /* one of the two           */
    ManyFn      *many;
    void        *arg;
    int          status;
    const Shape *shape;
    const void  *value;
    Answer       answer;
} Doing;

/* A machine's keys are its own, whomever it asks for. */
static const Uuid *asker(const Ctx *cx)
{
    return cx->who.comer == A_PERSON ? &cx->who.user.v : &cx->who.machine;
}

/* Nobody in particular has a row of his own: sixteen zero bytes. */
static Val person_of(const Ctx *cx)
{
    const Uuid *who = asker(cx);
    return val_blob(str_copy(cx->mem, (Str){ (const char *)who->b, 16 }));
}

static void put_key(const Ctx *cx, const Once *o, Val *row)
{
    row[0] = person_of(cx);
    row[1] = V(o->scope);
    row[2] = V(o->key);
}

static void put_answer(const Ctx *cx, const Doing *d, Val *row)
{
    put_key(cx, d->once, row);
    row[3] = val_blob((Str){ (const char *)d->once->request.b, SHA256_BYTES });
    row[4] = V(d->answer.status);
    row[5] = V(d->answer.json);
    row[6] = V(cx->now);
}

static bool still_counts(const Ctx *cx, const Kept *k)
{
    return before(earlier(cx->now, ONCE_KEPT), k->at);
}

static bool take_kept(Ctx *cx, Doing *d, const Kept *k)
{
    if (k->request.len != SHA256_BYTES ||
        !same_bytes(k->request.at, d->once->request.b, SHA256_BYTES))
        return fail(cx, IDEMPOTENCY_KEY_MISMATCH, "scope=%.*s", STR_ARGS(d->once->scope));
    d->answer = (Answer){ (int)k->status, str_copy(cx->mem, k->answer), true };
    return true;
}

/* `of` asked. In a batch it is done with the batch's own cx: a fault of one whose time is
 * over would stay on him while he is served. */
static bool drop_kept(Ctx *cx, const Ctx *of, const Once *o)
{
    return sql_run(cx, &once_drop, NULL, person_of(of), V(o->scope), V(o->key));
}

static void render(const Ctx *cx, Doing *d)
{
    Buf b = buf_in(cx->mem, 512);

    shape_write(&b, d->shape, d->value);
    d->answer = (Answer){ d->status, buf_str(&b), false };
}

/* Somebody else has kept an answer meanwhile: the batch is run again and finds it. */
static bool all_kept(Ctx *cx, i64 kept, isize wanted)
{
    if (kept == wanted)
        return true;
    cx->db->again = true;
    return fail(cx, BUSY, "an answer to the same key came first");
}

/* ---- one ------------------------------------------------------------------ */

static bool look(Ctx *cx, Doing *d, bool *worked)
{
    Val key[FIND_WIDTH];
    bool found;
    Kept kept;

    put_key(cx, d->once, key);
    if (!sql_each_find(cx, &once_find, key, FIND_WIDTH, 1, &kept_row, &kept, &found))
        return false;
    *worked = found && still_counts(cx, &kept);
    return *worked ? take_kept(cx, d, &kept) : !found || drop_kept(cx, cx, d->once);
}

static bool keep(Ctx *cx, const Doing *d)
{
    Val row[KEEP_WIDTH];
    i64 kept;

    put_answer(cx, d, row);
    return sql_each(cx, &once_keep, row, KEEP_WIDTH, 1, &kept) && all_kept(cx, kept, 1);
}

static bool look_work_keep(Ctx *cx, void *arg)
{
    Doing *d = arg;
    bool keyed = d->once->key.at != NULL, worked = false;

    if (keyed && !look(cx, d, &worked))
        return false;
    if (worked)
        return true;
    if (!d->fn(cx, d->arg))
        return false;
    render(cx, d);
    return !keyed || keep(cx, d);
}

bool write_once(Ctx *cx, Lane lane, const Once *once, TxFn *fn, void *arg, int status,
                const Shape *shape, const void *value, Answer *answer)
{
    Doing d = { .once = once, .fn = fn, .arg = arg, .status = status, .shape = shape,
                .value = value };
    if (!write_tx(cx, lane, look_work_keep, &d))
        return false;
    *answer = d.answer;
    return true;
}

/* ---- many ----------------------------------------------------------------- */

typedef struct Line { Seat **seats; isize count; } Line;

static Doing *doing(const Seat *s) { return s->arg; }

static void stand(Line *l, Seat *s) { l->seats[l->count++] = s; }

static Line line_of(Ctx *cx, isize most)
{
    return (Line){ make(cx->mem, Seat *, most), 0 };
}

static bool has_key(const Seat *s) { return doing(s)->once->key.at != NULL; }

/* Finds the answers that were kept; who has none yet goes on to `left`, in the order in
 * which they came, with a key or without. */
static bool look_many(Ctx *cx, Seat *seats, isize n, Line *left)
{
    Val *keys = make(cx->mem, Val, n * FIND_WIDTH);
    Kept *kept = make(cx->mem, Kept, n), *k = kept;
    bool *found = make(cx->mem, bool, n);
    isize keyed = 0;

    for (isize i = 0; i < n; i++)
        if (has_key(&seats[i]))
            put_key(seats[i].cx, doing(&seats[i])->once, keys + keyed++ * FIND_WIDTH);
    if (!sql_each_find(cx, &once_find, keys, FIND_WIDTH, keyed, &kept_row, kept, found))
        return false;
    for (isize i = 0; i < n; i++) {
        Seat *s = &seats[i];
        bool was_found = has_key(s) && found[k - kept];
        const Kept *his = has_key(s) ? k++ : NULL;
        if (was_found && still_counts(s->cx, his)) {
            s->good = take_kept(s->cx, doing(s), his);
            continue;
        }
        if (was_found && !drop_kept(cx, s->cx, doing(s)->once))
            return false;
        stand(left, s);
    }
    return true;
}

static bool same_key(const Seat *a, const Seat *b)
{
    const Once *x = doing(a)->once, *y = doing(b)->once;

    return x->key.at != NULL && y->key.at != NULL && str_is(x->key, y->key) &&
           str_is(x->scope, y->scope) && uuid_is(*asker(a->cx), *asker(b->cx));
}

/* Who has the key of one before him comes later, and so do those with other work. */
static void choose(const Line *left, Line *now, Line *later)
{
    for (isize i = 0; i < left->count; i++) {
        Seat *s = left->seats[i];
        bool goes = doing(s)->many == doing(left->seats[0])->many;
        for (isize k = 0; k < now->count && goes; k++)
            goes = !same_key(s, now->seats[k]);
        stand(goes ? now : later, s);
    }
}

static bool work_many(Ctx *cx, const Line *now)
{
    Seat *inner = make(cx->mem, Seat, now->count);

    for (isize i = 0; i < now->count; i++)
        inner[i] = (Seat){ now->seats[i]->cx, doing(now->seats[i])->arg, false };
    if (!doing(now->seats[0])->many(cx, inner, now->count))
        return false;
    for (isize i = 0; i < now->count; i++) {
        now->seats[i]->good = inner[i].good;
        if (inner[i].good)
            render(inner[i].cx, doing(now->seats[i]));
    }
    return true;
}

static bool keep_many(Ctx *cx, const Line *now)
{
    Val *rows = make(cx->mem, Val, now->count * KEEP_WIDTH);
    isize n = 0;
    i64 kept;

    for (isize i = 0; i < now->count; i++) {
        const Seat *s = now->seats[i];
        if (s->good && has_key(s))
            put_answer(s->cx, doing(s), rows + n++ * KEEP_WIDTH);
    }
    return sql_each(cx, &once_keep, rows, KEEP_WIDTH, n, &kept) && all_kept(cx, kept, n);
}

static bool look_work_keep_many(Ctx *cx, Seat *seats, isize n)
{
    Line left = line_of(cx, n), now = line_of(cx, n), later = line_of(cx, n);

    if (!look_many(cx, seats, n, &left))
        return false;
    if (left.count == 0)
        return true;
    choose(&left, &now, &later);
    if (!work_many(cx, &now) || !keep_many(cx, &now))
        return false;
    for (isize i = 0; i < later.count; i++)
        if (!look_work_keep_many(cx, later.seats[i], 1))
            return false;
    return true;
}

bool write_once_many(Ctx *cx, Lane lane, const Once *once, ManyFn *fn, void *arg,
                     int status, const Shape *shape, const void *value, Answer *answer)
{
    Doing d = { .once = once, .many = fn, .arg = arg, .status = status, .shape = shape,
                .value = value };
    if (!write_many(cx, lane, look_work_keep_many, &d))
        return false;
    *answer = d.answer;
    return true;
}

/* ---- sweep ---------------------------------------------------------------- */

SQL_ALL(once_forget,
    "DELETE FROM once WHERE (tenant, person, scope, key) IN"
    " (SELECT tenant, person, scope, key FROM once WHERE at < $1 LIMIT 1000)");

typedef struct { Instant until; i64 *gone; } Sweep;

static bool forget(Ctx *cx, void *arg)
{
    Sweep *s = arg;
    return sql_run(cx, &once_forget, s->gone, V(s->until));
}

bool once_sweep(Ctx *cx, i64 *gone)
{
    return write_tx(cx, (Lane){ 0 }, forget,
                    &(Sweep){ earlier(cx->now, ONCE_KEPT), gone });
}
