/* shard.c - an entry knows its place in the heap, so it leaves in log n wherever it
 * stands. Expired entries are dropped a few with each addition: no sweep, no pause. */
#include "kv/shard.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 64, DROPPED_AT_ONCE = 8 };

static i64 cost(const Entry *e)
{
    return (i64)sizeof *e + e->key_len + e->value_len + 3 * (i64)sizeof(void *);
}

void shard_open(Shard *s, i64 bytes_most)
{
    *s = (Shard){ .bucket_count = FIRST_BUCKETS, .bytes_most = bytes_most };
    lock_init(&s->lock, RANK_KV);
    s->buckets = calloc(FIRST_BUCKETS, sizeof *s->buckets);
    must(s->buckets != NULL);
}

void shard_close(Shard *s)
{
    for (isize i = 0; i < s->count; i++)
        free(s->heap[i]);
    free(s->heap);
    free(s->buckets);
    lock_close(&s->lock);
}

/* ---- the heap ------------------------------------------------------------- */

static void place(Shard *s, Entry *e, isize i)
{
    s->heap[i] = e;
    e->place = i;
}

static void sift_up(Shard *s, isize i)
{
    Entry *e = s->heap[i];

    for (isize up; i > 0 && before(e->expires, s->heap[up = (i - 1) / 2]->expires);
         i = up)
        place(s, s->heap[up], i);
    place(s, e, i);
}

static void sift_down(Shard *s, isize i)
{
    Entry *e = s->heap[i];

    for (isize kid; (kid = 2 * i + 1) < s->count; i = kid) {
        if (kid + 1 < s->count &&
            before(s->heap[kid + 1]->expires, s->heap[kid]->expires))
            kid++;
        if (!before(s->heap[kid]->expires, e->expires))
            break;
        place(s, s->heap[kid], i);
    }
    place(s, e, i);
}

static void heap_add(Shard *s, Entry *e)
{
    if (s->count == s->heap_cap) {
        s->heap_cap = s->heap_cap == 0 ? FIRST_BUCKETS : 2 * s->heap_cap;
        s->heap = realloc(s->heap, (size_t)s->heap_cap * sizeof *s->heap);
        must(s->heap != NULL);
    }
    place(s, e, s->count++);
    sift_up(s, e->place);
}

static void heap_remove(Shard *s, Entry *e)
{
    isize i = e->place;
    Entry *last = s->heap[--s->count];

    if (last == e)
        return;
    place(s, last, i);
    sift_up(s, i);
    sift_down(s, last->place);
}

/* ---- the table ------------------------------------------------------------ */

static Entry **bucket(Shard *s, u64 hash)
{
    return &s->buckets[hash & (u64)(s->bucket_count - 1)];
}

static void grow(Shard *s)
{
    free(s->buckets);
    s->bucket_count *= 2;
    s->buckets = calloc((size_t)s->bucket_count, sizeof *s->buckets);
    must(s->buckets != NULL);
    for (isize i = 0; i < s->count; i++) {
        Entry **to = bucket(s, s->heap[i]->hash);
        s->heap[i]->next = *to;
        *to = s->heap[i];
    }
}

Entry *shard_find(Shard *s, u64 hash, Str key, bool counter, Instant now)
{
    Entry *e = *bucket(s, hash);

    while (e != NULL &&
           (e->hash != hash || e->counter != counter || !str_is(entry_key(e), key)))
        e = e->next;
    if (e == NULL || before(now, e->expires))
        return e;
    shard_drop(s, e);
    return NULL;
}

void shard_drop(Shard *s, Entry *e)
{
    Entry **at = bucket(s, e->hash);

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    heap_remove(s, e);
    s->bytes -= cost(e);
    free(e);
}

static void make_room(Shard *s, i64 need, Instant now)
{
    for (int i = 0; s->count > 0; i++) {
        bool expired = i < DROPPED_AT_ONCE && !before(now, s->heap[0]->expires);
        if (!expired && s->bytes + need <= s->bytes_most)
            return;
        shard_drop(s, s->heap[0]);
    }
}

Entry *shard_add(Shard *s, u64 hash, Str key, bool counter, Str value, Instant expires,
                 Instant now)
{
    Entry *e = malloc(sizeof *e + (size_t)(key.len + value.len));

    must(e != NULL && key.len < INT32_MAX && value.len < INT32_MAX);
    *e = (Entry){ .hash = hash, .expires = expires, .counter = counter,
                  .key_len = (i32)key.len, .value_len = (i32)value.len };
    if (cost(e) > s->bytes_most) {
        free(e);
        return NULL;
    }
    memcpy(e->bytes, key.at, (size_t)key.len);
    if (value.len > 0)
        memcpy(e->bytes + key.len, value.at, (size_t)value.len);
    make_room(s, cost(e), now);
    if (s->count >= s->bucket_count)
        grow(s);
    e->next = *bucket(s, hash);
    *bucket(s, hash) = e;
    heap_add(s, e);
    s->bytes += cost(e);
    return e;
}
