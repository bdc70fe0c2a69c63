/* pgconn.h - a connection to PostgreSQL as the settings ask for it.
 * Needs: engine.h.  Used by: pgpipe.c, postgres.c. */
#pragma once
#include "store/engine.h"

struct pg_conn;                                   /* libpq's PGconn           */

/* Connects; tries again as often as config->attempts says, 2 s x attempt apart.
 *   gives   the connection; *pooled: a pooler stands between, so that a session is only
 *           ours during a transaction. NULL with *why */
struct pg_conn *pgconn_open(Arena *mem, const StoreConfig *config, DbUse use,
                            bool *pooled, Str *why);

/* What a session is set to, as one statement for the transaction it runs in (pooled). */
extern const char pgconn_settings[];

/* The servers' connections use this url from now on, borrowed; NULL: that of their
 * config. */
void pgconn_login(const char *url);
