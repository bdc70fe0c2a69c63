/* schema.h - JSON Schemas of shapes: of all that a document mentions, each once.
 * Needs: shape.  Used by: openapi. */
#pragma once
#include "base/json.h"
#include "base/shape.h"

enum { SCHEMAS_MOST = 200 };

typedef struct Schemas {
    Arena       *mem;
    Buf         *to;
    const Shape *shapes[SCHEMAS_MOST];
    isize        count;
} Schemas;

/* {"$ref":...}, and from now on the shape is mentioned. */
void schema_put_ref(Schemas *d, const Shape *s);

/* The members that describe one field: its type, bounds and words. */
void schema_put_kind(Schemas *d, const Field *f);

/* All that were mentioned, as members of components.schemas; what they mention joins
 * them. */
void schemas_put(Schemas *d);
