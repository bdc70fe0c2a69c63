/* routes.h - the product's table of contents.
 *
 * One row is one thing that can be asked over HTTP. The server, `tickettoken routes`,
 * OpenAPI and the tests all read it.
 * Needs: everything.  Used by: serve, openapi, cli. */
#pragma once
#include "net/route.h"

/* The rows that are served; those marked TESTONLY only with the test clock.
 *   gives   an array in mem */
const Route *routes_table(Arena *mem, bool test_clock, isize *count);

/* "open", "signed in" ...: who may, for people. */
Str route_access_str(const Route *r);

/* "events:write": with which scope a machine may; empty when none may. */
Str route_scope_str(Arena *mem, const Route *r);
