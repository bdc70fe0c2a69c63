/* mailbox.c - how many letters went out is counted in the rows of their proofs, so it is
 * not forgotten with the kv, and the count and the new row are one transaction in the
 * person's lane. */
#include "identity/mailbox.h"
#include "identity/letter.h"
#include "identity/postman.h"

static bool confirm(Ctx *cx, const Caller *from, UserId user)
{
    return person_verified(cx, user) &&
           audit_write(cx, &(Deed){ .action = AUDIT_EMAIL_VERIFIED, .actor = user,
                                    .subject = user, .from = *from });
}

typedef struct {
    const Caller *from;
    Str token, code;
    UserId user;
    bool good;
} Confirming;

static bool look(Ctx *cx, void *arg)
{
    Confirming *c = arg;
    return mailproof_look(cx, FOR_VERIFY, c->token, &c->user);
}

static bool use_token(Ctx *cx, void *arg)
{
    Confirming *c = arg;
    return mailproof_use(cx, FOR_VERIFY, c->token, &c->user) &&
           confirm(cx, c->from, c->user);
}

bool mailbox_confirm(Ctx *cx, const Caller *from, Str token)
{
    Confirming c = { .from = from, .token = token };

    return mailproof_tenant(cx, token) && read_tx(cx, look, &c) &&
           write_tx(cx, lane_of(c.user.v), use_token, &c);
}

static bool use_code(Ctx *cx, void *arg)
{
    Confirming *c = arg;

    return mailproof_use_code(cx, FOR_VERIFY, c->user, c->code, &c->good) &&
           (!c->good || confirm(cx, c->from, c->user));
}

bool mailbox_confirm_code(Ctx *cx, const Caller *from, Str email, Str code)
{
    Confirming c = { .from = from, .code = code };
    Person p;
    bool found;

    if (!person_look_email(cx, email, &p, &found))
        return false;
    c.user = p.id;
    if (found && !write_tx(cx, lane_of(p.id.v), use_code, &c))
        return false;
    return c.good || fail(cx, INVALID_CODE, "wrong or old code, or nobody's");
}

typedef struct { Person person; MailProof proof; } Sending;

static bool keep_another(Ctx *cx, void *arg)
{
    Sending *s = arg;
    Instant last, hour_ago = earlier(cx->now, hours(1));
    i64 n;

    if (!person_get(cx, cx->who.user, &s->person))
        return false;
    if (s->person.emailVerified)
        return fail(cx, INVALID_STATE, "confirmed already");
    Instant since = before(hour_ago, s->person.createdAt) ? s->person.createdAt
                                                          : hour_ago;
    if (!mailproof_made(cx, FOR_VERIFY, s->person.id, since, &n, &last))
        return false;
    if (n < RESENDS_MOST)
        return mailproof_keep(cx, FOR_VERIFY, s->person.id, &s->proof, VERIFY_LASTS) &&
               letter_verify(cx, s->person.id, s->person.email, &s->proof);
    fail(cx, RATE_LIMIT_EXCEEDED, "%jd letters in an hour", (intmax_t)n);
    cx->fault.retry_after = (int)((later(last, hours(1)).ms - cx->now.ms + 999) / 1000);
    return false;
}

bool mailbox_resend(Ctx *cx)
{
    Sending s = { .proof = mailproof_make(cx) };

    if (!write_tx(cx, lane_of(cx->who.user.v), keep_another, &s))
        return false;
    postman_wake();
    return true;
}
