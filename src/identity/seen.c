/* seen.c - sets of four, like a processor's cache: a token has four places it may be in,
 * and takes that of the one which expires first. 256 Ki places, 36 MB when all are
 * used; calloc gives them untouched, so an idle server pays for none.
 *
 * A set has numbers of places, and places are taken one after the other: else each of the
 * first ten thousand tokens would lie on a page of memory of its own. */
#include "identity/seen.h"
#include "base/lock.h"
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 16, SETS = 4096, WAYS = 4 };

typedef struct Place { Digest token; u64 generation; Claims claims; } Place;
typedef struct Set { u16 at[WAYS]; } Set;         /* 0: free, else a place, from 1 */
typedef struct SeenShard { Lock lock; Set *sets; Place *places; int taken; } SeenShard;

static SeenShard shards[SHARDS];

void seen_open(void)
{
    for (int i = 0; i < SHARDS; i++) {
        lock_init(&shards[i].lock, RANK_KEYS);
        shards[i].taken = 0;
        shards[i].sets = calloc(SETS, sizeof(Set));
        shards[i].places = calloc(SETS * WAYS + 1, sizeof(Place));
        must(shards[i].sets != NULL && shards[i].places != NULL);
    }
}

void seen_close(void)
{
    for (int i = 0; i < SHARDS; i++) {
        if (shards[i].places != NULL)
            lock_close(&shards[i].lock);
        free(shards[i].sets);
        free(shards[i].places);
        shards[i].sets = NULL;
        shards[i].places = NULL;
    }
}

static SeenShard *shard_of(const Digest *d) { return &shards[d->b[0] % SHARDS]; }

static Set *set_of(const SeenShard *s, const Digest *d)
{
    return &s->sets[(d->b[1] << 8 | d->b[2]) % SETS];
}

bool seen_find(const Digest *token, u64 generation, Claims *out)
{
    SeenShard *s = shard_of(token);
    bool found = false;

    lock(&s->lock);
    const Set *set = set_of(s, token);
    for (int i = 0; i < WAYS && !found; i++) {
        const Place *p = &s->places[set->at[i]];
        found = p->generation == generation &&
                same_bytes(p->token.b, token->b, SHA256_BYTES);
        if (found)
            *out = p->claims;
    }
    unlock(&s->lock);
    return found;
}

/* Its own place, a free one, or that of the token in its set which expires first. */
static Place *place_for(SeenShard *s, const Digest *token)
{
    Set *set = set_of(s, token);
    Place *first = &s->places[set->at[0]];

    for (int i = 0; i < WAYS; i++) {
        if (set->at[i] == 0) {
            set->at[i] = (u16)++s->taken;
            return &s->places[set->at[i]];
        }
        Place *p = &s->places[set->at[i]];
        if (same_bytes(p->token.b, token->b, SHA256_BYTES))
            return p;
        if (before(p->claims.expires, first->claims.expires))
            first = p;
    }
    return first;
}

void seen_add(const Digest *token, u64 generation, const Claims *claims)
{
    SeenShard *s = shard_of(token);

    lock(&s->lock);
    *place_for(s, token) = (Place){ *token, generation, *claims };
    unlock(&s->lock);
}
