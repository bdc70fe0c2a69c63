/* control.h - a condition that keeps a race from being lost.
 *
 * `make CONTROL=1` builds the program without any of them, into build-control/, and the
 * race tests must then fail: a test that passes there proves nothing
 * (docs/why/race-controls.md). Needs: nothing.  Used by: sql.h, kv, whoever decides a
 * race. */
#pragma once

#ifdef CONTROL
#define GUARD_SQL(text) ""
#define GUARDED(condition) ((void)(condition), false)
#else
#define GUARD_SQL(text) text
#define GUARDED(condition) (condition)
#endif
