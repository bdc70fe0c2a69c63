/* str.h - text as a place and a length, and a buffer that grows in an arena.
 *
 * A Str is passed by value, owns nothing and is not NUL-terminated. An absent
 * text has at == NULL, which is not the same as an empty one.
 * Needs: arena.  Used by: everything. */
#pragma once
#include "base/arena.h"

typedef struct Str { const char *at; isize len; } Str;

#define S(literal)  ((Str){ (literal), (isize)sizeof(literal) - 1 })
#define STR_ARGS(s) (int)(s).len, (s).at          /* for "%.*s"               */

Str  str_of(const char *z);                       /* borrows; NULL gives absent */
bool str_is(Str a, Str b);
bool str_is_nocase(Str a, Str b);                 /* ASCII letters only       */
bool str_starts(Str s, Str with);
bool str_ends(Str s, Str with);
isize str_find(Str s, char c);                    /* -1 when not there        */
bool str_has(Str s, Str part);
Str  str_sub(Str s, isize from, isize to);        /* clamped                  */
Str  str_trim(Str s);                             /* spaces and tabs          */
Str  str_copy(Arena *mem, Str s);                 /* NUL-terminated too       */
Str  str_lower(Arena *mem, Str s);                /* ASCII letters only       */
Str  str_fmt(Arena *mem, const char *format, ...) PRINTS(2, 3);
const char *str_z(Arena *mem, Str s);             /* for a library's border   */

/* Cuts s at the first `c`; gives what stands before, leaves what stands after
 * (absent once nothing is left to cut). */
Str str_cut(Str *s, char c);

/* Whole text as a decimal number, an optional '-' first; false on anything else
 * or beyond i64. */
CHECKED bool str_int(Str s, i64 *out);

/* True when s is valid UTF-8 without NUL (RFC 3629). */
bool str_utf8(Str s);
isize str_letters(Str s);                         /* code points of valid UTF-8 */

/* Encodings (RFC 4648). Readers refuse padding, spaces and loose last bits. */
Str  hex_write(Arena *mem, const void *bytes, isize n);
CHECKED bool hex_read(Str s, u8 *out, isize n);   /* exactly n bytes          */
Str  base64url_write(Arena *mem, const void *bytes, isize n);
CHECKED bool base64url_read(Arena *mem, Str s, Str *out);

/* A text that is being made. */
typedef struct Buf { Arena *mem; char *at; isize len, cap; } Buf;
Buf  buf_in(Arena *mem, isize first);
void buf_add(Buf *b, Str s);
void buf_byte(Buf *b, char c);
void buf_int(Buf *b, i64 v);
void buf_fmt(Buf *b, const char *format, ...) PRINTS(2, 3);
#define buf_lit(b, literal) buf_add((b), S(literal))
static inline Str buf_str(const Buf *b) { return (Str){ b->at, b->len }; }
