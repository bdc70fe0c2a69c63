/* entry.c - the code is used and the session begun in one transaction, so no code is lost
 * to a database that went away between them. The challenge is taken first and given back
 * when the code was wrong: of many who come with it at once one is looked at. It holds
 * the person's epoch: a password that was changed meanwhile opens nothing. */
#include "identity/entry.h"
#include "identity/challenge.h"
#include "identity/epoch.h"
#include "identity/fresh.h"
#include "identity/mfa.h"

static const char kind[] = "mfa-login";

const Shape entered_shape = SHAPE(SignedIn,
    OBJECT(SignedIn, user, &person_shape, OPTIONAL, "who is signed in"),
    OBJECT(SignedIn, tokens, &tokens_shape, OPTIONAL, "what to show from now on"),
    MAYBE(SignedIn, requiresMfa, "a second factor is asked for: POST /auth/mfa/verify"),
    TEXT(SignedIn, challenge, 0, CHALLENGE_LETTERS, OPTIONAL,
         "what to send with its code, within 5 minutes"));

typedef struct { UserId user; Standing now; } Asking;

static bool look_epoch(Ctx *cx, void *arg)
{
    Asking *a = arg;
    return epoch_read(cx, a->user, &a->now);
}

bool entry_ask(Ctx *cx, const Person *p, SignedIn *out)
{
    Asking a = { .user = p->id };

    *out = (SignedIn){ .requiresMfa = MAYBE_TRUE };
    if (!read_tx(cx, look_epoch, &a))
        return false;
    Str data = str_fmt(cx->mem, "%.*s %jd", STR_ARGS(uuid_str(cx->mem, p->id.v)),
                       (intmax_t)a.now.epoch);
    return challenge_make(cx, kind, data, &out->challenge);
}

static bool may_enter(Ctx *cx, const Person *p)
{
    return (p->status == PERSON_PENDING || p->status == PERSON_ACTIVE) &&
           !before(cx->now, p->lockedUntil);
}

static bool look_up(Ctx *cx, UserId user, Person *out)
{
    if (!person_look(cx, user, out)) {
        if (cx->fault.code != NOT_FOUND)
            return false;
        fault_clear(cx);
        return fail(cx, AUTHENTICATION_FAILED, "no such person");
    }
    return may_enter(cx, out) || fail(cx, AUTHENTICATION_FAILED, "locked or not active");
}

typedef struct {
    UserId  user;
    Str     code;                                 /* absent: none is asked for */
    i64     epoch;                                /* with it: the challenge's */
    bool    good;
    Session session;
} Entering;

static bool use_code(Ctx *cx, Entering *e)
{
    Standing now;

    if (!epoch_read(cx, e->user, &now))
        return false;
    if (now.epoch != e->epoch)
        return fail(cx, INVALID_TOKEN, "the challenge is of an older epoch");
    return mfa_use(cx, e->user, e->code, &e->good);
}

/* Looks once more: he may have been locked or suspended since. */
static bool enter(Ctx *cx, void *arg)
{
    Entering *e = arg;
    Person p;

    if (!person_get(cx, e->user, &p))
        return false;
    if (!may_enter(cx, &p))
        return fail(cx, AUTHENTICATION_FAILED, "locked or not active");
    e->good = true;
    if (e->code.at != NULL && !use_code(cx, e))
        return false;
    Deed deed = { .action = e->good ? AUDIT_LOGIN : AUDIT_MFA_FAILED, .failed = !e->good,
                  .subject = e->user, .from = { e->session.ip, e->session.agent } };
    if (e->good)
        deed.actor = e->user;
    else
        deed.details = S("{\"reason\":\"wrong_code\"}");
    return audit_write(cx, &deed) &&
           (!e->good ||
            (person_entered(cx, e->user, (Str){ 0 }) && session_write(cx, &e->session)));
}

static bool tell(Ctx *cx, const Entering *e, const Person *p, Proof proof, SignedIn *out)
{
    *out = (SignedIn){ .user = *p,
                       .tokens = session_tokens(cx, &e->session, (Role)p->role) };
    return proof == ONE_FACTOR || fresh_mark(cx, e->session.id);
}

bool entry_admit(Ctx *cx, const Caller *from, UserId user, Proof proof, SignedIn *out)
{
    Entering e = { .user = user };
    Person p;

    if (!look_up(cx, user, &p))
        return false;
    if (p.mfaEnabled && proof == ONE_FACTOR)
        return entry_ask(cx, &p, out);
    e.session = session_prepare(cx, user, from->peer, from->agent);
    return write_tx(cx, lane_of(user.v), enter, &e) && tell(cx, &e, &p, proof, out);
}

static bool missed(Ctx *cx, UserId user, i64 attempt, const Challenge *c)
{
    if (attempt < lockout()->attempts && !challenge_again(cx, c))
        return false;
    return mfa_missed(cx, user, attempt);
}

bool entry_complete(Ctx *cx, const Caller *from, Str challenge, Str code, SignedIn *out)
{
    Entering e = { .code = code };
    Challenge c;
    Person p;
    i64 attempt;

    if (!challenge_take(cx, kind, challenge, &c))
        return false;
    must(uuid_read(str_sub(c.data, 0, UUID_LETTERS), &e.user.v) &&
         str_int(str_sub(c.data, UUID_LETTERS + 1, c.data.len), &e.epoch));
    if (!mfa_try(cx, e.user, &attempt) || !look_up(cx, e.user, &p))
        return false;
    e.session = session_prepare(cx, e.user, from->peer, from->agent);
    if (!write_tx(cx, lane_of(e.user.v), enter, &e))
        return false;
    if (!e.good)
        return missed(cx, e.user, attempt, &c);
    return mfa_hit(cx, e.user) && tell(cx, &e, &p, TWO_FACTORS, out);
}
