/* vectors.h - published test vectors, as the files that their authors made.
 *
 * Those that no checkout should lack are in tests/vectors; the others lie beside the
 * project, in ../shared/vectors or where VECTORS says. A file that is in neither is
 * skipped, and says so. */
#pragma once
#include "base/json.h"
#include "unit/test.h"
#include <stdio.h>
#include <stdlib.h>

enum { VECTORS_MOST = 1 << 20 };

static inline FILE *vectors_open(const char *name)
{
    const char *beside = getenv("VECTORS");
    FILE *f = fopen(str_z(mem, str_fmt(mem, "tests/vectors/%s", name)), "r");

    if (f == NULL)
        f = fopen(str_z(mem, str_fmt(mem, "%s/%s", beside != NULL ? beside : "../shared/vectors",
                                     name)), "r");
    if (f == NULL)
        printf("skip: %s is not here (VECTORS=DIR)\n", name);
    return f;
}

static inline Str vectors_text(const char *name)  /* absent: not here         */
{
    FILE *f = vectors_open(name);
    char *text = make(mem, char, VECTORS_MOST);

    if (f == NULL)
        return (Str){ 0 };
    Str s = { text, (isize)fread(text, 1, VECTORS_MOST, f) };
    fclose(f);
    must(s.len < VECTORS_MOST);
    return s;
}

/* The whole file; NULL when it is not here. */
static inline const Json *vectors_all(const char *name)
{
    Str text = vectors_text(name), why = { 0 };
    const Json *j = text.at == NULL ? NULL : json_read(mem, text, &why);

    must(text.at == NULL || j != NULL);
    return j;
}

/* The member of that name; NULL when the file is not here. */
static inline const Json *vectors(const char *name, const char *member)
{
    const Json *j = vectors_all(name);
    return j == NULL ? NULL : json_member(j, member);
}

static inline Str bytes_of_hex(Str hex)
{
    u8 *to = make(mem, u8, hex.len / 2 + 1);

    must(hex_read(hex, to, hex.len / 2));
    return (Str){ (const char *)to, hex.len / 2 };
}

static inline Str get(const Json *j, const char *name)    /* absent: no such text */
{
    Str s = { 0 };
    return json_get_str(j, name, &s) ? s : (Str){ 0 };
}

static inline Str bytes_of(const Json *j, const char *name) { return bytes_of_hex(get(j, name)); }
