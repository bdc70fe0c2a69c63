/* sql.c - rows into structs, the same for every engine. */
#include "store/engine.h"
#include "base/trace.h"
#include <string.h>

/* ---- one row by its shape ------------------------------------------------- */

static bool in_row(const Field *f)
{
    return f->kind != K_OBJECT && f->kind != K_LIST && (f->is & COMPUTED) == 0;
}

static bool put_name(Ctx *cx, const Field *f, const Cell *c, char *to)
{
    int i = c->kind == VAL_STR ? names_find(f->names, c->s) : -1;
    if (i < 0)
        return fail(cx, INTERNAL_ERROR, "column %s holds an unknown name", f->name);
    memcpy(to, &i, sizeof i);
    return true;
}

static bool put_cell(Ctx *cx, const Field *f, const Cell *c, char *to)
{
    if (c->kind == VAL_NULL)
        return true;                              /* zero is absent           */
    switch (f->kind) {
    case K_STR:
    case K_RAW: {
        must(c->kind == VAL_STR || c->kind == VAL_BYTES);
        Str s = str_copy(cx->mem, c->s);
        memcpy(to, &s, sizeof s);
        return true;
    }
    case K_ID:
        must(c->kind == VAL_BYTES && c->s.len == 16);
        memcpy(to, c->s.at, 16);
        return true;
    case K_INT:
    case K_TIME:
        must(c->kind == VAL_INT);
        memcpy(to, &c->i, sizeof c->i);
        return true;
    case K_BOOL:
        *(bool *)to = c->i != 0;
        return true;
    case K_NAME:
        return put_name(cx, f, c, to);
    default:
        must(!"a kind that can't be in a row");
        return false;
    }
}

static bool put_row(Ctx *cx, const Shape *shape, const Cell *cells, int n, char *to)
{
    int at = 0;

    for (isize i = 0; i < shape->count; i++) {
        const Field *f = &shape->fields[i];
        if (!in_row(f))
            continue;
        must(at < n);
        if (!put_cell(cx, f, &cells[at++], to + f->at))
            return false;
    }
    must(at == n);                                /* as many columns as fields */
    return true;
}

/* ---- the port ------------------------------------------------------------- */

static bool run(Ctx *cx, const Sql *q, const Val *vals, isize n, RowFn *row, void *arg,
                i64 *changed)
{
    must(cx->db != NULL);                         /* only inside a transaction */
    if (arena_over(cx->mem))
        return fail(cx, INTERNAL_ERROR, "%s: the unit of work took too much memory",
                    q->name);
    Step step = trace_begin(cx);
    bool good = cx->db->engine->run(cx, q, vals, n, row, arg, changed);
    trace_end(cx, &step, TRACE_CLIENT, q->name,
              L("db.system.name", cx->db->engine->called));
    return good;
}

bool sql_run_(Ctx *cx, const Sql *q, i64 *changed, const Val *vals, isize n)
{
    return run(cx, q, vals, n, NULL, NULL, changed);
}

typedef struct { const Shape *shape; char *out; bool found; } One;

static bool take_first(Ctx *cx, void *arg, const Cell *cells, int n)
{
    One *one = arg;
    if (one->found)
        return true;
    one->found = true;
    return put_row(cx, one->shape, cells, n, one->out);
}

bool sql_find_(Ctx *cx, const Sql *q, const Shape *shape, void *out, bool *found,
               const Val *vals, isize n)
{
    One one = { shape, out, false };

    memset(out, 0, (size_t)shape->size);
    bool good = run(cx, q, vals, n, take_first, &one, NULL);
    *found = one.found;
    return good;
}

bool sql_get_(Ctx *cx, const Sql *q, const Shape *shape, void *out, const Val *vals,
              isize n)
{
    bool found;

    return sql_find_(cx, q, shape, out, &found, vals, n) &&
           (found || fail(cx, NOT_FOUND, "%s", q->name));
}

typedef struct { const Shape *shape; char *rows; isize count, room; } Many;

static bool take_next(Ctx *cx, void *arg, const Cell *cells, int n)
{
    Many *m = arg;
    isize size = m->shape->size;

    if (m->count == SQL_ROWS_MOST)
        return fail(cx, INTERNAL_ERROR, "a statement without a LIMIT gave too many rows");
    if (m->count == m->room) {
        isize room = m->room == 0 ? 16 : m->room * 2;
        char *more = arena_take(cx->mem, size, 16, room);
        if (m->count > 0)
            memcpy(more, m->rows, (size_t)(size * m->count));
        m->rows = more;
        m->room = room;
    }
    return put_row(cx, m->shape, cells, n, m->rows + size * m->count++);
}

bool sql_rows_(Ctx *cx, const Sql *q, const Shape *shape, void **rows, isize *count,
               const Val *vals, isize n)
{
    Many m = { .shape = shape };

    bool good = run(cx, q, vals, n, take_next, &m, NULL);
    *rows = m.rows;
    *count = good ? m.count : 0;
    return good;
}

/* ---- many rows of values -------------------------------------------------- */

enum { WIDTH_MOST = 30 };

static bool run_each(Ctx *cx, const Sql *q, const Val *vals, isize width, isize rows,
                     RowFn *row, void *arg, isize *at, i64 *changed)
{
    Val one[WIDTH_MOST + 1] = { 0 };
    i64 n = 0;

    must(width <= WIDTH_MOST);
    for (*at = 0; *at < rows; ++*at) {
        memcpy(one + 1, vals + *at * width, (size_t)width * sizeof *one);
        if (!run(cx, q, one, width + 1, row, arg, changed == NULL ? NULL : &n))
            return false;
        if (changed != NULL)
            *changed += n;
    }
    return true;
}

static bool may_each(Ctx *cx, const Sql *q)
{
    must(cx->db != NULL && (q->is & FOR_EACH) != 0);
    return !arena_over(cx->mem) ||
           fail(cx, INTERNAL_ERROR, "%s: the unit of work took too much memory", q->name);
}

static bool far_each(Ctx *cx, const Sql *q, const Val *vals, isize width, isize rows,
                     RowFn *row, void *arg, i64 *changed)
{
    Step step = trace_begin(cx);
    bool good = cx->db->engine->each(cx, q, vals, width, rows, row, arg, changed);

    trace_end(cx, &step, TRACE_CLIENT, q->name,
              L("db.system.name", cx->db->engine->called),
              L("db.operation.batch.size", (i64)rows));
    return good;
}

bool sql_each(Ctx *cx, const Sql *q, const Val *vals, isize width, isize rows,
              i64 *changed)
{
    const Engine *e = cx->db->engine;
    isize at;

    if (changed != NULL)
        *changed = 0;
    if (rows == 0)
        return true;
    if (e->each == NULL)
        return may_each(cx, q) &&
               run_each(cx, q, vals, width, rows, NULL, NULL, &at, changed);
    return may_each(cx, q) && far_each(cx, q, vals, width, rows, NULL, NULL, changed);
}

typedef struct { const Shape *shape; char *out; bool *found; isize at; } Finds;

static bool take_found(Ctx *cx, void *arg, const Cell *cells, int n)
{
    const Finds *f = arg;
    if (f->found[f->at])
        return true;
    f->found[f->at] = true;
    return put_row(cx, f->shape, cells, n, f->out + f->shape->size * f->at);
}

/* The first cell is the row of the values, from 1. */
static bool take_numbered(Ctx *cx, void *arg, const Cell *cells, int n)
{
    Finds *f = arg;
    f->at = (isize)cells[0].i - 1;
    return take_found(cx, f, cells + 1, n - 1);
}

bool sql_each_find(Ctx *cx, const Sql *q, const Val *vals, isize width, isize rows,
                   const Shape *shape, void *out, bool *found)
{
    const Engine *e = cx->db->engine;
    Finds f = { shape, out, found, 0 };

    memset(out, 0, (size_t)(shape->size * rows));
    memset(found, 0, (size_t)rows * sizeof *found);
    if (rows == 0)
        return true;
    if (e->each == NULL)
        return may_each(cx, q) &&
               run_each(cx, q, vals, width, rows, take_found, &f, &f.at, NULL);
    return may_each(cx, q) && far_each(cx, q, vals, width, rows, take_numbered, &f, NULL);
}

static bool take_int(Ctx *cx, void *arg, const Cell *cells, int n)
{
    (void)cx;
    must(n == 1);
    *(i64 *)arg = cells[0].kind == VAL_INT ? cells[0].i : 0;
    return true;
}

bool sql_int_(Ctx *cx, const Sql *q, i64 *out, const Val *vals, isize n)
{
    *out = 0;
    return run(cx, q, vals, n, take_int, out, NULL);
}
