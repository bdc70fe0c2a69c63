/* role.h - the names of the tenant roles, each holding what the one before may do.
 *
 * Tokens, rows, the CLI and the API say them by these words.
 * Needs: base.  Used by: jwt, person, cli. */
#pragma once
#include "base/ctx.h"
#include "base/shape.h"

extern const Names role_names;                    /* in the order of Role     */

/* The role of that name, ANYONE when it is none that a person can have. */
Role role_find(Str name);

static inline bool role_covers(Role has, Role needs) { return has >= needs; }
