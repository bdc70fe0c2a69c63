/* pace.c - a token bucket is one moment: when it will be full again (the generic cell
 * rate algorithm, ITU-T I.371). A request moves it by the time that one token takes to
 * come back; what would move it further ahead than a whole bucket is refused.
 *
 * The table has a fixed size. A key has its place in one set of eight, under a secret, so
 * that nobody can choose keys which meet; in a full set the bucket that is nearest to
 * full is forgotten, which costs least. A lock is held for eight comparisons. */
#include "gateway/pace.h"
#include <stdlib.h>
#include <string.h>
#include "base/control.h"
#include "base/crypto.h"
#include "base/lock.h"
#include "base/rand.h"
#include "identity/limit.h"

enum { SETS = 4096, WAYS = 8, LOCKS = 64 };
#define WINDOW_NS INT64_C(60000000000)

typedef struct Bucket { u64 key; i64 full_ns; } Bucket;

static struct {
    PaceConfig config;
    u8     secret[32];
    Lock   locks[LOCKS];
    Bucket (*sets)[WAYS];
} own;

void pace_open(const PaceConfig *config)
{
    own.config = *config;
    rand_bytes(own.secret, sizeof own.secret);
    own.sets = calloc(SETS, sizeof *own.sets);
    must(own.sets != NULL);
    for (int i = 0; i < LOCKS; i++)
        lock_init(&own.locks[i], RANK_SERVER);
}

void pace_close(void)
{
    if (own.sets == NULL)
        return;
    for (int i = 0; i < LOCKS; i++)
        lock_close(&own.locks[i]);
    free(own.sets);
    own.sets = NULL;
}

/* The one of that key, else the one that is nearest to full. */
static Bucket *find(Bucket *set, u64 key)
{
    Bucket *best = &set[0];

    for (int i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].full_ns < best->full_ns)
            best = &set[i];
    }
    *best = (Bucket){ .key = key };
    return best;
}

/* Milliseconds until there are so many tokens; 0: they were taken. */
static i64 take(Bucket *b, i64 count, i64 most, i64 now_ns)
{
    i64 full = b->full_ns > now_ns ? b->full_ns : now_ns;
    i64 over = full + count * (WINDOW_NS / most) - now_ns - WINDOW_NS;

    if (GUARDED(over > 0))
        return (over + 999999) / 1000000;
    b->full_ns = full + count * (WINDOW_NS / most);
    return 0;
}

i64 pace_take(Str key, i64 count, i64 most, Mono now)
{
    Digest d = hmac_sha256(own.secret, sizeof own.secret, key);
    u64 name;

    memcpy(&name, d.b, sizeof name);
    unsigned set = (unsigned)(d.b[8] << 8 | d.b[9]) % SETS;
    Lock *l = &own.locks[set % LOCKS];
    lock(l);
    i64 wait = take(find(own.sets[set], name), count, most, now.ns);
    unlock(l);
    return wait;
}

static bool check(Ctx *cx, Str key, i64 count, i64 most)
{
    i64 wait = pace_take(key, count, most, mono_now());

    if (wait == 0)
        return true;
    fail(cx, RATE_LIMIT_EXCEEDED, "more than %jd in 60 s", (intmax_t)most);
    cx->fault.retry_after = (int)((wait + 999) / 1000);
    cx->fault.limit = most;
    return false;
}

bool pace_address(Ctx *cx, Str peer)
{
    return !own.config.on || check(cx, limit_address(cx, peer), 1, own.config.address);
}

/* A service asks for many; a key is itself and not its maker. */
bool pace_person(Ctx *cx)
{
    Uuid who = cx->who.comer == A_PERSON ? cx->who.user.v : cx->who.machine;

    return !own.config.on || cx->who.comer == A_PEER || uuid_zero(who) ||
           check(cx, uuid_str(cx->mem, who), 1, own.config.person);
}

bool pace_published(Ctx *cx, i64 count)
{
    return !own.config.on || cx->who.comer != A_KEY ||
           check(cx, str_fmt(cx->mem, "published %.*s",
                             STR_ARGS(uuid_str(cx->mem, cx->tenant.v))),
                 count, own.config.published);
}
