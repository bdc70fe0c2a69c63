/* cursor.h - the place in a list where the next page begins.
 *
 * A page goes on after the last row that was seen, not after so many rows, so a
 * list that changes meanwhile repeats nothing and skips nothing.
 * Needs: base.  Used by: lists of events, tickets. */
#pragma once
#include "base/ctx.h"

typedef struct Cursor { i64 at; Uuid id; } Cursor;    /* the last row's sort key and id */

/* Opaque text for clients; good as long as `mem`. */
Str cursor_write(Arena *mem, Cursor c);

/* Gives `start` when the text is absent. Fails INVALID_CURSOR. */
CHECKED bool cursor_read(Ctx *cx, Str s, Cursor start, Cursor *out);
