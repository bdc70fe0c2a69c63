/* pgset.c - one text is written for both engines, and what PostgreSQL does best is made
 * of it here:
 *
 *   INSERT INTO t (a, b) VALUES ($1, $2) ..   INSERT INTO t (a, b) SELECT $1, x.p2
 *                                               FROM unnest($2::int[]) x (p2) ..
 *   SELECT c FROM t WHERE a = $1 AND b = $2   SELECT x.i, q.* FROM unnest($2::int[])
 *                                               WITH ORDINALITY x (p2, i),
 *                                               LATERAL (SELECT c .. b = x.p2 OFFSET 0) q
 *   UPDATE t SET c = $2 WHERE a = $1 ..       UPDATE t SET c = x.p2 FROM unnest .. x (p2)
 *                                               WHERE a = $1 ..
 *
 * OFFSET 0 keeps the planner from making a join of it: it looks each row up by its index,
 * which is what is wanted and what it does for one row. */
#include "store/pgset.h"
#include "store/pgtype.h"
#include <string.h>

/* $1 stays where it is the tenant, the others become columns of x. */
static void put_part(Buf *b, Str part, bool spans)
{
    for (isize i = 0; i < part.len; i++) {
        bool is_tenant = !spans && i + 1 < part.len && part.at[i + 1] == '1' &&
                         (i + 2 == part.len || part.at[i + 2] < '0' ||
                          part.at[i + 2] > '9');
        if (part.at[i] == '$' && !is_tenant)
            buf_lit(b, "x.p");
        else
            buf_byte(b, part.at[i]);
    }
}

/* unnest($2::uuid[], $3::text[]) [WITH ORDINALITY] x (p2, p3 [, i]) */
static void put_source(Buf *b, const Known *k, bool spans, bool numbered)
{
    int first = spans ? 1 : 2;

    buf_lit(b, "unnest(");
    for (int i = first; i <= k->params; i++)
        buf_fmt(b, "%s$%d::%s[]", i > first ? ", " : "", i, pgtype_name(k->param[i - 1]));
    buf_fmt(b, ")%s x (", numbered ? " WITH ORDINALITY" : "");
    for (int i = first; i <= k->params; i++)
        buf_fmt(b, "%sp%d", i > first ? ", " : "", i);
    buf_fmt(b, "%s)", numbered ? ", i" : "");
}

/* Where `word` stands in s; it must. */
static isize place_of(Str s, const char *word)
{
    const char *at = memmem(s.at, (size_t)s.len, word, strlen(word));
    must(at != NULL);
    return at - s.at;
}

/* The bracket that closes the one at `open`. */
static isize closing(Str s, isize open)
{
    int depth = 0;

    for (isize i = open; i < s.len; i++) {
        depth += (s.at[i] == '(') - (s.at[i] == ')');
        if (depth == 0)
            return i;
    }
    must(!"a statement whose brackets close");
    return -1;
}

static void put_insert(Buf *b, const Known *k, Str text, bool spans)
{
    isize values = place_of(text, "VALUES ("), open = values + 7,
          end = closing(text, open);

    put_part(b, str_sub(text, 0, values), spans);
    buf_lit(b, "SELECT ");
    put_part(b, str_sub(text, open + 1, end), spans);
    buf_lit(b, " FROM ");
    put_source(b, k, spans, false);
    put_part(b, str_sub(text, end + 1, text.len), spans);
}

static void put_update(Buf *b, const Known *k, Str text, bool spans)
{
    isize where = place_of(text, " WHERE ");

    put_part(b, str_sub(text, 0, where), spans);
    buf_lit(b, " FROM ");
    put_source(b, k, spans, false);
    put_part(b, str_sub(text, where, text.len), spans);
}

static void put_select(Buf *b, const Known *k, Str text, bool spans)
{
    buf_lit(b, "SELECT x.i, q.* FROM ");
    put_source(b, k, spans, true);
    buf_lit(b, ", LATERAL (");
    put_part(b, text, spans);
    buf_lit(b, " OFFSET 0) q");
}

Str pgset_text(Arena *mem, const Known *k, bool spans)
{
    Str text = str_of(k->text);
    Buf b = buf_in(mem, text.len * 2 + 256);

    if (str_starts(text, S("INSERT ")))
        put_insert(&b, k, text, spans);
    else if (str_starts(text, S("UPDATE ")))
        put_update(&b, k, text, spans);
    else
        put_select(&b, k, text, spans);
    return str_copy(mem, buf_str(&b));
}
