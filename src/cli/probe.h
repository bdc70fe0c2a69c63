/* probe.h - doctor's instruments: a database, a port, a running server.
 * Needs: store.  Used by: doctor. */
#pragma once
#include "store/store.h"

typedef enum Probe { PROBE_GOOD, PROBE_ABSENT, PROBE_BAD } Probe;

/* Schema, statements, rights and integrity, read only; *detail says what was found and
 * never the url, which may hold a password. */
Probe probe_store(Arena *mem, const StoreConfig *config, Str *detail);

/* True when the port can be had here; *why when not. */
bool probe_port(Arena *mem, Str host, int port, Str *why);

/* The status of GET /health/ready at http://HOST:PORT; 0 when nothing answers. */
int probe_ready(Arena *mem, Str url, int within_ms);
