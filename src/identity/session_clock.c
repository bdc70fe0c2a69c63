/* session_clock.c - what ended is read in pages by moment and id, because all sign-outs of a
 * tenant can be of one millisecond; and each look goes back a minute further than the one
 * before, because another node's clock may be behind. */
#include "identity/session_clock.h"
#include "identity/revoked.h"
#include "base/lock.h"
#include <string.h>

enum { ENDED_AT_ONCE = 5000 };
#define REVOKED_KEPT days(2)                      /* longer than any access token lives */

static struct {
    Lock    lock;
    Instant watched;                              /* what ended before is known */
} own = { .lock = LOCK_OF(RANK_KEYS) };

/* ---- watch ---------------------------------------------------------------- */

#define SINCE(at) " " #at " >= $1 AND (" #at " > $1 OR id > $2)"

SQL_ALL(session_ended_since,
    "SELECT id, ended_at, 0 FROM session WHERE" SINCE(ended_at)
    " UNION ALL SELECT id, revoked_at, 0 FROM revoked_token WHERE" SINCE(revoked_at)
    " UNION ALL SELECT id, epoch_at, epoch FROM person WHERE" SINCE(epoch_at)
    " UNION ALL SELECT id, status_at, CASE status WHEN 'ACTIVE' THEN -1 ELSE -2 END"
    " FROM tenant"
    " WHERE" SINCE(status_at)
    " ORDER BY 2, 1 LIMIT 5000");

/* However long ago it was: a service's token says nothing of when it was let in. */
SQL_ALL(session_tenants,
    "SELECT id, status_at, CASE status WHEN 'ACTIVE' THEN -1 ELSE -2 END FROM tenant"
    " WHERE status_at > $1 AND id > $2 ORDER BY id LIMIT 5000");

typedef struct { Instant from; Uuid after; Ended *rows; isize count; } Watching;

static bool look_ended(Ctx *cx, void *arg)
{
    Watching *w = arg;
    return sql_rows(cx, &session_ended_since, &ended_shape, &w->rows, &w->count, V(w->from),
                    V(w->after));
}

static Instant watch_from(Instant now)
{
    Span alive = { token_last_use(now).ms - now.ms };
    Instant oldest = earlier(now, alive);

    lock(&own.lock);
    Instant from = is_set(own.watched) ? earlier(own.watched, minutes(1)) : oldest;
    unlock(&own.lock);
    return before(from, oldest) ? oldest : from;
}

static void hear(const Ended *e)
{
    if (e->least == GOES_ON)
        revoked_lift(e->id);
    else if (e->least == SUSPENDED_NOW)
        revoked_add(e->id, (Instant){ INT64_MAX });  /* until it goes on */
    else if (e->least > 0)
        revoked_below(e->id, e->least, token_last_use(e->at));
    else
        revoked_add(e->id, token_last_use(e->at));
}

static bool look_tenants(Ctx *cx, void *arg)
{
    Watching *w = arg;
    return sql_rows(cx, &session_tenants, &ended_shape, &w->rows, &w->count,
                    V((Instant){ 1 }),
                    V(val_blob((Str){ (const char *)w->after.b, sizeof w->after.b })));
}

/* At the start, before anybody is served, and after being away for longer than a token
 * lives. */
static bool hear_tenants(Ctx *cx)
{
    Watching w = { .count = 0 };

    do {
        if (!read_tx(cx, look_tenants, &w))
            return false;
        for (isize i = 0; i < w.count; i++)
            hear(&w.rows[i]);
        if (w.count > 0)
            w.after = w.rows[w.count - 1].id;
    } while (w.count == ENDED_AT_ONCE);
    return true;
}

void session_watch_anew(void)
{
    lock(&own.lock);
    own.watched = (Instant){ 0 };
    unlock(&own.lock);
}

bool session_watch(Ctx *cx)
{
    Watching w = { .from = { watch_from(cx->now).ms - 1 } };

    lock(&own.lock);
    bool away = before(own.watched, w.from);
    unlock(&own.lock);
    if (away && !hear_tenants(cx))
        return false;
    memset(&w.after, 0xFF, sizeof w.after);
    do {
        if (!read_tx(cx, look_ended, &w))
            return false;
        for (isize i = 0; i < w.count; i++)
            hear(&w.rows[i]);
        if (w.count > 0) {
            w.from = w.rows[w.count - 1].at;
            w.after = w.rows[w.count - 1].id;
        }
    } while (w.count == ENDED_AT_ONCE);
    revoked_sweep(cx->now);
    lock(&own.lock);
    own.watched = cx->now;
    unlock(&own.lock);
    return true;
}

/* ---- sweep ---------------------------------------------------------------- */

SQL_ALL(refresh_forget,
    "DELETE FROM refresh_token WHERE (tenant, hash) IN"
    " (SELECT tenant, hash FROM refresh_token WHERE expires_at < $1 LIMIT 2000)");

#define WITHOUT_TOKENS " AND NOT EXISTS (SELECT 1 FROM refresh_token r" \
                       " WHERE r.tenant = s.tenant AND r.session = s.id) LIMIT 2000)"

SQL_ALL(session_forget,
    "DELETE FROM session WHERE (tenant, id) IN"
    " (SELECT s.tenant, s.id FROM session s WHERE s.expires_at < $1" WITHOUT_TOKENS);

SQL_ALL(session_forget_ended,
    "DELETE FROM session WHERE (tenant, id) IN"
    " (SELECT s.tenant, s.id FROM session s WHERE s.ended_at < $1" WITHOUT_TOKENS);

SQL_ALL(token_forget,
    "DELETE FROM revoked_token WHERE (tenant, id) IN"
    " (SELECT tenant, id FROM revoked_token WHERE revoked_at < $1 LIMIT 2000)");

static bool forget(Ctx *cx, void *arg)
{
    Instant long_ago = earlier(cx->now, SESSION_KEPT);
    i64 tokens, sessions, ended, revoked;

    if (!sql_run(cx, &refresh_forget, &tokens, V(cx->now)) ||
        !sql_run(cx, &session_forget, &sessions, V(long_ago)) ||
        !sql_run(cx, &session_forget_ended, &ended, V(long_ago)) ||
        !sql_run(cx, &token_forget, &revoked, V(earlier(cx->now, REVOKED_KEPT))))
        return false;
    *(i64 *)arg = tokens + sessions + ended + revoked;
    return true;
}

bool session_sweep(Ctx *cx, i64 *gone)
{
    return write_tx(cx, (Lane){ 0 }, forget, gone);
}
