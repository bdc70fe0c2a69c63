/* shard.h - one shard of the embedded kv: a table by key and a heap by expiry.
 *
 * Bounded: what expires first goes first, whether its time has come or the room is
 * needed. Knows no lock and no file; embedded.c has those.
 * Needs: base.  Used by: embedded.c. */
#pragma once
#include "base/lock.h"
#include "base/str.h"
#include "base/time.h"

typedef struct Entry {
    struct Entry *next;                  /* in its bucket                    */
    u64     hash;
    Instant expires;
    i64     count;                       /* of a counter                     */
    isize   place;                       /* in the heap                      */
    i32     key_len, value_len;
    bool    counter;                     /* a counter and a value may share a key */
    char    bytes[];                     /* key, then value                  */
} Entry;

typedef struct Shard {
    Lock    lock;
    Entry **buckets;
    isize   bucket_count;                /* a power of two                   */
    Entry **heap;                        /* heap[0] expires first            */
    isize   count, heap_cap;
    i64     bytes, bytes_most;
} Shard;

void   shard_open(Shard *s, i64 bytes_most);
void   shard_close(Shard *s);

/* The entry of that key which has not expired, or NULL. */
Entry *shard_find(Shard *s, u64 hash, Str key, bool counter, Instant now);

/* Puts a new entry in; the key must not be there. NULL when it alone would be too
 * large for the shard. Drops what has expired, then what expires first, for room. */
Entry *shard_add(Shard *s, u64 hash, Str key, bool counter, Str value, Instant expires,
                 Instant now);
void   shard_drop(Shard *s, Entry *e);

static inline Str entry_key(const Entry *e)   { return (Str){ e->bytes, e->key_len }; }

static inline Str entry_value(const Entry *e)
{
    return (Str){ e->bytes + e->key_len, e->value_len };
}
