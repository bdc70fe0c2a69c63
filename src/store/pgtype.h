/* pgtype.h - values as PostgreSQL's binary format has them.
 *
 * The port knows integers, texts, bytes; the database knows what a column is. Which form
 * a value takes is decided by the type that the database expects there: an i64 becomes a
 * bigint, a boolean or a timestamptz. Knows no connection.
 * Needs: engine.h.  Used by: postgres.c.
 * source: PostgreSQL's pg_type.dat (oids) and the *_send and *_recv functions of its
 * types;
 * https://www.postgresql.org/docs/15/protocol-overview.html#PROTOCOL-FORMAT-CODES */
#pragma once
#include "store/engine.h"

/* May a parameter, may a column be of this type? */
bool pgtype_takes(u32 oid);
bool pgtype_gives(u32 oid);

/* One value for a parameter of type `oid`.
 *   gives   *at (NULL: SQL's NULL) and *len, in `mem` or the value's own place
 *   fails   false when the value doesn't fit the type: an integer out of range, bytes
 *           that are no uuid */
CHECKED bool pgtype_put(Arena *mem, u32 oid, const Val *v, const char **at, int *len);

/* The name and the array type of a type that is taken. */
const char *pgtype_name(u32 oid);
u32 pgtype_array(u32 oid);

/* `count` values, `step` apart, as one array parameter of element type `oid`. Fails as
 * pgtype_put does.   source: array_recv in PostgreSQL's arrayfuncs.c */
CHECKED bool pgtype_put_array(Arena *mem, u32 oid, const Val *first, isize step,
                              isize count, const char **at, int *len);

/* One column of a row; its bytes stay where they are. `at` NULL is SQL's NULL. */
Cell pgtype_get(u32 oid, const char *at, int len);
