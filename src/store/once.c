/* once.c - look, work, keep, in one transaction. Two requests with one key meet in
 * the same lane, so the second always finds the first one's answer; where lanes
 * are several the primary key says CONFLICT and the function runs again. */
#include "store/once.h"
#include <string.h>

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

/* ---- forgetting ----------------------------------------------------------- */

/* No index by time, which every sale would pay for: the sweep walks along the key, a
 * page at a time, as a reader, and only what is too old is brought to the lane. */
enum { PAGE = 2000, FORGET_AT_ONCE = 250 };

SQL_ALL(once_page,
    "SELECT tenant, person, scope, key, at FROM once"
    " WHERE (tenant, person, scope, key) > ($1, $2, $3, $4)"
    " ORDER BY tenant, person, scope, key LIMIT $5");
SQL_ALL(once_forget,
    "DELETE FROM once WHERE tenant = $1 AND person = $2 AND scope = $3 AND key = $4 AND at < $5");

typedef struct { Str tenant, person, scope, key; Instant at; } Row;
static const Shape row_of_once = SHAPE(Row,
    TEXT(Row, tenant, 0, 16, 0, ""), TEXT(Row, person, 0, 16, 0, ""), TEXT(Row, scope, 0, 255, 0, ""),
    TEXT(Row, key, 0, 255, 0, ""), TIME(Row, at, 0, ""));

typedef struct { Instant until; Row last; Row *rows; isize count; i64 gone; } Sweep;

static bool read_page(Ctx *cx, void *arg)
{
    Sweep *s = arg;
    return sql_rows(cx, &once_page, &row_of_once, &s->rows, &s->count, V(val_blob(s->last.tenant)),
                    V(val_blob(s->last.person)), V(s->last.scope), V(s->last.key), V(PAGE));
}

static bool forget(Ctx *cx, void *arg)
{
    Sweep *s = arg;
    i64 gone;

    s->gone = 0;
    for (isize i = 0; i < s->count; i++) {
        const Row *r = &s->rows[i];
        if (!sql_run(cx, &once_forget, &gone, V(val_blob(r->tenant)), V(val_blob(r->person)),
                     V(r->scope), V(r->key), V(s->until)))
            return false;
        s->gone += gone;
    }
    return true;
}

/* What is too old of a page, in slices between which buyers pass. */
static bool forget_old(Ctx *cx, const Sweep *page, i64 *gone)
{
    Sweep slice = { .until = page->until, .rows = make(cx->mem, Row, FORGET_AT_ONCE) };

    for (isize i = 0; i < page->count; i++) {
        if (before(page->rows[i].at, page->until))
            slice.rows[slice.count++] = page->rows[i];
        if (slice.count == 0 || (slice.count < FORGET_AT_ONCE && i + 1 < page->count))
            continue;
        if (!write_tx(cx, (Lane){ 0 }, forget, &slice))
            return false;
        *gone += slice.gone;
        slice.count = 0;
    }
    return true;
}

static Str keep_bytes(char *to, isize room, Str s)
{
    must(s.len <= room);
    memcpy(to, s.at, (size_t)s.len);
    return (Str){ to, s.len };
}

bool once_sweep(Ctx *cx, i64 *gone)
{
    static const char none[1] = "";
    char bytes[4][256];
    Arena own = { 0 };
    Str start = { none, 0 };
    Sweep page = { .until = earlier(cx->now, ONCE_KEPT), .last = { start, start, start, start, { 0 } } };
    bool good;

    *gone = 0;
    do {
        Ctx c = ctx_new(&own, cx->tenant);
        good = read_tx(&c, read_page, &page) && forget_old(&c, &page, gone);
        if (good && page.count > 0) {
            const Row *r = &page.rows[page.count - 1];
            page.last.tenant = keep_bytes(bytes[0], 256, r->tenant);
            page.last.person = keep_bytes(bytes[1], 256, r->person);
            page.last.scope = keep_bytes(bytes[2], 256, r->scope);
            page.last.key = keep_bytes(bytes[3], 256, r->key);
        }
        if (!good)
            cx->fault = c.fault;
        arena_reset(&own, 64 << 10);
    } while (good && page.count == PAGE);
    arena_close(&own);
    return good;
}
