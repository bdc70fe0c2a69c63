/* key.c - the ring of keys is never changed: a change makes a new ring and puts it in
 * the old one's place, so verifying takes no lock. Old rings and their keys stay until
 * the end, because a request may be looking at one; a rotation costs a few hundred bytes.
 *
 * The index is written aside and renamed, under a file lock that every process takes
 * before it changes something.
 *
 * No key signs before every node knows it: what comes in is always `next`, also when
 * JWT_ALGORITHM was changed, and even at once means not before the nodes have looked. A
 * node whose settings name another algorithm than the active key's goes on with that
 * key. */
#include "identity/key.h"
#include "identity/keyfile.h"
#include "base/lock.h"
#include "base/log.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_words[] = { "next", "active", "retiring", "retired" };
const Names key_state_names = { state_words, countof(state_words) };

const Shape key_shape = SHAPE(KeyRow,
    TEXT(KeyRow, kid, 1, KID_MOST, 0, "the key's name in tokens and in the JWKS"),
    NAME(KeyRow, alg, &alg_names, 0, "its one algorithm"),
    NAME(KeyRow, state, &key_state_names, 0, "what it may do"),
    TIME(KeyRow, createdAt, 0, "when it was made"),
    TIME(KeyRow, changedAt, 0, "when it came into this state"));

typedef struct Ring {
    struct Ring *older;
    KeyRow  row[KEYS_MOST];                       /* texts point into the keys or
                                                     `words` */
    JwsKey *key[KEYS_MOST];                       /* NULL for retired ones    */
    isize   count;
    Stamp   stamp;                                /* of the index it was read from */
    Arena   words;
} Ring;

static struct {
    Lock       lock;
    KeyConfig  config;
    char      *dir;
    _Atomic(Ring *) ring;
    _Atomic u64 generation;
    _Atomic i64 looked_ns;
} all = { .lock = LOCK_OF(RANK_KEYS) };

/* ---- rings ---------------------------------------------------------------- */

static isize find_row(const Ring *r, Str kid)
{
    isize i = 0;
    while (i < r->count && !str_is(r->row[i].kid, kid))
        i++;
    return i < r->count ? i : -1;
}

static isize find_state(const Ring *r, KeyState state, Alg alg)
{
    isize i = 0;
    while (i < r->count && (r->row[i].state != (int)state || r->row[i].alg != (int)alg))
        i++;
    return i < r->count ? i : -1;
}

/* The one of our algorithm; else one of another, which a node with other settings
 * made. */
static isize find_best(const Ring *r, KeyState state)
{
    isize i = find_state(r, state, all.config.alg);

    for (int a = 0; i < 0 && a < ALG_PAIRS; a++)
        i = find_state(r, state, (Alg)a);
    return i;
}

/* A copy that may be changed; it shares the keys. */
static Ring *ring_copy(const Ring *old)
{
    Ring *r = calloc(1, sizeof *r);

    must(r != NULL);
    if (old == NULL)
        return r;
    memcpy(r->row, old->row, sizeof r->row);
    memcpy(r->key, old->key, sizeof r->key);
    r->count = old->count;
    for (isize i = 0; i < r->count; i++)
        r->row[i].kid = str_copy(&r->words, r->row[i].kid);
    return r;
}

static void ring_free(Ring *r)
{
    arena_close(&r->words);
    free(r);
}

/* A key may stand in many rings; it is freed with the oldest, where it came in. */
static void free_keys(const Ring *r)
{
    for (isize i = 0; i < r->count; i++) {
        bool older = false;
        for (const Ring *o = r->older; o != NULL && !older; o = o->older)
            for (isize k = 0; k < o->count; k++)
                older |= o->key[k] == r->key[i];
        if (!older)
            jws_key_free(r->key[i]);
    }
}

/* For a ring that never came into use. */
static void ring_discard(Ring *r)
{
    r->older = atomic_load(&all.ring);
    free_keys(r);
    ring_free(r);
}

static void ring_use(Ring *r)
{
    r->older = atomic_load(&all.ring);
    atomic_store(&all.ring, r);
    atomic_fetch_add(&all.generation, 1);
}

static void add_new(Ring *r, KeyState state, Instant now)
{
    must(r->count < KEYS_MOST);
    JwsKey *k = jws_key_make(all.config.alg);
    memmove(r->row + 1, r->row, (size_t)r->count * sizeof *r->row);
    memmove(r->key + 1, r->key, (size_t)r->count * sizeof *r->key);
    r->row[0] = (KeyRow){ str_copy(&r->words, jws_kid(k)), (int)jws_alg(k), (int)state,
                          now, now };
    r->key[0] = k;
    r->count++;
}

static void set_state(KeyRow *row, KeyState state, Instant now)
{
    row->state = (int)state;
    row->changedAt = now;
}

/* ---- reading and writing -------------------------------------------------- */

/* A key that an older ring holds already is shared, so it is read from disk once. */
static JwsKey *known(Str kid)
{
    for (Ring *r = atomic_load(&all.ring); r != NULL; r = r->older) {
        isize i = find_row(r, kid);
        if (i >= 0 && r->key[i] != NULL)
            return r->key[i];
    }
    return NULL;
}

static bool load(Arena *mem, Ring *r, Str *why)
{
    if (!keyfile_read_index(&r->words, all.dir, r->row, &r->count, &r->stamp, why))
        return false;
    for (isize i = 0; i < r->count; i++) {
        if (r->row[i].state == KEY_RETIRED)
            continue;
        r->key[i] = known(r->row[i].kid);
        if (r->key[i] == NULL)
            r->key[i] = keyfile_read(mem, all.dir, &r->row[i], why);
        if (r->key[i] == NULL)
            return false;
    }
    return true;
}

/* New keys first, then the index that names them, then what it no longer names. */
static bool save(Ring *r, Str *why)
{
    for (isize i = 0; i < r->count; i++)
        if (r->key[i] != NULL && !keyfile_write(all.dir, r->key[i], why))
            return false;
    if (!keyfile_write_index(all.dir, r->row, r->count, &r->stamp, why))
        return false;
    for (isize i = 0; i < r->count; i++)
        if (r->row[i].state == KEY_RETIRED)
            keyfile_remove(all.dir, r->row[i].kid);
    return true;
}

/* Makes what is missing. Another algorithm than before comes in as any key does: as
 * next. */
static bool complete(Ring *r, Instant now)
{
    bool changed = false;

    if (find_best(r, KEY_ACTIVE) < 0) {
        add_new(r, KEY_ACTIVE, now);
        changed = true;
    }
    if (find_state(r, KEY_NEXT, all.config.alg) < 0) {
        add_new(r, KEY_NEXT, now);
        changed = true;
    }
    return changed;
}

/* ---- open and close ------------------------------------------------------- */

static bool open_locked(Arena *mem, Str *why)
{
    Ring *r = ring_copy(NULL);

    if (load(mem, r, why) && (!complete(r, time_now()) || save(r, why))) {
        ring_use(r);
        return true;
    }
    ring_discard(r);
    return false;
}

bool key_open(Arena *mem, const KeyConfig *config, Str *why)
{
    must(atomic_load(&all.ring) == NULL);
    all.config = *config;
    all.dir = strdup(str_z(mem, config->dir));
    must(all.dir != NULL);
    int held = keyfile_lock(all.dir, why);
    bool good = held >= 0 && open_locked(mem, why);
    keyfile_unlock(held);
    if (!good)
        key_close();
    return good;
}

void key_close(void)
{
    Ring *r = atomic_exchange(&all.ring, NULL);

    while (r != NULL) {
        Ring *older = r->older;
        free_keys(r);
        ring_free(r);
        r = older;
    }
    free(all.dir);
    all.dir = NULL;
}

/* ---- use ------------------------------------------------------------------ */

const JwsKey *key_active(void)
{
    const Ring *r = atomic_load(&all.ring);
    isize i = find_best(r, KEY_ACTIVE);

    must(i >= 0);
    return r->key[i];
}

u64 key_generation(void) { return atomic_load(&all.generation); }

static const JwsKey *verifier(Str kid)
{
    const Ring *r = atomic_load(&all.ring);
    isize i = find_row(r, kid);
    return i < 0 ? NULL : r->key[i];
}

const JwsKey *key_find(void *unused, Str kid)
{
    (void)unused;
    const JwsKey *k = verifier(kid);
    i64 now = mono_now().ns, looked = atomic_load(&all.looked_ns);

    if (k != NULL || now - looked < 1000000000 ||
        !atomic_compare_exchange_strong(&all.looked_ns, &looked, now))
        return k;
    key_watch();
    return verifier(kid);
}

/* A set of keys without one to sign with is not taken: the process goes on with what it
 * has. */
static void reload(void)
{
    Arena mem = { 0 };
    Str why = { 0 };
    Ring *r = ring_copy(NULL);

    if (load(&mem, r, &why) && find_best(r, KEY_ACTIVE) >= 0)
        ring_use(r);
    else {
        log_error("signing keys not taken anew", L("why", why));
        ring_discard(r);
    }
    arena_close(&mem);
}

void key_watch(void)
{
    Stamp stamp = keyfile_stamp(all.dir);

    lock(&all.lock);
    if (!stamp_is(&stamp, &atomic_load(&all.ring)->stamp))
        reload();
    unlock(&all.lock);
}

static Span published(KeyHaste haste)
{
    return haste == KEY_STAGED ? seconds(JWKS_MAX_AGE_S) : seconds(KEYS_KNOWN_S);
}

static bool rotate(Ctx *cx, KeyHaste haste, Ring *r, Str *why)
{
    isize next = find_best(r, KEY_NEXT), active = find_best(r, KEY_ACTIVE);

    if (next < 0)
        return fail(cx, INVALID_STATE, "there is no next key");
    if (before(cx->now, later(r->row[next].createdAt, published(haste))))
        return fail(cx, INVALID_STATE,
                    "the next key has not been published for %jd s yet",
                    (intmax_t)(published(haste).ms / 1000));
    for (isize i = 0; i < r->count; i++)
        if (r->row[i].state == KEY_RETIRING &&
            !before(cx->now, later(r->row[i].changedAt, all.config.verifies))) {
            set_state(&r->row[i], KEY_RETIRED, cx->now);
            r->key[i] = NULL;
        }
    if (r->count == KEYS_MOST && r->row[r->count - 1].state != KEY_RETIRED)
        return fail(cx, INVALID_STATE, "%d keys are still needed to verify", KEYS_MOST);
    r->count -= r->count == KEYS_MOST;
    set_state(&r->row[active], KEY_RETIRING, cx->now);
    set_state(&r->row[next], KEY_ACTIVE, cx->now);
    add_new(r, KEY_NEXT, cx->now);
    return save(r, why) ||
           fail(cx, INTERNAL_ERROR, "keys not written: %.*s", STR_ARGS(*why));
}

bool key_rotate(Ctx *cx, KeyHaste haste)
{
    Str why = { 0 };
    int held = keyfile_lock(all.dir, &why);

    if (held < 0)
        return fail(cx, INTERNAL_ERROR, "%.*s", STR_ARGS(why));
    key_watch();
    lock(&all.lock);
    Ring *r = ring_copy(atomic_load(&all.ring));
    bool good = rotate(cx, haste, r, &why);
    if (good)
        ring_use(r);
    else
        ring_discard(r);
    unlock(&all.lock);
    keyfile_unlock(held);
    return good;
}

bool key_follow(Ctx *cx)
{
    const Ring *r = atomic_load(&all.ring);
    isize next = find_state(r, KEY_NEXT, all.config.alg),
          active = find_best(r, KEY_ACTIVE);

    if (r->row[active].alg == (int)all.config.alg || next < 0 ||
        before(cx->now, later(r->row[next].createdAt, published(KEY_STAGED))))
        return true;
    if (!key_rotate(cx, KEY_STAGED)) {
        if (cx->fault.code != INVALID_STATE)
            return false;
        fault_clear(cx);                          /* another node was first   */
        return true;
    }
    log_info("tokens are signed by another algorithm now",
             L("alg", alg_names.at[all.config.alg]));
    return true;
}

void key_list(Ctx *cx, KeyRow **rows, isize *count)
{
    const Ring *r = atomic_load(&all.ring);

    *rows = make(cx->mem, KeyRow, r->count);
    *count = r->count;
    memcpy(*rows, r->row, (size_t)r->count * sizeof **rows);
}

Str key_jwks(Arena *mem)
{
    const Ring *r = atomic_load(&all.ring);
    Buf b = buf_in(mem, 1024);

    buf_lit(&b, "{\"keys\":[");
    for (isize i = 0, n = 0; i < r->count; i++) {
        if (r->key[i] == NULL)
            continue;
        if (n++ > 0)
            buf_byte(&b, ',');
        jws_key_put_jwk(&b, r->key[i]);
    }
    buf_lit(&b, "]}");
    return buf_str(&b);
}
