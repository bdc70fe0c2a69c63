/* json.h - reads JSON (RFC 8259) into an arena, and writes it.
 *
 * Strict: UTF-8 only, no duplicate members, no NUL, numbers within i64 or a
 * finite double, depth and size bounded. What is read lives as long as `mem`.
 * Needs: str.  Used by: shape, identity (tokens), mail, pay. */
#pragma once
#include "base/str.h"
#include "base/time.h"
#include "base/uuid.h"

typedef struct Json Json;                         /* a value; opaque          */
typedef enum { J_NULL, J_BOOL, J_INT, J_REAL, J_STR, J_LIST, J_OBJECT } JsonKind;

enum { JSON_DEEPEST = 32, JSON_PARTS_MOST = 20000 };

/* The text must be one object or list. NULL when it is not, with the reason in
 * *why (good as long as mem). */
const Json *json_read(Arena *mem, Str text, Str *why);

JsonKind    json_kind(const Json *j);
Str         json_str(const Json *j);              /* must be J_STR            */
i64         json_int(const Json *j);              /* must be J_INT            */
double      json_float(const Json *j);             /* J_INT or J_REAL          */
bool        json_bool(const Json *j);             /* must be J_BOOL           */
isize       json_count(const Json *j);            /* members or elements      */
const Json *json_item(const Json *list, isize i);
const Json *json_member(const Json *object, const char *name);   /* NULL: none */

/* Finds a member of that kind; false when there is none or it is another kind. */
CHECKED bool json_get_str(const Json *object, const char *name, Str *out);
CHECKED bool json_get_int(const Json *object, const char *name, i64 *out);

/* Writes the value again, members sorted by name at every depth and no spaces:
 * the canonical form that webhook signatures cover. */
void json_write_sorted(Buf *b, const Json *j);

/* Writes a string with its quotes; invalid UTF-8 becomes U+FFFD. */
void json_put_str(Buf *b, Str s);

/* For bodies that no shape describes: opens a member `"name":`, with a comma first
 * when the buffer does not end in an opening bracket. */
void json_put_name(Buf *b, const char *name);
void json_put_text(Buf *b, const char *name, Str value);
void json_put_int(Buf *b, const char *name, i64 value);
void json_put_raw(Buf *b, const char *name, Str json);      /* as it stands  */
void json_open(Buf *b, const char *name);         /* an object; NULL: no member's */
void json_shut(Buf *b);
