/* recovery.c - a password is judged and hashed before the link is used up, so a weak one
 * costs nothing; what counts is the UPDATE at the end, which one of many wins. */
#include "identity/recovery.h"
#include "identity/letter.h"
#include "identity/login.h"
#include "identity/policy.h"
#include "identity/postman.h"
#include "identity/session.h"
#include "proof/password.h"
#include "kv/kv.h"

/* ---- asking ----------------------------------------------------------------- */

typedef struct { Person person; Caller from; MailProof proof; bool send; } Asking;

static bool keep_proof(Ctx *cx, void *arg)
{
    Asking *a = arg;
    UserId user = a->person.id;
    Instant last;
    i64 n;

    if (!mailproof_made(cx, FOR_RESET, user, earlier(cx->now, RESET_PAUSE), &n, &last))
        return false;
    a->send = n == 0;
    return !a->send || (mailproof_keep(cx, FOR_RESET, user, &a->proof, RESET_LASTS) &&
                        letter_reset(cx, user, a->person.email, &a->proof) &&
                        audit_write(cx, &(Deed){ .action = AUDIT_RESET_REQUESTED,
                                                 .subject = user, .from = a->from }));
}

bool recovery_ask(Ctx *cx, const Caller *from, Str email)
{
    Asking a = { .from = *from };
    bool found;

    if (!person_look_email(cx, email, &a.person, &found))
        return false;
    if (!found || (a.person.status != PERSON_ACTIVE && a.person.status != PERSON_PENDING))
        return true;
    a.proof = mailproof_make(cx);
    if (!write_tx(cx, lane_of(a.person.id.v), keep_proof, &a))
        return false;
    postman_wake();
    return true;
}

/* ---- a new one ---------------------------------------------------------------- */

typedef struct {
    Caller    from;
    Str       token;                              /* absent: the old one was shown */
    UserId    user;
    Str       known_hash, new_hash;
    Str       email;
    EndedList ended;
} Renewing;

static bool replace(Ctx *cx, Renewing *r, AuditAction action)
{
    return person_renew(cx, r->user, r->known_hash, r->new_hash, &r->email) &&
           mailproof_end(cx, FOR_RESET, r->user) &&
           session_close_all(cx, r->user, (Uuid){ 0 }, "password changed", &r->ended) &&
           letter_changed(cx, r->user, r->email) &&
           audit_write(cx,
                       &(Deed){ .action = action, .actor = r->user, .subject = r->user,
                                .from = r->from });
}

static bool look(Ctx *cx, void *arg)
{
    Renewing *r = arg;
    return mailproof_look(cx, FOR_RESET, r->token, &r->user);
}

static bool reset(Ctx *cx, void *arg)
{
    Renewing *r = arg;

    return mailproof_use(cx, FOR_RESET, r->token, &r->user) &&
           person_verified(cx, r->user) && replace(cx, r, AUDIT_RESET_COMPLETED);
}

static bool change(Ctx *cx, void *arg)
{
    return replace(cx, arg, AUDIT_PASSWORD_CHANGED);
}

static bool finish(Ctx *cx, Renewing *r, TxFn *fn)
{
    if (!write_tx(cx, lane_of(r->user.v), fn, r))
        return false;
    session_tell(cx, &r->ended);
    postman_wake();
    return true;
}

bool recovery_reset(Ctx *cx, const Caller *from, Str token, Str password)
{
    Renewing r = { .from = *from, .token = token };

    return mailproof_tenant(cx, token) && read_tx(cx, look, &r) &&
           policy_allows(cx, password) && password_hash(cx, password, &r.new_hash) &&
           finish(cx, &r, reset);
}

bool recovery_change(Ctx *cx, const Caller *from, Str old, Str password)
{
    Renewing r = { .from = *from, .user = cx->who.user };
    bool same, stale;
    Instant until;
    Person p;
    i64 n;

    if (!person_look(cx, r.user, &p))
        return false;
    Key attempts = kv_key(cx, "attempts", p.email);
    if (!kv_count(cx, attempts, lockout()->lasts, lockout()->attempts, &n, &until) ||
        !password_check(cx, p.passwordHash, old, &same, &stale))
        return false;
    if (!same || n > lockout()->attempts)
        return fail(cx, AUTHENTICATION_FAILED, "wrong old password, attempt %jd",
                    (intmax_t)n);
    if (str_is(old, password))
        return fail(cx, SAME_PASSWORD, "the same again");
    r.known_hash = p.passwordHash;
    return kv_delete(cx, attempts) && policy_allows(cx, password) &&
           password_hash(cx, password, &r.new_hash) && finish(cx, &r, change);
}
