/* reload.h - SIGHUP: the settings are read again, and what can change while a server runs
 * is changed.
 * Needs: app.  Used by: serve. */
#pragma once
#include "cli/app.h"

/* Reads everything from where it came from, servers of secrets too, and the files that
 * settings name. With a mistake in any of it nothing changes, and the log says which. The
 * log names each setting that is another now, and those that must wait for the next
 * start. */
void reload(App *app, const Args *a);

/* Whether it takes that setting: what config.def calls LIVE. */
bool reload_takes(const char *name);
