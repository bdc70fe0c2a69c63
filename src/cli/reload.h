/* reload.h - SIGHUP: the settings are read again, and what can change while a server runs
 * is changed.
 * Needs: app.  Used by: serve. */
#pragma once
#include "cli/app.h"

/* Reads everything from where it came from, servers of secrets too. With a mistake in it
 * nothing changes. The log names each setting that is another now, and those that must
 * wait for the next start. */
void reload(App *app, const Args *a);
