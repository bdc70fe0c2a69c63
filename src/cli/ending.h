/* ending.h - an orderly end: one thing after the other, the most important first, each
 * with a deadline of its own.
 * Needs: app.  Used by: serve. */
#pragma once
#include "cli/app.h"

typedef struct Stage {
    const char *name;
    Span      (*within)(const void *arg);         /* then the process ends as it is */
    bool      (*run)(void *arg);                  /* false: something was cut off  */
} Stage;

/* Runs the stages and logs how long each took. When one takes longer than it may, that is
 * logged and the process ends at once with code 1: what was acknowledged is on disk, and
 * whoever waits for us has waited long enough. True when nothing was cut off. */
bool stages_run(const Stage *stages, isize count, void *arg);

/* Ends a server: says so where load balancers look, stops accepting, tells streams to
 * come again elsewhere, answers what is in flight, lets the jobs finish and hands their
 * lease on, lets the letter in hand go, tells what the outbox still holds and gives up
 * its lease, then closes threads, engines and traces, the store last but for these. */
bool ending_run(App *app, Server *server);
