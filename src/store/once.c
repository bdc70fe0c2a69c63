/* once.c - look, work, keep, in one transaction. Two requests with one key meet in
 * the same lane, so the second always finds the first one's answer; where lanes
 * are several the primary key says CONFLICT and the function runs again. */
#include "store/once.h"

typedef struct { Str request, answer; i64 status; } Kept;
static const Shape kept_row = SHAPE(Kept,
    TEXT(Kept, request, 0, 64, 0, ""),
    NUMBER(Kept, status, 0, 999, 0, 0, ""),
    TEXT(Kept, answer, 0, 1 << 20, 0, ""));

SQL(once_find,
    "SELECT request, status, answer FROM once"
    " WHERE tenant = $1 AND person = $2 AND scope = $3 AND key = $4 AND at > $5");

SQL(once_keep,
    "INSERT INTO once (tenant, person, scope, key, request, status, answer, at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    " ON CONFLICT (tenant, person, scope, key) DO UPDATE SET request = excluded.request,"
    " status = excluded.status, answer = excluded.answer, at = excluded.at");

typedef struct {
    const Once  *once;
    TxFn        *fn;
    void        *arg;
    int          status;
    const Shape *shape;
    const void  *value;
    Answer       answer;
} Doing;

/* Nobody in particular has a row of his own: sixteen zero bytes. */
static Val person_of(const Ctx *cx)
{
    return val_blob(str_copy(cx->mem, (Str){ (const char *)cx->who.user.v.b, 16 }));
}

static bool look(Ctx *cx, Doing *d, bool *found)
{
    const Once *o = d->once;
    Kept kept;

    if (!sql_find(cx, &once_find, &kept_row, &kept, found, V(person_of(cx)), V(o->scope),
                  V(o->key), V(earlier(cx->now, ONCE_KEPT))))
        return false;
    if (!*found)
        return true;
    if (kept.request.len != SHA256_BYTES ||
        !same_bytes(kept.request.at, o->request.b, SHA256_BYTES))
        return fail(cx, IDEMPOTENCY_KEY_MISMATCH, "scope=%.*s", STR_ARGS(o->scope));
    d->answer = (Answer){ (int)kept.status, kept.answer, true };
    return true;
}

static bool work(Ctx *cx, Doing *d)
{
    Buf b = buf_in(cx->mem, 512);

    if (!d->fn(cx, d->arg))
        return false;
    shape_write(&b, d->shape, d->value);
    d->answer = (Answer){ d->status, buf_str(&b), false };
    return true;
}

static bool keep(Ctx *cx, Doing *d)
{
    const Once *o = d->once;
    return sql_run(cx, &once_keep, NULL, V(person_of(cx)), V(o->scope), V(o->key),
                   val_blob((Str){ (const char *)o->request.b, SHA256_BYTES }), V(d->status),
                   V(d->answer.json), V(cx->now));
}

static bool look_work_keep(Ctx *cx, void *arg)
{
    Doing *d = arg;
    bool found = false;

    if (d->once->key.at == NULL)
        return work(cx, d);
    return look(cx, d, &found) && (found || (work(cx, d) && keep(cx, d)));
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
    return write_tx(cx, (Lane){ 0 }, forget, &(Sweep){ earlier(cx->now, ONCE_KEPT), gone });
}
