/* seen.c - sets of four, like a processor's cache: a token has four places it may be in,
 * and takes that of the one which expires first. 256 Ki places, 36 MB when all are
 * used; calloc gives them untouched, so an idle server pays for none. */
#include "identity/seen.h"
#include "base/lock.h"
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 16, SETS = 4096, WAYS = 4 };

typedef struct Place { Digest token; u64 generation; Claims claims; } Place;
typedef struct SeenShard { Lock lock; Place *places; } SeenShard;

static SeenShard shards[SHARDS];

void seen_open(void)
{
    for (int i = 0; i < SHARDS; i++) {
        lock_init(&shards[i].lock, RANK_KEYS);
        shards[i].places = calloc(SETS * WAYS, sizeof(Place));
        must(shards[i].places != NULL);
    }
}

void seen_close(void)
{
    for (int i = 0; i < SHARDS; i++) {
        if (shards[i].places != NULL)
            lock_close(&shards[i].lock);
        free(shards[i].places);
        shards[i].places = NULL;
    }
}

static SeenShard *shard_of(const Digest *d) { return &shards[d->b[0] % SHARDS]; }

static Place *set_of(const SeenShard *s, const Digest *d)
{
    return s->places + WAYS * ((d->b[1] << 8 | d->b[2]) % SETS);
}

bool seen_find(const Digest *token, u64 generation, Claims *out)
{
    SeenShard *s = shard_of(token);
    bool found = false;

    lock(&s->lock);
    const Place *p = set_of(s, token);
    for (int i = 0; i < WAYS && !found; i++) {
        found = p[i].generation == generation && same_bytes(p[i].token.b, token->b, SHA256_BYTES);
        if (found)
            *out = p[i].claims;
    }
    unlock(&s->lock);
    return found;
}

void seen_add(const Digest *token, u64 generation, const Claims *claims)
{
    SeenShard *s = shard_of(token);

    lock(&s->lock);
    Place *p = set_of(s, token), *to = p;
    for (int i = 0; i < WAYS; i++) {
        if (same_bytes(p[i].token.b, token->b, SHA256_BYTES)) {
            to = &p[i];
            break;
        }
        if (before(p[i].claims.expires, to->claims.expires))
            to = &p[i];
    }
    *to = (Place){ *token, generation, *claims };
    unlock(&s->lock);
}
