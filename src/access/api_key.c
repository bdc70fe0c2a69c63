/* api_key.c - a key has 256 bits by chance, so a plain SHA-256 of it can't be guessed
 * back and is looked up by itself. What was found is kept in a small cache: 4096 places
 * by the hash, the later key in a place wins. Unknown keys are not kept, or their sender
 * could push the good ones out; he is counted instead. The epoch of who made it is kept
 * with it and judged each time: when he falls, or his tenant, every node looks again
 * within a second. */
#include "access/api_key.h"
#include "base/lock.h"
#include "base/rand.h"
#include "identity/limit.h"
#include "identity/note.h"
#include "identity/revoked.h"
#include <stdlib.h>
#include <string.h>

const Shape api_key_shape = SHAPE(ApiKey,
    ID(ApiKey, id, 0, "the key's id, not the key"),
    TEXT(ApiKey, prefix, 1, API_KEY_PREFIX, 0, "how the key begins"),
    TEXT(ApiKey, name, 1, 100, 0, "what it is for"),
    RAW(ApiKey, scopes, 0, "a list of words such as events:write"),
    ID(ApiKey, createdBy, OPTIONAL, "who made it"),
    TIME(ApiKey, createdAt, 0, "when it was made"),
    TIME(ApiKey, expiresAt, OPTIONAL, "when it is good no longer"),
    TIME(ApiKey, lastUsedAt, OPTIONAL, "when it was last used, to the minute"));

#define REMEMBERED minutes(1)
enum { PLACES = 4096, WRONG_A_MINUTE = 20, RANDOM = 32 };

typedef struct Place {
    Digest key; KeyHolder holder; i64 epoch; Instant looked, expires;
} Place;

static struct { Lock lock; Place *places; } own = { .lock = LOCK_OF(RANK_KEYS) };

void api_key_open(void)
{
    own.places = calloc(PLACES, sizeof(Place));
    must(own.places != NULL);
}

void api_key_close(void)
{
    free(own.places);
    own.places = NULL;
}

/* ---- finding ----------------------------------------------------------------- */

static Val val_digest(const Digest *d)
{
    return val_blob((Str){ (const char *)d->b, SHA256_BYTES });
}

typedef struct Row {
    TenantId tenant;
    Uuid     id;
    UserId   createdBy;
    i64      epoch;
    Str      scopes;
    Instant  expiresAt;
} Row;
static const Shape row_shape = SHAPE(Row, ID(Row, tenant, 0, ""), ID(Row, id, 0, ""),
    ID(Row, createdBy, OPTIONAL, ""), NUMBER(Row, epoch, 0, INT64_MAX, 0, 0, ""),
    RAW(Row, scopes, 0, ""), TIME(Row, expiresAt, OPTIONAL, ""));

/* Who was suspended has no keys either, and who was made a customer makes no use of
 * them. */
SQL_ALL(api_key_find,
    "SELECT k.tenant, k.id, k.created_by, p.epoch, k.scopes, k.expires_at FROM api_key k"
    " JOIN tenant t ON t.id = k.tenant AND t.status = 'ACTIVE'"
    " JOIN person p ON p.tenant = k.tenant AND p.id = k.created_by"
    "   AND p.status IN ('PENDING', 'ACTIVE') AND p.role IN ('admin', 'super-admin')"
    " WHERE k.hash = $1 AND k.revoked_at IS NULL");

typedef struct { Digest hash; Row row; bool found; } Finding;

static bool find(Ctx *cx, void *arg)
{
    Finding *f = arg;
    return sql_find(cx, &api_key_find, &row_shape, &f->row, &f->found,
                    V(val_digest(&f->hash)));
}

/* ---- making, listing, revoking ---------------------------------------------- */

#define COLUMNS "id, prefix, name, scopes, created_by, created_at, expires_at, last_used_at"

SQL(api_key_add,
    "INSERT INTO api_key (tenant, id, hash, prefix, name, scopes, created_by, created_at,"
    " expires_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
SQL(api_key_all, "SELECT " COLUMNS " FROM api_key WHERE tenant = $1 AND revoked_at IS NULL"
                 " ORDER BY id LIMIT 1000");
SQL(api_key_end, "UPDATE api_key SET revoked_at = $3 WHERE tenant = $1 AND id = $2"
                 " AND revoked_at IS NULL");
SQL(api_key_count,
    "SELECT count(*) FROM api_key WHERE tenant = $1 AND revoked_at IS NULL");

typedef struct { ApiKey key; Digest hash; } Making;

static bool add(Ctx *cx, void *arg)
{
    Making *m = arg;
    ApiKey *k = &m->key;
    Finding f = { .hash = m->hash };
    i64 n;

    if (!sql_int(cx, &api_key_count, &n))
        return false;
    if (n >= API_KEYS_MOST)
        return fail(cx, CONFLICT, "%jd keys", (intmax_t)n);
    if (!sql_run(cx, &api_key_add, NULL, V(k->id), V(val_digest(&m->hash)), V(k->prefix),
                 V(k->name), V(k->scopes), V(k->createdBy.v), V(k->createdAt),
                 V(k->expiresAt)) ||
        !find(cx, &f))
        return false;
    return (f.found || fail(cx, FORBIDDEN, "who makes it is no admin of that tenant")) &&
           note_write(cx, AUDIT_API_KEY_CREATED, (UserId){ 0 }, k->prefix);
}

bool api_key_create(Ctx *cx, Str name, unsigned scopes, Instant expires, ApiKey *out,
                    Str *secret)
{
    u8 random[RANDOM];
    Buf words = buf_in(cx->mem, 64);

    rand_bytes(random, RANDOM);
    scopes_write(&words, scopes);
    *secret = str_fmt(cx->mem, "ttk_%.*s",
                      STR_ARGS(base64url_write(cx->mem, random, RANDOM)));
    Making m = { { uuid_new(cx->now), str_sub(*secret, 0, API_KEY_PREFIX), name,
                   buf_str(&words), cx->who.user, cx->now, expires, { 0 } }, sha256(*secret) };
    wipe(random, sizeof random);
    if (!write_tx(cx, lane_of(cx->tenant.v), add, &m))
        return false;
    *out = m.key;
    return true;
}

typedef struct { ApiKey **rows; isize *count; } Listing;

static bool list(Ctx *cx, void *arg)
{
    const Listing *l = arg;
    return sql_rows(cx, &api_key_all, &api_key_shape, l->rows, l->count);
}

bool api_key_list(Ctx *cx, ApiKey **rows, isize *count)
{
    return read_tx(cx, list, &(Listing){ rows, count });
}

static bool end(Ctx *cx, void *arg)
{
    const Uuid *id = arg;
    i64 changed;

    if (!sql_run(cx, &api_key_end, &changed, V(*id), V(cx->now)))
        return false;
    if (changed == 0)
        return fail(cx, NOT_FOUND, "no such key");
    return note_write(cx, AUDIT_API_KEY_REVOKED, (UserId){ 0 }, uuid_str(cx->mem, *id));
}

static void forget(Uuid id)
{
    lock(&own.lock);
    for (isize i = 0; i < PLACES; i++)
        if (uuid_is(own.places[i].holder.id, id))
            own.places[i] = (Place){ 0 };
    unlock(&own.lock);
}

bool api_key_revoke(Ctx *cx, Uuid id)
{
    if (!write_tx(cx, lane_of(cx->tenant.v), end, &id))
        return false;
    forget(id);
    return true;
}

/* ---- checking ---------------------------------------------------------------- */

SQL(api_key_touch, "UPDATE api_key SET last_used_at = $3 WHERE tenant = $1 AND id = $2"
                   " AND (last_used_at IS NULL OR last_used_at < $4)");

static bool touch(Ctx *cx, void *arg)
{
    return sql_run(cx, &api_key_touch, NULL, V(*(const Uuid *)arg), V(cx->now),
                   V(earlier(cx->now, REMEMBERED)));
}

static Place *place_of(const Digest *d)
{
    return &own.places[(d->b[0] << 8 | d->b[1]) % PLACES];
}

static bool recall(const Ctx *cx, const Digest *d, Place *out)
{
    lock(&own.lock);
    *out = *place_of(d);
    unlock(&own.lock);
    return same_bytes(out->key.b, d->b, SHA256_BYTES) && is_set(out->looked) &&
           before(cx->now, later(out->looked, REMEMBERED)) &&
           !before(cx->now, out->looked) &&
           revoked_judge(out->holder.tenant.v, out->holder.id, out->holder.id,
                         out->holder.user.v, out->epoch) == NOT_REVOKED;
}

/* When the last use can't be written the key is good all the same. */
static void note_use(Ctx *cx, const Row *row)
{
    TenantId was = cx->tenant;
    Uuid id = row->id;

    cx->tenant = row->tenant;
    if (!write_tx(cx, lane_of(id), touch, &id))
        fault_clear(cx);
    cx->tenant = was;
}

static bool refuse(Ctx *cx, Str peer)
{
    Key key = kv_key_global(cx, "wrong-api-key", limit_address(cx, peer));

    return kv_limit(cx, key, seconds(60), WRONG_A_MINUTE, METRIC_KV_OPEN_DEFAULT) &&
           fail(cx, INVALID_API_KEY, "unknown, revoked or expired");
}

static bool is_over(const Ctx *cx, Instant expires)
{
    return is_set(expires) && !before(cx->now, expires);
}

/* A revocation may come between the look and the keeping: the next watch takes it out,
 * because each goes back further than anything is remembered. */
static bool look_up(Ctx *cx, const Digest *hash, Place *out, bool *good)
{
    Finding f = { .hash = *hash };
    Str why, unknown;
    unsigned scopes;

    *good = false;
    if (!read_tx(cx, find, &f))
        return false;
    if (!f.found || is_over(cx, f.row.expiresAt))
        return true;
    *good = true;
    if (!scopes_read(json_read(cx->mem, f.row.scopes, &why), &scopes, &unknown))
        return fail(cx, INTERNAL_ERROR, "scopes of an API key");
    *out = (Place){ *hash, { f.row.tenant, f.row.id, f.row.createdBy,
                             scopes & ~(unsigned)MAY_ADMIN },
                    f.row.epoch, cx->now, f.row.expiresAt };
    lock(&own.lock);
    *place_of(hash) = *out;
    unlock(&own.lock);
    note_use(cx, &f.row);
    return true;
}

bool api_key_check(Ctx *cx, Str key, Str peer, KeyHolder *out)
{
    Place p;

    if (key.len != API_KEY_LETTERS || !str_starts(key, S("ttk_")))
        return refuse(cx, peer);
    Digest hash = sha256(key);
    bool good = recall(cx, &hash, &p);
    if (!good && !look_up(cx, &hash, &p, &good))
        return false;
    if (!good || is_over(cx, p.expires))
        return refuse(cx, peer);
    *out = p.holder;
    return true;
}

/* ---- checking without waiting -------------------------------------------------- */

bool api_key_recall(Ctx *cx, Str key, KeyHolder *out)
{
    Place p;
    Digest hash = sha256(key);

    if (key.len != API_KEY_LETTERS || !str_starts(key, S("ttk_")))
        return fail(cx, INVALID_API_KEY, "unknown, revoked or expired");
    if (!recall(cx, &hash, &p))
        return fail(cx, BUSY, "that API key is not remembered");
    if (is_over(cx, p.expires))
        return fail(cx, INVALID_API_KEY, "expired");
    *out = p.holder;
    return true;
}

/* ---- other nodes ------------------------------------------------------------- */

typedef struct Gone { Uuid id; } Gone;
static const Shape gone_row = SHAPE(Gone, ID(Gone, id, 0, ""));

SQL_ALL(api_key_gone,
    "SELECT id FROM api_key WHERE revoked_at >= $1 ORDER BY revoked_at LIMIT 5000");

typedef struct { Instant from; Gone *rows; isize count; } Watching;

static bool look(Ctx *cx, void *arg)
{
    Watching *w = arg;
    return sql_rows(cx, &api_key_gone, &gone_row, &w->rows, &w->count, V(w->from));
}

/* Nothing is remembered for two minutes. */
bool api_key_watch(Ctx *cx)
{
    Watching w = { .from = earlier(cx->now, minutes(2)) };

    if (!read_tx(cx, look, &w))
        return false;
    for (isize i = 0; i < w.count; i++)
        forget(w.rows[i].id);
    return true;
}

SQL_ALL(api_key_delete_old, "DELETE FROM api_key WHERE revoked_at < $1");

static bool sweep(Ctx *cx, void *arg)
{
    return sql_run(cx, &api_key_delete_old, arg, V(earlier(cx->now, days(30))));
}

bool api_key_sweep(Ctx *cx, i64 *gone)
{
    return write_tx(cx, (Lane){ 0 }, sweep, gone);
}
