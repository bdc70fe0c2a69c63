/* arena.h - memory that dies with its unit of work.
 *
 * An arena hands out zeroed memory and takes it all back at once. Request code
 * never frees. A ceiling guards the process: past the soft one the arena says
 * so (arena_over) and the unit of work is failed at the next port; past the
 * hard one the process stops, because something loops.
 * Needs: nothing.  Used by: everything. */
#pragma once
#include "base/types.h"

enum { ARENA_SOFT = 16 << 20, ARENA_HARD = 256 << 20 };

typedef struct ArenaBlock ArenaBlock;
typedef struct Arena {
    char       *at, *end;                /* what is left of the newest block */
    ArenaBlock *newest;
    isize       taken;                   /* bytes of all blocks              */
} Arena;

/* Typed, zeroed, never NULL; good until arena_reset. */
#define make(arena, T, n) \
    ((T *)arena_take((arena), (isize)sizeof(T), (isize)_Alignof(T), (n)))
void *arena_take(Arena *a, isize size, isize align, isize count);

/* Takes everything back but keeps one block of `keep` bytes for the next work. */
void arena_reset(Arena *a, isize keep);

/* Gives all memory back to the system; the arena may be used again. */
void arena_close(Arena *a);

/* The same, once all that stood in it is overwritten: for memory that held secrets. */
void arena_wipe(Arena *a);

static inline bool arena_over(const Arena *a) { return a->taken > ARENA_SOFT; }
