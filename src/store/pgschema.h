/* pgschema.h - the schema of PostgreSQL: its version, its steps, who may do what.
 * Needs: pgpipe.  Used by: postgres.c. */
#pragma once
#include "store/pgpipe.h"

/* What stands around each step (engine.h). */
extern const char pgschema_step_begin[], pgschema_step_end[];

/* Runs a script; false with *why. */
CHECKED bool pgschema_script(Pipe *p, const char *text, const char **why);

/* The version of the schema, 0: there is none, and the oldest program that bears it. */
CHECKED bool pgschema_version(Pipe *p, i64 *version, i64 *oldest);

/* Lets the role that `server_url` signs in as read and write every row that the wall lets
 * it see, and nothing else. */
CHECKED bool pgschema_grant(Arena *mem, Pipe *p, Str server_url, const char **why);
