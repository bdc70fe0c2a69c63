/* live_pass.c - what counts as a failed attempt is a proof that never was good: a token
 * that was spent or has lapsed is not, nor a bearer that has expired, nor coming with
 * none. A crowd behind one address whose tokens ran out is no attacker. A proof that
 * holds is let in also while its address is locked: it can't be guessed, and one guest
 * of a stadium's network must not take the stream from all the others.
 *
 * The kv knows tokens by their hash, so its snapshot opens nothing. */
#include "gateway/live_pass.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/rand.h"
#include "gateway/gateway.h"
#include "identity/limit.h"
#include "identity/revoked.h"
#include "identity/token.h"
#include "kv/kv.h"
#include "net/origin.h"
#include <string.h>

#define KNOWN_FOR  hours(1)                       /* that a token was one of ours */
#define LEVEL_FOR  hours(24)                      /* how often an address was locked */

static const Field token_fields[] = {
    TEXT(StreamToken, token, 1, 100, 0, "for ?token= of the stream; works once"),
    NUMBER(StreamToken, expiresIn, 1, 3600, 0, 0, "seconds"),
};
const Shape stream_token_shape = { "StreamToken", sizeof(StreamToken), token_fields,
                                   countof(token_fields) };

/* ---- tokens --------------------------------------------------------------- */

/* What a token stands for, as the kv keeps it (within this process's version). */
typedef struct Grant {
    TenantId tenant;
    UserId user;
    Uuid session;
    i64 epoch;
    u32 role;
} Grant;

static Key key_of(Ctx *cx, const char *kind, Str token)
{
    Digest d = sha256(token);

    return kv_key_global(cx, kind, hex_write(cx->mem, d.b, SHA256_BYTES));
}

static Key token_key(Ctx *cx, Str token) { return key_of(cx, "stream-token", token); }
static Key known_key(Ctx *cx, Str token) { return key_of(cx, "stream-known", token); }

/* Each kind of asking has its window: who opens streams by tokens asks for as many. */
static bool limit_person_here(Ctx *cx, const char *kind)
{
    return !limits_on() ||
           kv_limit(cx, kv_key(cx, kind, uuid_str(cx->mem, cx->who.user.v)),
                    seconds(60), gateway_config()->opened_most, METRIC_KV_OPEN_STREAM);
}

bool live_pass_make(Ctx *cx, StreamToken *out)
{
    if (!limit_person_here(cx, "stream-tokens"))
        return false;
    u8 random[32];
    Grant g = { cx->tenant, cx->who.user, cx->who.session, cx->who.epoch,
                (u32)cx->who.role };

    rand_bytes(random, sizeof random);
    *out = (StreamToken){ base64url_write(cx->mem, random, sizeof random),
                          STREAM_TOKEN_LASTS };
    return kv_put(cx, known_key(cx, out->token), S("1"), KNOWN_FOR) &&
           kv_put(cx, token_key(cx, out->token), (Str){ (const char *)&g, sizeof g },
                  seconds(STREAM_TOKEN_LASTS));
}

static bool let_in(Ctx *cx, const Grant *g)
{
    if (revoked_judge(g->tenant.v, g->session, g->session, g->user.v,
                      g->epoch) != NOT_REVOKED)
        return fail(cx, UNAUTHORIZED,
                    "its session has ended, or who may do what has changed");
    cx->tenant = g->tenant;
    cx->who = (Who){ .user = g->user, .role = (Role)g->role, .session = g->session,
                     .epoch = g->epoch };
    return true;
}

/* ---- the lock ------------------------------------------------------------- */

static Key lock_key(Ctx *cx, Str peer)
{
    return kv_key_global(cx, "stream-locked", limit_address(cx, peer));
}

static bool check_lock(Ctx *cx, const Req *rq)
{
    Str until;
    bool locked;
    i64 ms;

    if (!limits_on())
        return true;
    if (!kv_get(cx, lock_key(cx, rq->peer), &until, &locked))
        return kv_do_without(cx, METRIC_KV_OPEN_STREAM);
    if (!locked || !str_int(until, &ms) || ms <= cx->now.ms)
        return true;
    fail(cx, RATE_LIMIT_EXCEEDED, "the address is locked");
    cx->fault.retry_after = (int)((ms - cx->now.ms + 999) / 1000);
    return false;
}

static bool lock_out(Ctx *cx, const Req *rq)
{
    static const Span lasts[] = { { 5 * 60000 }, { 15 * 60000 }, { 60 * 60000 } };
    Str address = limit_address(cx, rq->peer);
    Instant reset;
    i64 times;

    if (!kv_count(cx, kv_key_global(cx, "stream-level", address), LEVEL_FOR,
                  countof(lasts), &times, &reset))
        return false;
    Span s = lasts[(times > countof(lasts) ? countof(lasts) : times) - 1];
    log_warn("an address is locked out of streams", L("peer", rq->peer),
             L("seconds", s.ms / 1000));
    return kv_put(cx, lock_key(cx, rq->peer),
                  str_fmt(cx->mem, "%jd", (intmax_t)later(cx->now, s).ms), s);
}

/* Counts one failed attempt; of many at once exactly one is the last that is allowed. */
static bool note_failure(Ctx *cx, const Req *rq)
{
    i64 most = gateway_config()->lock_after, n;
    Instant reset;

    if (!limits_on() || most == 0)
        return true;
    return (kv_count(cx, kv_key_global(cx, "stream-failed", limit_address(cx, rq->peer)),
                     seconds(60), most, &n, &reset) && (n != most || lock_out(cx, rq))) ||
           kv_do_without(cx, METRIC_KV_OPEN_STREAM);
}

/* ---- signing in ----------------------------------------------------------- */

/* Was it ever a token? While the kv can't say, nobody is accused. */
static bool was_known(Ctx *cx, Str token)
{
    Str value;
    bool found = true;

    return (!kv_get(cx, known_key(cx, token), &value, &found) &&
            kv_do_without(cx, METRIC_KV_OPEN_STREAM)) || found;
}

static bool take_token(Ctx *cx, const Req *rq, Str token)
{
    Str value;
    bool found;
    Grant g;

    if (!(rq->head ? kv_get(cx, token_key(cx, token), &value, &found)
                   : kv_take(cx, token_key(cx, token), &value, &found)))
        return false;
    if (found && value.len == sizeof g) {
        memcpy(&g, value.at, sizeof g);
        return let_in(cx, &g);
    }
    return check_lock(cx, rq) && (was_known(cx, token) || note_failure(cx, rq)) &&
           fail(cx, UNAUTHORIZED, "no such stream token, or it was used");
}

/* The guard took no notice of this bearer: says what is wrong with it. */
static bool refuse_bearer(Ctx *cx, const Req *rq, Str bearer)
{
    FaultCode why;
    Claims c;

    if (token_check(cx, bearer, &c))
        return fail(cx, UNAUTHORIZED, "a bearer that the guard did not take");
    why = cx->fault.code;
    fault_clear(cx);
    return check_lock(cx, rq) && (why != INVALID_TOKEN || note_failure(cx, rq)) &&
           fail(cx, why, "bearer");
}

static bool sign_in(Ctx *cx, const Req *rq)
{
    Str token = req_query(cx, rq, S("token")),
        bearer = req_header(rq, S("authorization"));
    Str scheme = str_cut(&bearer, ' ');

    if (!uuid_zero(cx->who.user.v))
        return true;
    if (token.len > 0)
        return take_token(cx, rq, token);
    if (bearer.at != NULL && str_is_nocase(scheme, S("bearer")))
        return refuse_bearer(cx, rq, str_trim(bearer));
    return check_lock(cx, rq) &&
           fail(cx, UNAUTHORIZED, "neither bearer nor stream token");
}

static bool check_origin(Ctx *cx, const Req *rq)
{
    if (origin_may_ask(gateway_config()->origins, rq))
        return true;
    fail(cx, FORBIDDEN, "a page of another origin");
    cx->fault.said = S("Pages of this origin may not listen: it is not on the server's list.");
    return false;
}

bool live_pass_check(Ctx *cx, const Req *rq)
{
    return check_origin(cx, rq) && sign_in(cx, rq) &&
           limit_person_here(cx, "streams-opened");
}
