/* shape.h - a struct described once.
 *
 * From the one description it is validated and read out of a request body, read
 * from a row, written as JSON, and printed into the OpenAPI document.
 * Needs: ctx, json.  Used by: store (rows), net (bodies), web (OpenAPI). */
#pragma once
#include "base/ctx.h"
#include "base/json.h"

typedef enum Kind {
    K_STR,        /* Str; `least`..`most` letters                            */
    K_INT,        /* i64; `least`..`most`                                    */
    K_BOOL,       /* bool                                                    */
    K_MAYBE,      /* Maybe: a bool that may be absent; never in a row        */
    K_ID,         /* Uuid, or a strong id of one; zero is absent             */
    K_TIME,       /* Instant; 0 is absent                                    */
    K_NAME,       /* int, one of `names`; in a row it is the name's text     */
    K_OBJECT,     /* a struct in place, of `of`; never in a row              */
    K_LIST,       /* List of structs of `of`; `least`..`most`; never in a row */
    K_RAW         /* Str that is JSON already                                */
} Kind;

typedef enum Maybe { MAYBE_ABSENT, MAYBE_FALSE, MAYBE_TRUE } Maybe;
typedef struct Names { const char *const *at; isize count; } Names;
typedef struct List { void *at; isize count; } List;

enum {                                            /* what a field is          */
    OPTIONAL  = 1,                                /* may be absent            */
    WRITEONLY = 2,                                /* read, never written: passwords */
    EMAIL     = 4,                                /* K_STR with one @ and a dot after */
    UNLISTED  = 8,                                /* in the row, not in JSON  */
    COMPUTED  = 16                                /* in JSON, not in the row  */
};

typedef struct Field {
    const char *name;                             /* camelCase                */
    isize       at;
    Kind        kind;
    unsigned    is;
    i64         least, most;
    i64         otherwise;                        /* K_INT, K_BOOL when absent */
    const Names *names;
    const struct Shape *of;
    const char *says;                             /* for the documentation    */
} Field;

typedef struct Shape {
    const char *name;
    isize size;
    const Field *fields;
    isize count;
} Shape;

#define SHAPE(T, ...)  { #T, (isize)sizeof(T), (const Field[]){ __VA_ARGS__ }, \
                         countof(((const Field[]){ __VA_ARGS__ })) }
#define F_(T, f, k)  .name = #f, .at = (isize)offsetof(T, f), .kind = (k)
#define TEXT(T, f, least_, most_, is_, says_) \
    { F_(T, f, K_STR), .least = (least_), .most = (most_), .is = (is_), .says = (says_) }
#define NUMBER(T, f, least_, most_, otherwise_, is_, says_) \
    { F_(T, f, K_INT), .least = (least_), .most = (most_), .otherwise = (otherwise_), \
      .is = (is_), .says = (says_) }
#define BOOL(T, f, is_, says_)   { F_(T, f, K_BOOL), .is = (is_), .says = (says_) }
#define MAYBE(T, f, says_)       { F_(T, f, K_MAYBE), .is = OPTIONAL, .says = (says_) }
#define ID(T, f, is_, says_)     { F_(T, f, K_ID), .is = (is_), .says = (says_) }
#define TIME(T, f, is_, says_)   { F_(T, f, K_TIME), .is = (is_), .says = (says_) }
#define NAME(T, f, names_, is_, says_) \
    { F_(T, f, K_NAME), .names = (names_), .is = (is_), .says = (says_) }
/* May be absent, and is -1 then. */
#define CHOICE(T, f, names_, says_) \
    { F_(T, f, K_NAME), .names = (names_), .is = OPTIONAL, .otherwise = -1, .says = (says_) }
#define OBJECT(T, f, of_, is_, says_) \
    { F_(T, f, K_OBJECT), .of = (of_), .is = (is_), .says = (says_) }
#define LIST(T, f, of_, least_, most_, is_, says_) \
    { F_(T, f, K_LIST), .of = (of_), .least = (least_), .most = (most_), .is = (is_), .says = (says_) }
#define RAW(T, f, is_, says_)    { F_(T, f, K_RAW), .is = (is_), .says = (says_) }

/* Reads a JSON text into *out. Unknown members are ignored. Every mistake is
 * collected before it fails: BAD_JSON, VALIDATION_ERROR with the list. Texts
 * point into cx->mem. */
CHECKED bool shape_read(Ctx *cx, const Shape *shape, Str json, void *out);

/* Writes *value as a JSON object; absent members are left out. */
void shape_write(Buf *b, const Shape *shape, const void *value);

/* The value behind a name, -1 when it is none; and the name of a value. */
int names_find(const Names *names, Str s);
static inline Str names_str(const Names *names, int i) { return str_of(names->at[i]); }
