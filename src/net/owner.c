/* owner.c - an evicted stream hangs in a list of its io thread until that thread
 * takes it. Both lists are changed under one lock and only the io thread frees a
 * stream, so nothing here points at one that is gone. */
#include "net/owner.h"
#include <stdlib.h>

typedef struct Owner {
    struct Owner *next;
    Topic         key;
    i64           count;
    Owned        *oldest, *newest;
} Owner;

void owners_open(Owners *os, int io_count)
{
    *os = (Owners){ 0 };
    lock_init(&os->lock, RANK_SERVER);
    os->evicted = calloc((size_t)io_count, sizeof *os->evicted);
    must(os->evicted != NULL);
}

void owners_close(Owners *os)
{
    for (int i = 0; i < OWNER_BUCKETS; i++)
        must(os->buckets[i] == NULL);
    free(os->evicted);
    lock_close(&os->lock);
}

static void append(Owner *to, Owned *o)
{
    o->owner = to;
    o->newer = NULL;
    o->older = to->newest;
    if (to->newest != NULL)
        to->newest->newer = o;
    else
        to->oldest = o;
    to->newest = o;
    to->count++;
}

static void take_out(Owned *o)
{
    Owner *from = o->owner;

    if (o->older != NULL)
        o->older->newer = o->newer;
    else
        from->oldest = o->newer;
    if (o->newer != NULL)
        o->newer->older = o->older;
    else
        from->newest = o->older;
    from->count--;
    o->owner = NULL;
}

static Owner **place(Owners *os, Topic key)
{
    Owner **at = &os->buckets[key.v % OWNER_BUCKETS];

    while (*at != NULL && (*at)->key.v != key.v)
        at = &(*at)->next;
    return at;
}

static Owner *owner_for(Owners *os, Topic key)
{
    Owner **at = place(os, key);

    if (*at == NULL) {
        must((*at = calloc(1, sizeof **at)) != NULL);
        (*at)->key = key;
    }
    return *at;
}

int owners_join(Owners *os, Owned *o, Topic key, i64 most, int io)
{
    int ring = -1;

    lock(&os->lock);
    Owner *owner = owner_for(os, key);
    o->io = io;
    append(owner, o);
    if (owner->count > most) {
        Owned *oldest = owner->oldest;
        ring = oldest->io;
        take_out(oldest);
        append(&os->evicted[ring], oldest);
    }
    unlock(&os->lock);
    return ring;
}

static bool is_evicted(const Owners *os, const Owned *o)
{
    return o->owner == &os->evicted[o->io];
}

void owners_leave(Owners *os, Owned *o)
{
    lock(&os->lock);
    Owner *owner = o->owner;
    if (owner != NULL) {
        bool listed = !is_evicted(os, o);
        take_out(o);
        if (listed && owner->count == 0) {
            *place(os, owner->key) = owner->next;
            free(owner);
        }
    }
    unlock(&os->lock);
}

Owned *owners_evicted(Owners *os, int io)
{
    lock(&os->lock);
    Owned *o = os->evicted[io].oldest;
    if (o != NULL)
        take_out(o);
    unlock(&os->lock);
    return o;
}
