/* metrics.h - what the server counts, for a Prometheus to fetch.
 *
 * The figures span tenants and tell when limits let through, so they are for operators
 * alone: a super-admin, or the token in METRICS_TOKEN_FILE.
 * Needs: base, identity (guard), net.  Used by: routes, cli. */
#pragma once
#include "net/req.h"

/* Reads the operator's token; an empty path: there is none. Opens the counting too.
 *   fails   with *why: not there, readable by others, or too short */
CHECKED bool metrics_open(Arena *mem, Str token_file, Str *why);

/* Reads the token, for guard_operator; absent when there is no file.
 *   fails   with *why */
CHECKED bool metrics_token(Arena *mem, Str token_file, Str *token, Str *why);

Handler metrics_show;            /* GET /metrics                             */
