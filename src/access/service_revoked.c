/* service_revoked.c - a token lives five minutes, so few stand at a time: a list that is
 * walked, and not even that while it is empty. A row is never deleted while it matters,
 * lifting is a change too, or other nodes would not hear of it. */
#include "access/service_revoked.h"
#include "identity/note.h"
#include "base/lock.h"
#include <stdatomic.h>
#include <string.h>

static const char *const kind_words[] = { "token", "service" };
const Names revoked_kind_names = { kind_words, countof(kind_words) };

const Shape revocation_shape = SHAPE(Revocation,
    NAME(Revocation, kind, &revoked_kind_names, 0, "what is revoked"),
    TEXT(Revocation, name, 1, 64, 0, "the service's id, or the token's SHA-256 in hex"),
    TEXT(Revocation, reason, 0, REASON_MOST, 0, "why"),
    TIME(Revocation, until, OPTIONAL, "when the token would have run out"),
    BOOL(Revocation, lifted, UNLISTED, ""),
    TIME(Revocation, changedAt, 0, "since when"));

#define LIFTED_KEPT days(2)

typedef struct Kept { int kind; isize len; char name[64]; isize reason_len;
                      char reason[REASON_MOST]; Instant until; } Kept;

static struct {
    Lock           lock;
    Kept           list[REVOCATIONS_MOST];
    _Atomic isize  count;
    Instant        watched;
} all = { .lock = LOCK_OF(RANK_KEYS) };

/* ---- in this process ------------------------------------------------------- */

static isize find(int kind, Str name)
{
    for (isize i = 0; i < all.count; i++)
        if (all.list[i].kind == kind &&
            str_is((Str){ all.list[i].name, all.list[i].len }, name))
            return i;
    return -1;
}

static void put(const Revocation *r)
{
    isize i = find(r->kind, r->name);

    if (r->lifted) {
        if (i >= 0)
            all.list[i] = all.list[--all.count];
        return;
    }
    if (i < 0 && all.count == REVOCATIONS_MOST)
        return;
    Kept *s = &all.list[i < 0 ? all.count : i];
    *s = (Kept){ .kind = r->kind, .len = r->name.len, .reason_len = r->reason.len,
                     .until = r->until };
    memcpy(s->name, r->name.at, (size_t)r->name.len);
    memcpy(s->reason, r->reason.at, (size_t)r->reason.len);
    if (i < 0)
        all.count++;
}

static void hear(const Revocation *r)
{
    lock(&all.lock);
    put(r);
    unlock(&all.lock);
}

Str revocation_of(Arena *mem, RevokedKind kind, Str name, Instant now)
{
    Str reason = { 0 };

    if (atomic_load(&all.count) == 0)
        return reason;
    lock(&all.lock);
    isize i = find((int)kind, name);
    if (i >= 0 && (!is_set(all.list[i].until) || before(now, all.list[i].until)))
        reason = str_copy(mem, (Str){ all.list[i].reason, all.list[i].reason_len });
    unlock(&all.lock);
    return reason;
}

void service_revoked_close(void)
{
    lock(&all.lock);
    all.count = 0;
    all.watched = (Instant){ 0 };
    unlock(&all.lock);
}

/* ---- in the store ---------------------------------------------------------- */

SQL_ALL(revocation_add,
    "INSERT INTO service_revocation (kind, name, reason, until, lifted, changed_at)"
    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind, name) DO UPDATE SET"
    " reason = excluded.reason, until = excluded.until, lifted = excluded.lifted,"
    " changed_at = excluded.changed_at");

SQL_ALL(revocation_count,
    "SELECT (SELECT count(*) FROM service_revocation WHERE kind = 'service')"
    " + (SELECT count(*) FROM service_revocation WHERE kind = 'token')");

SQL_ALL(revocation_since,
    "SELECT kind, name, reason, until, lifted, changed_at FROM service_revocation"
    " WHERE changed_at >= $1 ORDER BY changed_at, kind, name LIMIT 5000");

SQL_ALL(revocation_forget,
    "DELETE FROM service_revocation WHERE changed_at < $1"
    " AND (lifted OR (until IS NOT NULL AND until < $2))");

static bool write(Ctx *cx, void *arg)
{
    const Revocation *r = arg;
    i64 n;

    if (!sql_int(cx, &revocation_count, &n))
        return false;
    if (n >= REVOCATIONS_MOST)
        return fail(cx, CONFLICT, "%d revocations stand", REVOCATIONS_MOST);
    return sql_run(cx, &revocation_add, NULL, V(names_str(&revoked_kind_names, r->kind)),
                   V(r->name), V(r->reason), V(r->until), V(r->lifted),
                   V(r->changedAt)) &&
           note_write(cx, r->lifted ? AUDIT_SERVICE_UNREVOKED : AUDIT_SERVICE_REVOKED,
                      (UserId){ 0 }, r->name);
}

/* One after the other, whoever does it: the lane of nobody. */
static bool change(Ctx *cx, Revocation *r)
{
    if (!write_tx(cx, lane_of((Uuid){ { 0 } }), write, r))
        return false;
    hear(r);
    return true;
}

bool service_revoke(Ctx *cx, RevokedKind kind, Str name, Str reason, Instant until)
{
    must(name.len > 0 && name.len <= 64 && reason.len <= REASON_MOST);
    return change(cx, &(Revocation){ (int)kind, name, reason, until, false, cx->now });
}

bool service_unrevoke(Ctx *cx, Str id)
{
    must(id.len > 0 && id.len <= 64);
    return change(cx, &(Revocation){ A_SERVICE, id, S(""), { 0 }, true, cx->now });
}

typedef struct { Instant from; Revocation *rows; isize count; } Looking;

static bool look(Ctx *cx, void *arg)
{
    Looking *l = arg;
    return sql_rows(cx, &revocation_since, &revocation_shape, &l->rows, &l->count,
                    V(l->from));
}

bool service_revocations(Ctx *cx, Revocation **rows, isize *count)
{
    Looking l = { .from = { 1 } };
    isize n = 0;

    if (!read_tx(cx, look, &l))
        return false;
    Revocation *to = make(cx->mem, Revocation, l.count + 1);
    for (isize i = l.count; i-- > 0;)
        if (!l.rows[i].lifted &&
            (!is_set(l.rows[i].until) || before(cx->now, l.rows[i].until)))
            to[n++] = l.rows[i];
    *rows = to;
    *count = n;
    return true;
}

/* Another node's clock may be a little behind, so each look reaches back. */
bool service_revoked_watch(Ctx *cx)
{
    lock(&all.lock);
    Looking l = { .from = is_set(all.watched) ? earlier(all.watched, minutes(1))
                                              : (Instant){ 1 } };
    unlock(&all.lock);

    if (!read_tx(cx, look, &l))
        return false;
    for (isize i = 0; i < l.count; i++)
        hear(&l.rows[i]);
    lock(&all.lock);
    for (isize i = all.count; i-- > 0;)
        if (is_set(all.list[i].until) && before(all.list[i].until, cx->now))
            all.list[i] = all.list[--all.count];
    all.watched = cx->now;
    unlock(&all.lock);
    return true;
}

typedef struct { i64 *gone; } Sweeping;

static bool forget(Ctx *cx, void *arg)
{
    return sql_run(cx, &revocation_forget, ((Sweeping *)arg)->gone,
                   V(earlier(cx->now, LIFTED_KEPT)), V(cx->now));
}

bool service_revoked_sweep(Ctx *cx, i64 *gone)
{
    return write_tx(cx, lane_of((Uuid){ { 0 } }), forget, &(Sweeping){ gone });
}
