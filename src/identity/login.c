/* login.c - the order of things is the point of this file:
 *
 *   limit per address and email -> reserve one of the address's ten attempts and of the
 *   account's five -> hash (always) -> judge -> give the attempts back, or lock
 *
 * The counts may be lost (kv); an account's lock is in the person's row. A right password
 * gives back the limit too, so people and their tests may sign in as often as they like.
 * It gives back one attempt of the address and not all: else who has one account of his
 * own could try others for ever. */
#include "identity/login.h"
#include "identity/entry.h"
#include "identity/letter.h"
#include "identity/limit.h"
#include "identity/policy.h"
#include "identity/postman.h"
#include "identity/tenant.h"
#include "proof/password.h"
#include "kv/kv.h"

const Shape signed_in_shape = SHAPE(SignedIn,
    OBJECT(SignedIn, user, &person_shape, 0, "who is signed in"),
    OBJECT(SignedIn, tokens, &tokens_shape, 0, "what to show from now on"));

static bool needs_verified;
static Lockout locks;

void login_open(const LoginConfig *config)
{
    needs_verified = config->needs_verified;
    locks = config->lockout;
    must(locks.attempts > 0 && locks.lasts.ms > 0);
}

const Lockout *lockout(void) { return &locks; }

/* ---- making an account ---------------------------------------------------- */

typedef struct {
    NewPerson in;
    Caller    from;
    Person    person;
    Session   session;                            /* may be none              */
    MailProof proof;                              /* with it                  */
} Joining;

static bool join(Ctx *cx, void *arg)
{
    Joining *j = arg;

    return person_add(cx, &j->in, &j->person) &&
           (uuid_zero(j->session.id) ||
            (session_write(cx, &j->session) &&
             mailproof_keep(cx, FOR_VERIFY, j->in.id, &j->proof, VERIFY_LASTS) &&
             letter_verify(cx, j->in.id, j->person.email, &j->proof))) &&
           audit_write(cx, &(Deed){ .action = AUDIT_REGISTRATION, .actor = j->in.id,
                                    .subject = j->in.id, .from = j->from });
}

/* The early look saves a hash; the one that counts is the INSERT's. */
static bool is_free(Ctx *cx, Str email)
{
    Person p;
    bool found;

    if (!person_look_email(cx, email, &p, &found))
        return false;
    return !found || fail(cx, DUPLICATE_EMAIL, "email is taken");
}

bool login_register(Ctx *cx, const Caller *from, const Account *in, SignedIn *out)
{
    Joining j = { .in = { { uuid_new(cx->now) }, in->email, in->firstName, in->lastName,
                          in->phone, { 0 }, CUSTOMER, PERSON_PENDING }, .from = *from };

    if (!tenant_check(cx) || !policy_allows(cx, in->password) ||
        !is_free(cx, in->email) || !password_hash(cx, in->password, &j.in.passwordHash))
        return false;
    j.session = session_prepare(cx, j.in.id, from->peer, from->agent);
    j.proof = mailproof_make(cx);
    if (!write_tx(cx, lane_of(cx->tenant.v), join, &j))
        return false;
    postman_wake();
    *out = (SignedIn){ .user = j.person,
                       .tokens = session_tokens(cx, &j.session, CUSTOMER) };
    return true;
}

/* The same rules for an email as a request's body has. */
typedef struct { Str email; } Address;
static const Shape address_shape = SHAPE(Address,
    TEXT(Address, email, 3, 255, EMAIL, ""));

static bool is_email(Ctx *cx, Str email)
{
    Buf b = buf_in(cx->mem, 300);
    Address a;

    buf_lit(&b, "{\"email\":");
    json_put_str(&b, email);
    buf_byte(&b, '}');
    return shape_read(cx, &address_shape, buf_str(&b), &a);
}

/* An absent hash: who can't sign in with a password. */
static bool add_account(Ctx *cx, Str email, Str hash, Role role, Person *out)
{
    Joining j = { .in = { .id = { uuid_new(cx->now) }, .email = email,
                          .passwordHash = hash, .role = role, .status = PERSON_ACTIVE } };

    if (role == ANYONE || role >= ROLE_COUNT)
        return fail_field(cx, S("role"), "must be a role");
    if (!is_email(cx, email) || !tenant_check(cx) ||
        !write_tx(cx, lane_of(cx->tenant.v), join, &j))
        return false;
    *out = j.person;
    return true;
}

bool account_add(Ctx *cx, Str email, Str password, Role role, Person *out)
{
    Str hash = { 0 };

    if (password.at != NULL && (!policy_allows(cx, password) || !is_free(cx, email) ||
                                !password_hash(cx, password, &hash)))
        return false;
    return add_account(cx, email, hash, role, out);
}

bool account_take_over(Ctx *cx, Str email, Str hash, Role role, Person *out)
{
    if (!password_hash_is(cx->mem, hash))
        return fail_field(cx, S("hash"),
                          "must be bcrypt's or Argon2id's, of bearable cost");
    return add_account(cx, email, hash, role, out);
}

typedef struct { UserId user; Standing standing; } StandingOf;

static bool read_standing(Ctx *cx, void *arg)
{
    StandingOf *s = arg;
    return epoch_read(cx, s->user, &s->standing);
}

void person_token(Ctx *cx, UserId user, Role role, Str *token)
{
    StandingOf s = { .user = user };

    if (!read_tx(cx, read_standing, &s))
        fault_clear(cx);                          /* of the first epoch, then: perhaps
                                                     void */
    *token = token_access(cx, user, role, uuid_new(cx->now), s.standing.epoch);
}

/* ---- signing in ----------------------------------------------------------- */

typedef struct {
    Caller  from;
    Key     attempts;                             /* of the account           */
    Person  person;
    bool    found, open;                          /* the person; his tenant's business */
    Str     new_hash;                             /* absent: the old one stays */
    i64     attempt;
    const char *why;                              /* not, for its owner and admins */
    Session session;
} Entering;

typedef struct { Str email; Entering *e; } Looking;

static bool look(Ctx *cx, void *arg)
{
    const Looking *l = arg;
    Tenant t;
    bool there;

    if (!person_find(cx, l->email, &l->e->person, &l->e->found) ||
        !tenant_find(cx, &t, &there))
        return false;
    l->e->open = there && t.status == TENANT_ACTIVE;
    return true;
}

static bool note(Ctx *cx, const Entering *e, AuditAction action)
{
    Deed d = { .action = action, .failed = action != AUDIT_LOGIN, .from = e->from };

    if (e->found)
        d.subject = e->person.id;
    if (action == AUDIT_LOGIN)
        d.actor = e->person.id;
    if (action == AUDIT_LOGIN_FAILED)
        d.details = str_fmt(cx->mem, "{\"reason\":\"%s\"}", e->why);
    return audit_write(cx, &d);
}

static bool enter(Ctx *cx, void *arg)
{
    Entering *e = arg;

    return person_let_in(cx, e->person.id, e->person.passwordHash, e->new_hash) &&
           session_write(cx, &e->session) && note(cx, e, AUDIT_LOGIN);
}

static bool turn_away(Ctx *cx, void *arg)
{
    const Entering *e = arg;

    if (!note(cx, e, AUDIT_LOGIN_FAILED))
        return false;
    if (!e->found || GUARDED(e->attempt != locks.attempts))
        return true;
    return person_lock(cx, e->person.id, e->attempt, later(cx->now, locks.lasts)) &&
           note(cx, e, AUDIT_LOCKED);
}

/* While a lock runs, of the account or of who knocks, nothing is counted: who tries on in
 * good faith must not find himself out again when it ends. The kv is asked all the same,
 * so that a locked account fails like any other while it is away.
 *
 * Fails closed: without the count nothing would bring the lock about, and whoever can
 * stop the kv could guess on (docs/why/kv-away.md). */
static bool reserve(Ctx *cx, Entering *e, bool barred)
{
    Instant reset;

    if (barred || (e->found && before(cx->now, e->person.lockedUntil))) {
        if (!kv_counted(cx, e->attempts, &e->attempt))
            return false;
        e->attempt = locks.attempts + 1;
        return true;
    }
    return kv_count(cx, e->attempts, locks.lasts, locks.attempts, &e->attempt, &reset);
}

/* ---- the address ---- */

typedef struct { Str peer; Key attempts, shut; bool barred; i64 attempt; } Place;

static bool reserve_place(Ctx *cx, Str peer, Place *p)
{
    Str address = limit_address(cx, peer), why;
    Instant reset;

    *p = (Place){ peer, kv_key_global(cx, "address-attempts", address),
                  kv_key_global(cx, "address-locked", address), false, 0 };
    if (!limits_on())
        return true;
    if (!kv_get(cx, p->shut, &why, &p->barred) ||
        (!p->barred &&
         !kv_count(cx, p->attempts, locks.lasts, 2 * locks.attempts, &p->attempt,
                   &reset)))
        return false;
    p->barred |= p->attempt > 2 * locks.attempts;
    return true;
}

static bool shut_place(Ctx *cx, const Place *p)
{
    bool made;

    return p->attempt != 2 * locks.attempts ||
           kv_put_new(cx, p->shut, S("1"), locks.lasts, &made);
}

/* ---- the verdict ---- */

static bool may_enter(const Entering *e)
{
    int status = e->person.status;

    return e->found && e->open && e->attempt <= locks.attempts &&
           (status == PERSON_ACTIVE || (status == PERSON_PENDING && !needs_verified));
}

/* Of who is locked out it is not said whether the password was right. */
static const char *why_not(const Entering *e, bool same, bool barred)
{
    int status = e->person.status;

    if (barred)
        return "address_locked";
    if (!e->found)
        return "unknown";
    if (e->attempt > locks.attempts)
        return "account_locked";
    if (!same)
        return "wrong_password";
    if (!e->open)
        return "tenant_suspended";
    return status == PERSON_PENDING ? "email_not_verified" : "account_not_active";
}

/* The count is left alone when the lock begins: it began earlier, so it ends earlier, and
 * who read the row just before finds no attempt left. */
static bool refuse(Ctx *cx, Entering *e, const Place *place)
{
    Uuid lane = e->found ? e->person.id.v : cx->tenant.v;

    if (!write_tx(cx, lane_of(lane), turn_away, e) || !shut_place(cx, place))
        return false;
    return fail(cx, AUTHENTICATION_FAILED, "%s, attempt %jd", e->why,
                (intmax_t)e->attempt);
}

/* Who is in stays in: an attempt that can't be given back is only one less for him. */
static bool give_back(Ctx *cx, Key attempts, Key often, const Place *place)
{
    return (kv_delete(cx, attempts) && kv_delete(cx, often) &&
            (!limits_on() || kv_uncount(cx, place->attempts)) &&
            limit_give_back(cx, LIMIT_LOGIN, place->peer)) ||
           kv_do_without(cx, METRIC_KV_NO_GIVE_BACK);
}

static bool rehash(Ctx *cx, void *arg)
{
    const Entering *e = arg;
    return person_let_in(cx, e->person.id, e->person.passwordHash, e->new_hash);
}

/* The password was right; codes have a count of their own (mfa.c). */
static bool ask_more(Ctx *cx, Entering *e, Key often, const Place *place, SignedIn *out)
{
    return (e->new_hash.at == NULL || write_tx(cx, lane_of(e->person.id.v), rehash, e)) &&
           give_back(cx, e->attempts, often, place) && entry_ask(cx, &e->person, out);
}

bool login_enter(Ctx *cx, const Caller *from, Str email, Str password, SignedIn *out)
{
    Str lower = str_lower(cx->mem, email);
    Str pair = str_fmt(cx->mem, "%.*s %.*s", STR_ARGS(limit_address(cx, from->peer)),
                       STR_ARGS(lower));
    Key often = kv_key(cx, "login", pair);
    Entering e = { .from = *from, .attempts = kv_key(cx, "attempts", lower) };
    Place place;
    bool same, stale;

    if (!kv_limit(cx, often, LOGIN_WINDOW, LOGINS_MOST, METRIC_KV_OPEN_LOGIN) ||
        !read_tx(cx, look, &(Looking){ lower, &e }) ||
        !reserve_place(cx, from->peer, &place) || !reserve(cx, &e, place.barred) ||
        !password_check(cx, e.person.passwordHash, password, &same, &stale))
        return false;
    e.why = why_not(&e, same, place.barred);
    if (!same || place.barred || !may_enter(&e))
        return refuse(cx, &e, &place);
    if (stale && !password_hash(cx, password, &e.new_hash))
        return false;
    if (e.person.mfaEnabled)
        return ask_more(cx, &e, often, &place, out);
    e.session = session_prepare(cx, e.person.id, from->peer, from->agent);
    if (!write_tx(cx, lane_of(e.person.id.v), enter, &e) ||
        !give_back(cx, e.attempts, often, &place))
        return false;
    *out = (SignedIn){ .user = e.person,
                       .tokens = session_tokens(cx, &e.session, (Role)e.person.role) };
    return true;
}
