/* vectors.h - published cases of tests/vectors, read. */
#pragma once
#include "base/json.h"
#include "unit/test.h"
#include <stdio.h>

static inline const Json *vectors(const char *name)
{
    enum { MOST = 1 << 20 };
    FILE *f = fopen(str_z(mem, str_fmt(mem, "tests/vectors/%s", name)), "r");
    char *text = make(mem, char, MOST);
    Str why = { 0 };

    must(f != NULL);
    Str s = { text, (isize)fread(text, 1, MOST, f) };
    fclose(f);
    const Json *j = json_read(mem, s, &why);
    must(j != NULL);
    return j;
}

static inline Str text_of(const Json *j, const char *name)
{
    Str s = { 0 };
    return j != NULL && json_get_str(j, name, &s) ? s : (Str){ 0 };
}

static inline Str unhex(Str hex)
{
    u8 *b = make(mem, u8, hex.len / 2 + 1);
    must(hex_read(hex, b, hex.len / 2));
    return (Str){ (const char *)b, hex.len / 2 };
}

static inline Str bytes_of(const Json *j, const char *name) { return unhex(text_of(j, name)); }
