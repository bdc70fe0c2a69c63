/* signin.c - a session was last used when its newest refresh token was made. What a
 * device is called is guessed from the User-Agent, for people to tell theirs apart, and
 * nothing hangs on it. */
#include "identity/signin.h"
#include <string.h>

const Shape signin_shape = SHAPE(Signin,
    ID(Signin, id, 0, "the session"),
    TEXT(Signin, ip, 0, 45, OPTIONAL, "the address that signed in"),
    TEXT(Signin, userAgent, 0, 255, OPTIONAL, "what it said it was"),
    TIME(Signin, createdAt, 0, "when it signed in"),
    TIME(Signin, lastUsedAt, OPTIONAL, "when it last got new tokens"),
    TIME(Signin, expiresAt, 0, "when it ends, however often it is carried on"),
    { F_(Signin, name, K_STR), .most = 60, .is = COMPUTED,
      .says = "a guess, such as Firefox on Linux" },
    { F_(Signin, current, K_BOOL), .is = COMPUTED,
      .says = "whether it is the one that asks" });

typedef struct Word { const char *has, *name; } Word;

static const char *guess(Str agent, const Word *words, isize n, const char *otherwise)
{
    for (isize i = 0; i < n; i++)
        if (str_has(agent, str_of(words[i].has)))
            return words[i].name;
    return otherwise;
}

/* Browsers name those that they want to be taken for, so the order decides. */
static Str name_of(Ctx *cx, Str agent)
{
    static const Word browsers[] = { { "Edg", "Edge" }, { "OPR/", "Opera" },
        { "Firefox/", "Firefox" }, { "Chrome/", "Chrome" }, { "Safari/", "Safari" },
        { "curl/", "curl" }, { "okhttp", "Android app" }, { "CFNetwork", "iPhone app" } };
    static const Word systems[] = { { "Android", "Android" }, { "iPhone", "iPhone" },
        { "iPad", "iPad" }, { "Windows", "Windows" }, { "Mac OS", "Mac" },
        { "Linux", "Linux" } };
    const char *browser = guess(agent, browsers, countof(browsers), "");
    const char *system = guess(agent, systems, countof(systems), "");

    return browser[0] == '\0' && system[0] == '\0' ? S("unknown")
         : system[0] == '\0'  ? str_of(browser)
         : browser[0] == '\0' ? str_of(system)
         : str_fmt(cx->mem, "%s on %s", browser, system);
}

SQL(signin_page,
    "SELECT s.id, s.ip, s.user_agent, s.created_at, (SELECT max(r.created_at)"
    " FROM refresh_token r"
    "   WHERE r.tenant = s.tenant AND r.session = s.id), s.expires_at FROM session s"
    " WHERE s.tenant = $1 AND s.person = $2 AND s.id < $3 AND s.ended_at IS NULL"
    " AND s.expires_at > $4 ORDER BY s.id DESC LIMIT $5");

typedef struct { Uuid before_; i64 most; Signin *rows; isize count; } Listing;

static bool list(Ctx *cx, void *arg)
{
    Listing *l = arg;
    return sql_rows(cx, &signin_page, &signin_shape, &l->rows, &l->count,
                    V(cx->who.user.v), V(l->before_), V(cx->now), V(l->most));
}

bool signin_list(Ctx *cx, Uuid before_, i64 most, Signin **rows, isize *count)
{
    Listing l = { .before_ = before_, .most = most };

    if (uuid_zero(before_))
        memset(l.before_.b, 0xFF, sizeof l.before_.b);
    if (!read_tx(cx, list, &l))
        return false;
    for (isize i = 0; i < l.count; i++) {
        l.rows[i].name = name_of(cx, l.rows[i].userAgent);
        l.rows[i].current = uuid_is(l.rows[i].id, cx->who.session);
    }
    *rows = l.rows;
    *count = l.count;
    return true;
}

/* ---- ending ------------------------------------------------------------------ */

typedef struct { Caller from; Uuid session; WhichDevices which; EndedList ended; } Ending;

static bool note(Ctx *cx, const Ending *e, AuditAction action, Str target)
{
    return audit_write(cx, &(Deed){ .action = action, .actor = cx->who.user,
                                    .subject = cx->who.user, .target = target,
                                    .from = e->from });
}

static bool end_one(Ctx *cx, void *arg)
{
    Ending *e = arg;

    if (!session_close_one(cx, cx->who.user, e->session, "signed out by its owner",
                           &e->ended))
        return false;
    if (e->ended.count == 0)
        return fail(cx, NOT_FOUND, "no such open session of this person");
    return note(cx, e, AUDIT_SESSION_REVOKED, uuid_str(cx->mem, e->session));
}

bool signin_end(Ctx *cx, const Caller *from, Uuid session)
{
    Ending e = { .from = *from, .session = session };

    if (!write_tx(cx, lane_of(cx->who.user.v), end_one, &e))
        return false;
    session_tell(cx, &e.ended);
    return true;
}

static bool end_all(Ctx *cx, void *arg)
{
    Ending *e = arg;
    Uuid but = e->which == OTHER_DEVICES ? cx->who.session : (Uuid){ 0 };

    return session_close_all(cx, cx->who.user, but, "signed out by its owner",
                             &e->ended) &&
           note(cx, e, AUDIT_SESSIONS_REVOKED,
                str_fmt(cx->mem, "%td sessions", e->ended.count));
}

bool signin_end_all(Ctx *cx, const Caller *from, WhichDevices which, i64 *n)
{
    Ending e = { .from = *from, .which = which };

    if (!write_tx(cx, lane_of(cx->who.user.v), end_all, &e))
        return false;
    session_tell(cx, &e.ended);
    *n = e.ended.count;
    return true;
}

static bool log_out(Ctx *cx, void *arg)
{
    Ending *e = arg;

    return session_close_one(cx, cx->who.user, e->session, "logout", &e->ended) &&
           (e->ended.count == 0 || note(cx, e, AUDIT_LOGOUT, (Str){ 0 }));
}

bool signin_logout(Ctx *cx, const Caller *from)
{
    Ending e = { .from = *from, .session = cx->who.session };

    if (!write_tx(cx, lane_of(cx->who.user.v), log_out, &e))
        return false;
    session_tell(cx, &e.ended);
    return e.ended.count > 0 || session_end(cx, e.session, "logout");
}
