/* sql.h - the store port: statements, values, rows.
 *
 * $1 is always the tenant; it is bound here, from the Ctx, so no caller can forget
 * it or get it wrong. Values are parameters, never text.
 * Needs: base.  Used by: every noun. */
#pragma once
#include "base/control.h"
#include "base/shape.h"

/* A statement. SQL(name, text) also lists it, so that boot prepares every statement
 * of the program against the open engine and refuses to start on a wrong one. A
 * text that does not name $1 is refused unless it was made with SQL_ALL, which
 * says that it spans tenants (clock jobs and the relay). SQL_FAR spans them too and is
 * for a store that many nodes share, so SQLite is not asked. SQL_EACH and SQL_EACH_ALL
 * may be run for many rows of values at once (sql_each). */
typedef enum SqlIs { SPANS = 1, FAR_ONLY = 2, FOR_EACH = 4 } SqlIs;
typedef struct Sql { const char *name, *text; int is, number; } Sql;
#define SQL(name_, ...)           SQL_LIST(name_, 0, __VA_ARGS__)
#define SQL_ALL(name_, ...)       SQL_LIST(name_, SPANS, __VA_ARGS__)
#define SQL_FAR(name_, ...)       SQL_LIST(name_, SPANS | FAR_ONLY, __VA_ARGS__)
#define SQL_EACH(name_, ...)      SQL_LIST(name_, FOR_EACH, __VA_ARGS__)
#define SQL_EACH_ALL(name_, ...)  SQL_LIST(name_, FOR_EACH | SPANS, __VA_ARGS__)
static inline bool sql_spans(const Sql *q) { return (q->is & SPANS) != 0; }
#define SQL_LIST(name_, is_, ...)                                            \
    static Sql name_ = { #name_, __VA_ARGS__, is_, 0 };                      \
    static Sql *const name_##_listed __attribute__((section("sqls"), used)) = &name_

/* A value to bind. V() picks the kind from the C type. A zero Uuid or Instant and an
 * absent Str are NULL. */
typedef enum { VAL_INT, VAL_STR, VAL_BYTES, VAL_NULL } ValKind;
typedef struct Val { ValKind kind; i64 i; Str s; Uuid u; } Val;
static inline Val val_i64(i64 i)       { return (Val){ .kind = VAL_INT, .i = i }; }
static inline Val val_int(int i)       { return (Val){ .kind = VAL_INT, .i = i }; }
static inline Val val_bool(bool b)     { return (Val){ .kind = VAL_INT, .i = b }; }

static inline Val val_str(Str s)
{
    return (Val){ .kind = s.at == NULL ? VAL_NULL : VAL_STR, .s = s };
}

static inline Val val_z(const char *z) { return val_str(str_of(z)); }

static inline Val val_time(Instant t)
{
    return (Val){ .kind = t.ms == 0 ? VAL_NULL : VAL_INT, .i = t.ms };
}

static inline Val val_uuid(Uuid u)
{
    return (Val){ .kind = uuid_zero(u) ? VAL_NULL : VAL_BYTES, .u = u };
}

/* Bytes as they are; unlike text they may hold anything. */
static inline Val val_blob(Str s)      { return (Val){ .kind = VAL_BYTES, .s = s }; }
#define V(x) _Generic((x), i64: val_i64, int: val_int, bool: val_bool, Str: val_str, \
                      const char *: val_z, char *: val_z, Instant: val_time, Uuid: val_uuid, Val: val_self)(x)
static inline Val val_self(Val v)      { return v; }
#define VALS(...)  (const Val[]){ { 0 }, __VA_ARGS__ }, countof(((const Val[]){ { 0 }, __VA_ARGS__ }))

/* All of them fail with STORE faults: DATABASE_CONNECTION_ERROR, DATABASE_TIMEOUT,
 * CONFLICT (a unique key is taken), INTERNAL_ERROR. */

/* Runs a statement; `changed`, if not NULL, gets the rows it touched. */
#define sql_run(cx, q, changed, ...)  sql_run_((cx), (q), (changed), VALS(__VA_ARGS__))
CHECKED bool sql_run_(Ctx *cx, const Sql *q, i64 *changed, const Val *vals, isize n);

/* The first row, by shape; *found false when there is none. */
#define sql_find(cx, q, shape, out, found, ...) \
    sql_find_((cx), (q), (shape), (out), (found), VALS(__VA_ARGS__))
CHECKED bool sql_find_(Ctx *cx, const Sql *q, const Shape *shape, void *out, bool *found,
                       const Val *vals, isize n);

/* The first row, which must be there: NOT_FOUND otherwise. */
#define sql_get(cx, q, shape, out, ...)  sql_get_((cx), (q), (shape), (out), VALS(__VA_ARGS__))
CHECKED bool sql_get_(Ctx *cx, const Sql *q, const Shape *shape, void *out,
                      const Val *vals, isize n);

/* All rows as an array in cx->mem (at most SQL_ROWS_MOST: statements carry a LIMIT). */
enum { SQL_ROWS_MOST = 10000 };
#define sql_rows(cx, q, shape, rows, count, ...) \
    sql_rows_((cx), (q), (shape), (void **)(rows), (count), VALS(__VA_ARGS__))
CHECKED bool sql_rows_(Ctx *cx, const Sql *q, const Shape *shape, void **rows,
                       isize *count, const Val *vals, isize n);

/* Runs a statement for each of `rows` rows of `width` values, in their order, as if one
 * after the other; it is one statement of the database where that is faster. The tenant
 * is not among the values. `changed`, if not NULL, gets the rows touched in all. Where
 * it finds, row i of `out` (by shape) and found[i] are the answer to row i of `vals`. */
CHECKED bool sql_each(Ctx *cx, const Sql *q, const Val *vals, isize width, isize rows,
                      i64 *changed);
CHECKED bool sql_each_find(Ctx *cx, const Sql *q, const Val *vals, isize width,
                           isize rows, const Shape *shape, void *out, bool *found);

/* One number: count(*), RETURNING id. *out is 0 when there is no row or it is NULL. */
#define sql_int(cx, q, out, ...)  sql_int_((cx), (q), (out), VALS(__VA_ARGS__))
CHECKED bool sql_int_(Ctx *cx, const Sql *q, i64 *out, const Val *vals, isize n);
