/* snapshot.h - the embedded kv on disk between two runs.
 *
 * One file, mode 0600, with a digest at its end. What can't be read is left out: the
 * kv holds only what may be lost.
 * Needs: shard.  Used by: embedded.c. */
#pragma once
#include "kv/shard.h"

typedef struct SnapshotEntry {
    Instant expires;
    i64 count;
    bool counter;
    Str value;
} SnapshotEntry;

/* Gives every entry that has not expired to `take_in`, and removes the file. */
void snapshot_read(const char *path, Instant now,
                   void (*take_in)(Str key, const SnapshotEntry *entry, Instant now));

/* Writes aside and renames, so there is a whole file or none. */
CHECKED bool snapshot_write(const char *path, const Shard *shards, int count);
