/* json_fuzz.c - a request body on its way through the JSON reader and a shape, and back
 * out through both writers: what they write must be read again. */
#include "base/shape.h"
#include <stddef.h>

typedef struct { Str name; i64 count; Instant at; Uuid id; bool sure; List parts; Str more; } Body;
typedef struct { Str name; i64 n; } Part;

static const Shape part_shape = SHAPE(Part,
    TEXT(Part, name, 0, 20, 0, ""), NUMBER(Part, n, -5, 5, 0, OPTIONAL, ""));
static const Shape body_shape = SHAPE(Body,
    TEXT(Body, name, 1, 50, OPTIONAL, ""), NUMBER(Body, count, 0, 1000, 7, OPTIONAL, ""),
    TIME(Body, at, OPTIONAL, ""), ID(Body, id, OPTIONAL, ""), BOOL(Body, sure, OPTIONAL, ""),
    LIST(Body, parts, &part_shape, 0, 10, OPTIONAL, ""), RAW(Body, more, OPTIONAL, ""));

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Arena mem = { 0 };
    Ctx cx = ctx_new(&mem, TENANT_DEFAULT);
    Str text = { (const char *)data, (isize)size }, why = { 0 };
    Body body, again;
    const Json *j = json_read(&mem, text, &why);

    if (j != NULL) {
        Buf b = buf_in(&mem, 256);
        json_write_sorted(&b, j);
        must(json_read(&mem, buf_str(&b), &why) != NULL);
    }
    if (shape_read(&cx, &body_shape, text, &body)) {
        Buf b = buf_in(&mem, 256);
        shape_write(&b, &body_shape, &body);
        must(shape_read(&cx, &body_shape, buf_str(&b), &again));
    } else {
        must(cx.fault.code == BAD_JSON || cx.fault.code == VALIDATION_ERROR);
    }
    arena_close(&mem);
    return 0;
}
