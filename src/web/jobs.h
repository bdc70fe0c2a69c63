/* jobs.h - what happens as time passes, each thing on its own beat.
 *
 * One thread, one table; of many nodes one is the clock (store/lease.h) and does what is
 * everybody's, each does what is its own. A job is a unit of work with a Ctx of its own;
 * it never overlaps itself, its fault is logged and it is tried again on its next beat.
 * Needs: ctx, lock, lease.  Used by: cli (serve), pages (the test clock). */
#pragma once
#include "base/ctx.h"

typedef enum JobOf { OF_ALL, OF_THIS_NODE } JobOf;       /* whose work it is */
typedef struct Job { const char *name; Span every; bool (*run)(Ctx *cx); JobOf of; } Job;

/* Starts the clock thread; the table must stay until jobs_stop. */
void jobs_start(const Job *jobs, isize count);
void jobs_stop(void);

/* Runs every job that is ours once more, in the table's order, and comes back when that
 * is done: after the test clock moved, what is due has happened. At once when no clock
 *   runs.
 *   thread  any but the clock's own */
void jobs_run_all(void);

/* Whether this node does the jobs of all, as of the last pass. */
bool jobs_are_ours(void);
