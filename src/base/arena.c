/* arena.c - a chain of blocks, newest first, each twice the one before. The first
 * block survives a reset, so a worker's steady state never calls malloc. */
#include "base/arena.h"
#include <stdlib.h>
#include <string.h>

struct ArenaBlock {
    ArenaBlock *older;
    isize       size;                    /* bytes of room                    */
    _Alignas(16) char room[];
};

enum { FIRST = 16 << 10, LARGEST = 4 << 20 };

static void add_block(Arena *a, isize need)
{
    isize size = a->newest == NULL ? FIRST : a->newest->size * 2;

    if (size > LARGEST)
        size = LARGEST;
    if (size < need)
        size = need;
    must(a->taken + size <= ARENA_HARD);
    ArenaBlock *b = malloc(sizeof *b + (size_t)size);
    must(b != NULL);
    b->older = a->newest;
    b->size = size;
    a->newest = b;
    a->taken += size;
    a->at = b->room;
    a->end = b->room + size;
}

void *arena_take(Arena *a, isize size, isize align, isize count)
{
    must(count >= 0 && (count == 0 || size <= ARENA_HARD / count));
    isize need = size * count;
    isize pad = (isize)(-(uintptr_t)a->at & (uintptr_t)(align - 1));

    if (a->at == NULL || a->end - a->at < need + pad) {
        add_block(a, need);
        pad = 0;
    }
    char *p = a->at + pad;
    a->at = p + need;
    return memset(p, 0, (size_t)need);
}

void arena_reset(Arena *a, isize keep)
{
    while (a->newest != NULL && (a->newest->older != NULL || a->newest->size > keep)) {
        ArenaBlock *b = a->newest;
        a->newest = b->older;
        a->taken -= b->size;
        free(b);
    }
    a->at = a->end = NULL;
    if (a->newest != NULL) {
        a->at = a->newest->room;
        a->end = a->at + a->newest->size;
    }
}

void arena_close(Arena *a)
{
    arena_reset(a, -1);
}

void arena_wipe(Arena *a)
{
    for (ArenaBlock *b = a->newest; b != NULL; b = b->older)
        explicit_bzero(b->room, (size_t)b->size);
    arena_close(a);
}
