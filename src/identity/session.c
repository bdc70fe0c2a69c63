/* session.c - using a refresh token is one UPDATE that names the hash and "not used yet":
 * of many at once exactly one changes a row. The successor is signed and sealed before,
 * so that it is in the same statement, and thrown away by those who come second.
 *
 * Each token is a row, not each session: with several tabs open, the one before the one
 * before may come within the grace too, and that must not look like theft. */
#include "identity/session_clock.h"
#include "identity/revoked.h"
#include "identity/role.h"
#include "proof/seal.h"
#include "base/log.h"

const Shape tokens_shape = SHAPE(Tokens,
    TEXT(Tokens, accessToken, 1, JWS_MOST, 0, "for the Authorization header: Bearer"),
    TEXT(Tokens, refreshToken, 1, JWS_MOST, 0, "for POST /auth/refresh; good once"),
    NUMBER(Tokens, expiresIn, 0, INT32_MAX, 0, 0, "seconds that the access token lives"));

enum { AGENT_MOST = 255 };

static struct { Span grace; Sealer sealer; } all;

void session_open(const SessionConfig *config)
{
    all.grace = config->grace;
    all.sealer = sealer_of(config->seal_master, S("refresh token successor"));
    session_watch_anew();
}

void session_close(void)
{
    wipe(&all.sealer, sizeof all.sealer);
    revoked_clear();
}

/* ---- beginning ------------------------------------------------------------ */

SQL(session_add,
    "INSERT INTO session (tenant, id, person, created_at, expires_at, ip, user_agent)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)");

SQL(refresh_add,
    "INSERT INTO refresh_token (tenant, hash, session, created_at, expires_at)"
    " VALUES ($1, $2, $3, $4, $5)");

static Val val_digest(const Digest *d)
{
    return val_blob((Str){ (const char *)d->b, SHA256_BYTES });
}

static bool add_refresh(Ctx *cx, Str token, Uuid session, Instant expires)
{
    Digest hash = sha256(token);
    return sql_run(cx, &refresh_add, NULL, V(val_digest(&hash)), V(session), V(cx->now),
                   V(expires));
}

/* At most AGENT_MOST bytes of it, and no half letter at their end. */
static Str agent_to_keep(Str agent)
{
    isize n = agent.len < AGENT_MOST ? agent.len : AGENT_MOST;

    if (!str_utf8(agent))
        return (Str){ 0 };
    while (n < agent.len && ((u8)agent.at[n] & 0xC0) == 0x80)
        n--;
    return str_sub(agent, 0, n);
}

Session session_prepare(Ctx *cx, UserId user, Str ip, Str agent)
{
    Session s = { .id = uuid_new(cx->now), .user = user, .ip = str_sub(ip, 0, 45),
                  .agent = agent_to_keep(agent) };

    s.refresh = token_refresh(cx, user, s.id, &s.refresh_expires);
    return s;
}

bool session_write(Ctx *cx, Session *s)
{
    if (!epoch_read(cx, s->user, &s->standing))
        return false;
    if (s->standing.closed)
        return fail(cx, INVALID_TENANT, "not active");
    return sql_run(cx, &session_add, NULL, V(s->id), V(s->user.v), V(cx->now),
                   V(later(cx->now, SESSION_LASTS)), V(s->ip), V(s->agent)) &&
           add_refresh(cx, s->refresh, s->id, s->refresh_expires);
}

Tokens session_tokens(Ctx *cx, const Session *s, Role role)
{
    Role least = role < (Role)s->standing.role ? role : (Role)s->standing.role;

    return (Tokens){ token_access(cx, s->user, least, s->id, s->standing.epoch),
                     s->refresh, token_access_lasts().ms / 1000 };
}

/* ---- carrying on ---------------------------------------------------------- */

/* The person's state counts too, and the tenant's: who was suspended does not go on. */
SQL(refresh_use,
    "UPDATE refresh_token SET used_at = $3, successor = $4"
    " WHERE tenant = $1 AND hash = $2"
    GUARD_SQL(" AND used_at IS NULL") " AND expires_at > $3"
    " AND EXISTS (SELECT 1 FROM session s"
    "   JOIN person p ON p.tenant = s.tenant AND p.id = s.person"
    "   JOIN tenant t ON t.id = s.tenant AND t.status = 'ACTIVE'"
    "   WHERE s.tenant = $1 AND s.id = refresh_token.session AND s.ended_at IS NULL"
    "   AND s.expires_at > $3 AND p.status IN ('PENDING', 'ACTIVE'))");

typedef struct {
    Instant used, ended;
    Str successor;
    int role;
    i64 epoch;
    bool may;
} Used;
static const Shape used_row = SHAPE(Used,
    TIME(Used, used, 0, ""), TIME(Used, ended, 0, ""),
    TEXT(Used, successor, 0, 9000, 0, ""),
    NAME(Used, role, &role_names, 0, ""), NUMBER(Used, epoch, 0, INT64_MAX, 0, 0, ""),
    BOOL(Used, may, 0, ""));

SQL(refresh_look,
    "SELECT r.used_at, s.ended_at, r.successor, p.role, p.epoch, p.status IN ('PENDING',"
    " 'ACTIVE')"
    " AND t.status = 'ACTIVE' FROM refresh_token r"
    " JOIN tenant t ON t.id = r.tenant"
    " JOIN session s ON s.tenant = r.tenant AND s.id = r.session"
    " JOIN person p ON p.tenant = s.tenant AND p.id = s.person"
    " WHERE r.tenant = $1 AND r.hash = $2");

SQL(session_finish,
    "UPDATE session SET ended_at = $3, ended_why = $4"
    " WHERE tenant = $1 AND id = $2 AND ended_at IS NULL");

typedef enum { CARRIED_ON, REPEATED, REUSED, GONE } Outcome;

typedef struct {
    Claims  claims;
    Digest  hash;                                 /* of the token that came   */
    Str     successor, sealed;
    Instant expires;
    Outcome outcome;
    Used    row;
} Refreshing;

/* A used token: again in time, or too late. Ending the family must be kept, so it is an
 * outcome and not a failure. */
static bool come_again(Ctx *cx, Refreshing *r)
{
    if (r->row.successor.at == NULL || !is_set(r->row.used)) {
        r->outcome = GONE;                        /* expired, but not used    */
        return true;
    }
    if (before(cx->now, later(r->row.used, all.grace))) {
        r->outcome = REPEATED;
        return true;
    }
    r->outcome = REUSED;
    return sql_run(cx, &session_finish, NULL, V(r->claims.session), V(cx->now),
                   V("refresh token reused"));
}

static bool use_token(Ctx *cx, void *arg)
{
    Refreshing *r = arg;
    i64 changed;
    bool found;

    if (!sql_run(cx, &refresh_use, &changed, V(val_digest(&r->hash)), V(cx->now),
                 V(val_blob(r->sealed))) ||
        (changed == 1 && !add_refresh(cx, r->successor, r->claims.session, r->expires)) ||
        !sql_find(cx, &refresh_look, &used_row, &r->row, &found, V(val_digest(&r->hash))))
        return false;
    r->outcome = CARRIED_ON;
    if (changed == 1)
        return true;
    r->outcome = GONE;
    if (!found || is_set(r->row.ended) || !r->row.may)
        return true;
    return come_again(cx, r);
}

static bool answer(Ctx *cx, Refreshing *r, Str place, Tokens *out)
{
    Str refresh = r->successor;

    switch (r->outcome) {
    case GONE:
        return fail(cx, INVALID_TOKEN, "refresh token unknown, or its session has ended");
    case REUSED:
        revoked_add(r->claims.session, token_last_use(cx->now));
        log_warn("refresh token reused; family ended",
                 L("session", uuid_str(cx->mem, r->claims.session)));
        return fail(cx, TOKEN_REUSED, "used before and outside the grace");
    case REPEATED:
        if (!unseal(cx->mem, &all.sealer, place, r->row.successor, &refresh))
            return fail(cx, INVALID_TOKEN, "successor can't be opened");
        break;
    case CARRIED_ON: break;
    }
    *out = (Tokens){ token_access(cx, r->claims.user, (Role)r->row.role,
                                  r->claims.session, r->row.epoch), refresh,
                     token_access_lasts().ms / 1000 };
    return true;
}

bool session_refresh(Ctx *cx, Str token, Tokens *out)
{
    Refreshing r = { .hash = sha256(token) };

    if (!token_check_refresh(cx, token, &r.claims))
        return false;
    cx->tenant = r.claims.tenant;
    Str place = str_fmt(cx->mem, "%.*s %.*s", STR_ARGS(uuid_str(cx->mem, cx->tenant.v)),
                        STR_ARGS(hex_write(cx->mem, r.hash.b, SHA256_BYTES)));
    r.successor = token_refresh(cx, r.claims.user, r.claims.session, &r.expires);
    r.sealed = seal(cx->mem, &all.sealer, place, r.successor);
    return write_tx(cx, lane_of(r.claims.session), use_token, &r) &&
           answer(cx, &r, place, out);
}

/* ---- ending --------------------------------------------------------------- */

const Shape ended_shape = SHAPE(Ended,
    ID(Ended, id, 0, ""),
    TIME(Ended, at, 0, ""),
    NUMBER(Ended, least, SUSPENDED_NOW, INT64_MAX, 0, 0, ""));

SQL(session_finish_all,
    "UPDATE session SET ended_at = $3, ended_why = $4"
    " WHERE tenant = $1 AND person = $2 AND ended_at IS NULL AND (id <> $5 OR $5 IS NULL)"
    " RETURNING id, ended_at, 0");

SQL(token_revoke,
    "INSERT INTO revoked_token (tenant, id, revoked_at) VALUES ($1, $2, $3)"
    " ON CONFLICT DO NOTHING");

typedef struct { Uuid of; const char *why; EndedList ended; } Ending;

static bool revoke_one(Ctx *cx, void *arg)
{
    const Ending *e = arg;
    return sql_run(cx, &token_revoke, NULL, V(e->of), V(cx->now));
}

/* Tokens of the command line say a session of which there is no row; other nodes must
 * hear of its end all the same. */
static bool finish_one(Ctx *cx, void *arg)
{
    const Ending *e = arg;
    i64 changed;

    return sql_run(cx, &session_finish, &changed, V(e->of), V(cx->now), V(e->why)) &&
           (changed == 1 || revoke_one(cx, arg));
}

bool session_end(Ctx *cx, Uuid session, const char *why)
{
    Ending e = { .of = session, .why = why };

    if (!write_tx(cx, lane_of(session), finish_one, &e))
        return false;
    revoked_add(session, token_last_use(cx->now));
    return true;
}

SQL(session_finish_own,
    "UPDATE session SET ended_at = $4, ended_why = $5"
    " WHERE tenant = $1 AND person = $2 AND id = $3 AND ended_at IS NULL"
    " RETURNING id, ended_at, 0");

bool session_close_one(Ctx *cx, UserId user, Uuid session, const char *why,
                       EndedList *out)
{
    return sql_rows(cx, &session_finish_own, &ended_shape, &out->rows, &out->count,
                    V(user.v), V(session), V(cx->now), V(why));
}

bool session_close_all(Ctx *cx, UserId user, Uuid but, const char *why, EndedList *out)
{
    *out = (EndedList){ .user = user };
    return sql_rows(cx, &session_finish_all, &ended_shape, &out->rows, &out->count,
                    V(user.v), V(cx->now), V(why), V(but)) &&
           (!uuid_zero(but) || epoch_raise(cx, user, &out->epoch));
}

void session_tell(Ctx *cx, const EndedList *ended)
{
    for (isize i = 0; i < ended->count; i++)
        revoked_add(ended->rows[i].id, token_last_use(cx->now));
    if (ended->epoch > 0)
        epoch_heard(cx, ended->user, ended->epoch);
}

static bool finish_all(Ctx *cx, void *arg)
{
    Ending *e = arg;
    return session_close_all(cx, (UserId){ e->of }, (Uuid){ 0 }, e->why, &e->ended);
}

bool session_end_all(Ctx *cx, UserId user, const char *why)
{
    Ending e = { .of = user.v, .why = why };

    if (!write_tx(cx, lane_of(user.v), finish_all, &e))
        return false;
    session_tell(cx, &e.ended);
    return true;
}

static bool take_back_access(Ctx *cx, const Claims *c)
{
    Ending e = { .of = c->id };

    cx->tenant = c->tenant;
    if (!write_tx(cx, lane_of(c->user.v), revoke_one, &e))
        return false;
    revoked_add(c->id, token_last_use(cx->now));
    return true;
}

bool session_take_back(Ctx *cx, Str token)
{
    Claims c;

    if (token_check(cx, token, &c))
        return take_back_access(cx, &c);
    fault_clear(cx);
    if (!token_check_refresh(cx, token, &c)) {
        fault_clear(cx);
        return true;
    }
    cx->tenant = c.tenant;
    return session_end(cx, c.session, "token taken back");
}
