/* keyfile.h - the folder in which the signing keys are kept.
 *
 * index.json says which keys there are and in which state; KID.pem holds each. A file
 * is written aside and renamed, so it is whole or not there.
 * Needs: key.  Used by: key.c. */
#pragma once
#include "identity/key.h"

/* Tells one version of the index from another. */
typedef struct Stamp { i64 inode, size, seconds, nanos; } Stamp;
Stamp keyfile_stamp(const char *dir);
static inline bool stamp_is(const Stamp *a, const Stamp *b)
{
    return a->inode == b->inode && a->size == b->size && a->seconds == b->seconds &&
           a->nanos == b->nanos;
}

/* Takes the folder's lock, making the folder first if it isn't there; waits for other
 * processes. -1 with *why. */
int  keyfile_lock(const char *dir, Str *why);
void keyfile_unlock(int held);

/* The index, no rows when there is none yet. Texts in mem. */
CHECKED bool keyfile_read_index(Arena *mem, const char *dir, KeyRow *rows, isize *count,
                                Stamp *stamp, Str *why);
CHECKED bool keyfile_write_index(const char *dir, const KeyRow *rows, isize count,
                                 Stamp *stamp, Str *why);

/* NULL: *why */
JwsKey *keyfile_read(Arena *mem, const char *dir, const KeyRow *row, Str *why);
/* if not there */
CHECKED bool keyfile_write(const char *dir, const JwsKey *k, Str *why);
void keyfile_remove(const char *dir, Str kid);
