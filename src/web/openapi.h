/* openapi.h - the OpenAPI 3.1 document, made of the table of routes and the shapes.
 * Needs: routes, problem.  Used by: pages (/openapi.json), cli (openapi). */
#pragma once
#include "net/req.h"

/* Appends the document; `server` is where the API lives, "/" for the same place. */
void openapi_write(Arena *mem, Buf *b, const Route *routes, isize count, Str server);

/* GET /openapi.json */
Handler openapi_show;
