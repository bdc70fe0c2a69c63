/* revoked.c - one open table. Most of the time it is empty or small, and a look at the
 * count is all that a request pays. Ids are chance themselves (UUIDv7's tail), but an id
 * may come from a forged request only after its signature held. An id that has ended is
 * one below every epoch, so sessions, tokens and persons share the table. */
#include "identity/revoked.h"
#include "base/lock.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct Slot { Uuid id; Instant until; i64 least; } Slot;

static struct {
    Lock  lock;
    Slot *slots;
    isize room;                                   /* a power of two, or 0     */
    _Atomic isize count;
    _Atomic u64   changes;
} all = { .lock = LOCK_OF(RANK_KEYS) };

static Slot *slot_of(Slot *slots, isize room, Uuid id)
{
    u64 hash;

    memcpy(&hash, id.b + 8, sizeof hash);
    hash = (hash ^ hash >> 29) * 0x9E3779B97F4A7C15u;
    for (u64 i = hash >> 20;; i++) {
        Slot *s = &slots[i & (u64)(room - 1)];
        if (uuid_zero(s->id) || uuid_is(s->id, id))
            return s;
    }
}

/* Into a table of `room`, leaving out what has lapsed by `now`. */
static void rebuild(isize room, Instant now)
{
    Slot *to = calloc((size_t)room, sizeof *to);
    isize n = 0;

    must(to != NULL);
    for (isize i = 0; i < all.room; i++) {
        const Slot *s = &all.slots[i];
        if (uuid_zero(s->id) || before(s->until, now))
            continue;
        *slot_of(to, room, s->id) = *s;
        n++;
    }
    free(all.slots);
    all.slots = to;
    all.room = room;
    atomic_store(&all.count, n);
}

void revoked_below(Uuid id, i64 least, Instant until)
{
    lock(&all.lock);
    if (2 * (atomic_load(&all.count) + 1) > all.room)
        rebuild(all.room == 0 ? 64 : 2 * all.room, (Instant){ 0 });
    Slot *s = slot_of(all.slots, all.room, id);
    if (uuid_zero(s->id))
        atomic_fetch_add(&all.count, 1);
    s->id = id;
    if (s->least < least) {
        s->least = least;
        atomic_fetch_add(&all.changes, 1);
    }
    if (before(s->until, until))
        s->until = until;
    unlock(&all.lock);
}

void revoked_add(Uuid id, Instant until) { revoked_below(id, INT64_MAX, until); }

/* An empty slot is below nothing. */
static bool is_below(Uuid id, i64 epoch)
{
    return slot_of(all.slots, all.room, id)->least > epoch;
}

Revoked revoked_judge(Uuid tenant, Uuid session, Uuid token, Uuid person, i64 epoch)
{
    Revoked r = NOT_REVOKED;

    if (atomic_load(&all.count) == 0)
        return r;
    lock(&all.lock);
    if (all.room > 0)
        r = is_below(session, epoch) || is_below(token, epoch) || is_below(tenant, epoch)
          ? REVOKED
          : is_below(person, epoch) ? OF_AN_OLD_EPOCH : NOT_REVOKED;
    unlock(&all.lock);
    return r;
}

bool revoked_has(Uuid id)
{
    return revoked_judge(id, id, id, id, 0) == REVOKED;
}

void revoked_lift(Uuid id)
{
    lock(&all.lock);
    if (all.room > 0 && uuid_is(slot_of(all.slots, all.room, id)->id, id))
        slot_of(all.slots, all.room, id)->least = 0;
    unlock(&all.lock);
}

isize revoked_count(void) { return atomic_load(&all.count); }

u64 revoked_changes(void) { return atomic_load(&all.changes); }

void revoked_sweep(Instant now)
{
    lock(&all.lock);
    if (atomic_load(&all.count) > 0)
        rebuild(all.room, now);
    unlock(&all.lock);
}

void revoked_clear(void)
{
    lock(&all.lock);
    free(all.slots);
    all.slots = NULL;
    all.room = 0;
    atomic_store(&all.count, 0);
    unlock(&all.lock);
}
