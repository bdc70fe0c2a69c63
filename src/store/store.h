/* store.h - transactions as functions, and write lanes.
 *
 *   CHECKED bool read_tx (cx, fn, arg)          a steady view, nothing written
 *   CHECKED bool write_tx(cx, lane, fn, arg)    durable when true
 *
 * `fn` touches only `arg` and the database: it may be run again. No mail, payment
 * or publish inside; write an outbox row (outbox.h).
 *
 * A lane is one writer thread that takes all the functions queued for it, runs
 * them one after another in one database transaction, a savepoint each, commits
 * once and wakes them all. One buyer's refusal undoes only that buyer; a thousand
 * buyers share one fsync.
 * Needs: sql.  Used by: every noun. */
#pragma once
#include "store/sql.h"

typedef bool TxFn(Ctx *cx, void *arg);
typedef struct { u32 v; } Lane;

/* Work on one key (an event) is done one after the other, on whichever node it is, so it
 * never fights itself. */
Lane lane_of(Uuid key);

CHECKED bool read_tx(Ctx *cx, TxFn *fn, void *arg);
CHECKED bool write_tx(Ctx *cx, Lane lane, TxFn *fn, void *arg);

/* One of those who stand together in a lane. */
typedef struct Seat { Ctx *cx; void *arg; bool good; } Seat;

/* Does the work of `n` at once: sets good of each, and the fault of who is refused, who
 * must have written nothing. cx has their common tenant and a memory that ends with the
 * batch. False when the store failed; then it may be run again, for all or one by one. */
typedef bool ManyFn(Ctx *cx, Seat *seats, isize n);

/* As write_tx; those of one tenant who stand one behind the other with the same fn are
 * given to it together. */
CHECKED bool write_many(Ctx *cx, Lane lane, ManyFn *fn, void *arg);

typedef struct StoreConfig {
    Str  url;                                     /* sqlite:/path/file.db,
                                                     postgresql://.. */
    Str  owner_url;                               /* who may change the schema; absent: nobody
                                                     here, or where there are no roles */
    int  readers;                                 /* connections for reading, at most */
    int  lanes;                                   /* connections for writing, at most */
    int  batch_most;                              /* functions in one commit  */
    int  attempts;                                /* to connect at the start; 0: one */
    bool strict;                                  /* production: only verified TLS */
} StoreConfig;

/* Opens the one store of this process and starts its lanes. False with *why. The
 * schema must be up to date (store_migrate) and every SQL() good. */
CHECKED bool store_open(Arena *mem, const StoreConfig *config, Str *why);
void store_close(void);

/* Connections that are opened from now on use `url`: another password or role of the same
 * database. Those that are open stay. */
void store_login(Str url);
/* What the database calls itself, such as "postgresql 15.8". */
CHECKED bool store_version(Ctx *cx, Str *out);

CHECKED bool store_ready(Ctx *cx);                /* answers a trivial query  */

/* Brings the schema to this program's version, one transaction per step, forward
 * only; of many nodes that start at once one does it. *from and *to are versions; *to is
 * the newer one of a program that can work beside this. Refused: a schema too new for
 * this program, and one too old when we don't own it. */
CHECKED bool store_migrate(Arena *mem, const StoreConfig *config, i64 *from, i64 *to,
                           Str *why);

/* Which schema the database has; changes nothing. False with *why when this program
 * can't work on it as it is, too old or too new. */
CHECKED bool store_look(Arena *mem, const StoreConfig *config, i64 *version, Str *why);

/* What the database finds wrong with itself (SQLite: integrity_check; a server looks
 * after itself: none). */
CHECKED bool store_damage(Ctx *cx, i64 *faults);

/* True when other nodes may work on the same store. */
bool store_shared(void);

/* Closes reading connections that nobody has used for a while. A clock job. */
void store_tidy(void);

typedef struct StoreCounts {
    i64 commits, writes, refused, batch_largest, waiting, readers_open, readers_idle;
} StoreCounts;
StoreCounts store_counts(void);

/* Called after each commit that wrote outbox rows (the relay wants to know). */
void store_on_outbox(void (*wake)(void));
