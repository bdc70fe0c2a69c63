/* embedded.c - the kv in this process: 16 shards, each behind its own lock. The hash is
 * keyed with chance, so nobody outside can aim at one bucket.
 *
 * What is there at the end is written to a snapshot, which is removed as soon as it has
 * been read: after a crash an old one would give back tokens that were taken since. */
#include "kv/engine.h"
#include "kv/shard.h"
#include "kv/snapshot.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/rand.h"
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 16, BYTES_MOST = 64 << 20 };

static Shard shards[SHARDS];
static u64 hash_key[2];
static char *snapshot_path;

/* A keyed multiply-and-fold over 8 bytes at a time. */
static u64 hash_of(Str key)
{
    u64 h = hash_key[0] ^ (u64)key.len;

    for (isize i = 0; i < key.len; i += 8) {
        u64 word = 0;
        memcpy(&word, key.at + i, (size_t)(key.len - i < 8 ? key.len - i : 8));
        unsigned __int128 wide = (unsigned __int128)(h ^ word) * (hash_key[1] | 1);
        h = (u64)wide ^ (u64)(wide >> 64) ^ (h << 7);
    }
    return h ^ (h >> 29);
}

static Shard *shard_of(u64 hash) { return &shards[hash >> 60]; }

/* ---- start and end -------------------------------------------------------- */

static void take_in(Str key, const SnapshotEntry *in, Instant now)
{
    u64 hash = hash_of(key);
    Entry *e = shard_add(shard_of(hash), hash, key, in->counter, in->value, in->expires,
                         now);

    if (e != NULL)
        e->count = in->count;
}

static bool start(Arena *mem, const KvConfig *config, Str *why)
{
    (void)mem, (void)why;
    Str rest = config->url;
    str_cut(&rest, ':');
    i64 most = config->bytes_most > 0 ? config->bytes_most : BYTES_MOST;

    rand_bytes(hash_key, sizeof hash_key);
    for (int i = 0; i < SHARDS; i++)
        shard_open(&shards[i], most / SHARDS);
    snapshot_path = rest.len > 0 ? strndup(rest.at, (size_t)rest.len) : NULL;
    if (snapshot_path != NULL)
        snapshot_read(snapshot_path, time_now(), take_in);
    metric_set(METRIC_KV_UP, 1);
    return true;
}

static void end(void)
{
    if (snapshot_path != NULL && !snapshot_write(snapshot_path, shards, SHARDS))
        log_warn("kv snapshot not written", L("file", snapshot_path));
    for (int i = 0; i < SHARDS; i++)
        shard_close(&shards[i]);
    free(snapshot_path);
    snapshot_path = NULL;
}

/* ---- the port ------------------------------------------------------------- */

static bool too_large(Ctx *cx, Str key)
{
    return fail(cx, INTERNAL_ERROR, "kv entry too large: %.*s",
                STR_ARGS(str_sub(key, 0, 60)));
}

static bool count(Ctx *cx, Str key, Span window, i64 most, i64 *n, Instant *reset)
{
    u64 hash = hash_of(key);
    Shard *s = shard_of(hash);

    lock(&s->lock);
    Entry *e = shard_find(s, hash, key, true, cx->now);
    if (e == NULL)
        e = shard_add(s, hash, key, true, S(""), later(cx->now, window), cx->now);
    if (e != NULL) {
        *n = e->count < most ? ++e->count : most + 1;
        *reset = e->expires;
    }
    unlock(&s->lock);
    return e != NULL || too_large(cx, key);
}

static bool counted(Ctx *cx, Str key, i64 *n)
{
    u64 hash = hash_of(key);
    Shard *s = shard_of(hash);

    lock(&s->lock);
    const Entry *e = shard_find(s, hash, key, true, cx->now);
    *n = e == NULL ? 0 : e->count;
    unlock(&s->lock);
    return true;
}

static bool uncount(Ctx *cx, Str key)
{
    u64 hash = hash_of(key);
    Shard *s = shard_of(hash);

    lock(&s->lock);
    Entry *e = shard_find(s, hash, key, true, cx->now);
    if (e != NULL && e->count > 0)
        e->count--;
    unlock(&s->lock);
    return true;
}

typedef enum Over { REPLACE, KEEP } Over;

static bool keep(Ctx *cx, Str key, Str value, Span ttl, Over over, bool *made)
{
    u64 hash = hash_of(key);
    Shard *s = shard_of(hash);
    bool fits = true;

    lock(&s->lock);
    Entry *e = shard_find(s, hash, key, false, cx->now);
    *made = e == NULL || over == REPLACE;
    if (e != NULL && *made)
        shard_drop(s, e);
    if (*made)
        fits = shard_add(s, hash, key, false, value, later(cx->now, ttl),
                         cx->now) != NULL;
    unlock(&s->lock);
    return fits || too_large(cx, key);
}

static bool put(Ctx *cx, Str key, Str value, Span ttl)
{
    bool made;
    return keep(cx, key, value, ttl, REPLACE, &made);
}

static bool put_new(Ctx *cx, Str key, Str value, Span ttl, bool *made)
{
    return keep(cx, key, value, ttl, KEEP, made);
}

static bool look(Ctx *cx, Str key, bool taking, Str *value, bool *found)
{
    u64 hash = hash_of(key);
    Shard *s = shard_of(hash);

    lock(&s->lock);
    Entry *e = shard_find(s, hash, key, false, cx->now);
    *found = e != NULL;
    if (e != NULL)
        *value = str_copy(cx->mem, entry_value(e));
    if (e != NULL && taking)
        shard_drop(s, e);
    unlock(&s->lock);
    return true;
}

static bool get(Ctx *cx, Str key, Str *value, bool *found)
{
    return look(cx, key, false, value, found);
}

static bool take(Ctx *cx, Str key, Str *value, bool *found)
{
    return look(cx, key, true, value, found);
}

static bool drop(Ctx *cx, Str key)
{
    u64 hash = hash_of(key);
    Shard *s = shard_of(hash);

    lock(&s->lock);
    for (int counter = 0; counter < 2; counter++) {
        Entry *e = shard_find(s, hash, key, counter == 1, cx->now);
        if (e != NULL)
            shard_drop(s, e);
    }
    unlock(&s->lock);
    return true;
}

const KvEngine kv_embedded = {
    .schemes = "embedded:", .open = start, .close = end, .count = count,
    .counted = counted, .uncount = uncount, .put = put, .put_new = put_new, .get = get,
    .take = take, .drop = drop, };
