/* running.h - the one server of a data directory, and where it is.
 * Needs: app.  Used by: serve, demo, doctor. */
#pragma once
#include "cli/app.h"

/* Holds DATA_DIR/server.lock until app_close. False with a sentence on stderr when
 * another server runs there. */
CHECKED bool running_claim(App *app);
void         running_tell_url(App *app, Str url);

/* The url of the server that runs there; absent when none does. */
Str running_find(Arena *mem, const Config *config);
