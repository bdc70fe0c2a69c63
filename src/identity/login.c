/* login.c - the order of things is the point of this file:
 *
 *   limit per address and email -> reserve one of five attempts -> hash (always) ->
 *   judge -> give the attempt back, or lock after the fifth failure
 *
 * The count may be lost (kv); the lock itself is in the person's row. A right password
 * gives back the limit too, so people and their tests may sign in as often as they like. */
#include "identity/login.h"
#include "identity/entry.h"
#include "identity/password.h"
#include "identity/tenant.h"
#include "base/log.h"
#include "base/rand.h"
#include "kv/kv.h"
#include "mail/mail.h"
#include <arpa/inet.h>

const Shape signed_in_shape = SHAPE(SignedIn,
    OBJECT(SignedIn, user, &person_shape, 0, "who is signed in"),
    OBJECT(SignedIn, tokens, &tokens_shape, 0, "what to show from now on"));

enum { VERIFY_BYTES = 32 };

static struct { Arena mem; Str public_url; bool production; } all;

void login_open(const LoginConfig *config)
{
    all.public_url = str_copy(&all.mem, config->public_url);
    all.production = config->production;
}

void login_close(void) { arena_close(&all.mem); }

/* ---- limits --------------------------------------------------------------- */

/* One subscriber has a whole /64 of IPv6, so that is what counts as an address. */
static Str bucket_of(Ctx *cx, Str peer)
{
    u8 bytes[16];

    if (str_find(peer, ':') < 0 || inet_pton(AF_INET6, str_z(cx->mem, peer), bytes) != 1)
        return peer;
    return hex_write(cx->mem, bytes, 8);
}

/* ---- the letter ----------------------------------------------------------- */

static Key verify_key(Ctx *cx, Str token)
{
    Digest d = sha256(token);
    return kv_key_global(cx, "verify-email", hex_write(cx->mem, d.b, SHA256_BYTES));
}

/* Best effort: an account without its letter can ask for another. */
static void send_verification(Ctx *cx, const Person *p)
{
    u8 chance[VERIFY_BYTES];

    rand_bytes(chance, VERIFY_BYTES);
    Str token = base64url_write(cx->mem, chance, VERIFY_BYTES);
    Str ids = str_fmt(cx->mem, "%.*s %.*s", STR_ARGS(uuid_str(cx->mem, p->tenantId.v)),
                      STR_ARGS(uuid_str(cx->mem, p->id.v)));
    Str link = str_fmt(cx->mem, "%.*s/auth/verify-email?token=%.*s", STR_ARGS(all.public_url),
                       STR_ARGS(token));
    Letter letter = {
        .to = p->email, .subject = S("Please confirm your email address"),
        .text = str_fmt(cx->mem, "Welcome.\n\nPlease confirm your email address by opening this"
                        " link within 24 hours:\n\n%.*s\n\nIf you did not make an account, you"
                        " need not do anything.\n", STR_ARGS(link)),
        .html = str_fmt(cx->mem, "<p>Welcome.</p><p>Please <a href=\"%.*s\">confirm your email"
                        " address</a> within 24 hours.</p><p>If you did not make an account, you"
                        " need not do anything.</p>\n", STR_ARGS(link)),
    };
    if (kv_put(cx, verify_key(cx, token), ids, VERIFY_LASTS) && mail_send(cx, &letter))
        return;
    log_warn("verification letter not sent", L("why", (const char *)cx->fault.why));
    fault_clear(cx);
}

static bool verify(Ctx *cx, void *arg)
{
    return person_verified(cx, *(UserId *)arg);
}

bool login_verify_email(Ctx *cx, Str token)
{
    Str ids;
    UserId user;
    bool found;

    if (token.at == NULL)
        return fail(cx, INVALID_TOKEN, "no token");
    if (!kv_get(cx, verify_key(cx, token), &ids, &found))
        return false;
    if (!found)
        return fail(cx, INVALID_TOKEN, "verification token unknown or too old");
    must(uuid_read(str_sub(ids, 0, UUID_LETTERS), &cx->tenant.v) &&
         uuid_read(str_sub(ids, UUID_LETTERS + 1, ids.len), &user.v));
    return write_tx(cx, lane_of(user.v), verify, &user);
}

/* ---- making an account ---------------------------------------------------- */

typedef struct { NewPerson in; Person person; Session session; } Joining;   /* session: may be none */

static bool join(Ctx *cx, void *arg)
{
    Joining *j = arg;

    return person_add(cx, &j->in, &j->person) &&
           (uuid_zero(j->session.id) || session_write(cx, &j->session));
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
                          in->phone, { 0 }, CUSTOMER, PERSON_PENDING } };
    Key key = kv_key(cx, "register", bucket_of(cx, from->peer));

    if (all.production &&
        !kv_limit(cx, key, REGISTER_WINDOW, REGISTERS_MOST, METRIC_KV_OPEN_REGISTER))
        return false;
    if (!tenant_check(cx) || !password_allowed(cx, in->password) || !is_free(cx, in->email) ||
        !password_hash(cx, in->password, &j.in.passwordHash))
        return false;
    j.session = session_prepare(cx, j.in.id, from->peer, from->agent);
    if (!write_tx(cx, lane_of(cx->tenant.v), join, &j))
        return false;
    send_verification(cx, &j.person);
    *out = (SignedIn){ .user = j.person, .tokens = session_tokens(cx, &j.session, CUSTOMER) };
    return true;
}

/* The same rules for an email as a request's body has. */
typedef struct { Str email; } Address;
static const Shape address_shape = SHAPE(Address, TEXT(Address, email, 3, 255, EMAIL, ""));

static bool is_email(Ctx *cx, Str email)
{
    Buf b = buf_in(cx->mem, 300);
    Address a;

    buf_lit(&b, "{\"email\":");
    json_put_str(&b, email);
    buf_byte(&b, '}');
    return shape_read(cx, &address_shape, buf_str(&b), &a);
}

bool account_add(Ctx *cx, Str email, Str password, Role role, Person *out)
{
    Joining j = { .in = { .id = { uuid_new(cx->now) }, .email = email, .role = role,
                          .status = PERSON_ACTIVE } };

    if (role == ANYONE || role >= ROLE_COUNT)
        return fail_field(cx, S("role"), "must be a role");
    if (!is_email(cx, email) || !tenant_check(cx))
        return false;
    if (password.at != NULL && (!password_allowed(cx, password) || !is_free(cx, email) ||
                                !password_hash(cx, password, &j.in.passwordHash)))
        return false;
    if (!write_tx(cx, lane_of(cx->tenant.v), join, &j))
        return false;
    *out = j.person;
    return true;
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
        fault_clear(cx);                          /* of the first epoch, then: perhaps void */
    *token = token_access(cx, user, role, uuid_new(cx->now), s.standing.epoch);
}

/* ---- signing in ----------------------------------------------------------- */

typedef struct {
    Key     attempts;
    Person  person;
    bool    found;
    Str     new_hash;                             /* absent: the old one stays */
    i64     attempt;
    Session session;
} Entering;

static bool enter(Ctx *cx, void *arg)
{
    Entering *e = arg;
    return person_entered(cx, e->person.id, e->new_hash) && session_write(cx, &e->session);
}

static bool shut(Ctx *cx, void *arg)
{
    const Entering *e = arg;
    return person_lock(cx, e->person.id, e->attempt, later(cx->now, LOCK_LASTS));
}

/* While a lock runs nothing is counted: who tries on in good faith must not find himself
 * out again when it ends. The kv is asked all the same, so that a locked account fails
 * like any other while it is away.
 *
 * Fails closed: without the count nothing would bring the lock about, and whoever can stop
 * the kv could guess on (docs/why/kv-away.md). */
static bool reserve(Ctx *cx, Entering *e)
{
    Instant reset;

    if (e->found && before(cx->now, e->person.lockedUntil)) {
        if (!kv_counted(cx, e->attempts, &e->attempt))
            return false;
        e->attempt = ATTEMPTS_MOST + 1;
        return true;
    }
    return kv_count(cx, e->attempts, LOCK_LASTS, ATTEMPTS_MOST, &e->attempt, &reset);
}

static bool may_enter(const Entering *e)
{
    int status = e->person.status;
    return e->found && e->attempt <= ATTEMPTS_MOST &&
           (status == PERSON_PENDING || status == PERSON_ACTIVE);
}

/* The count is left alone when the lock begins: it began earlier, so it ends earlier, and
 * who read the row just before finds no attempt left. */
static bool refuse(Ctx *cx, Entering *e)
{
    if (e->found && e->attempt == ATTEMPTS_MOST &&
        !write_tx(cx, lane_of(e->person.id.v), shut, e))
        return false;
    return fail(cx, AUTHENTICATION_FAILED, "%s, attempt %jd",
                e->found ? "wrong password, locked or not active" : "unknown", (intmax_t)e->attempt);
}

/* Who is in stays in: an attempt that can't be given back is only one less for him. */
static bool give_back(Ctx *cx, Key attempts, Key often)
{
    return (kv_delete(cx, attempts) && kv_delete(cx, often)) ||
           kv_do_without(cx, METRIC_KV_NO_GIVE_BACK);
}

static bool rehash(Ctx *cx, void *arg)
{
    const Entering *e = arg;
    return person_entered(cx, e->person.id, e->new_hash);
}

/* The password was right; codes have a count of their own (mfa.c). */
static bool ask_more(Ctx *cx, Entering *e, Key often, SignedIn *out)
{
    return (e->new_hash.at == NULL || write_tx(cx, lane_of(e->person.id.v), rehash, e)) &&
           give_back(cx, e->attempts, often) && entry_ask(cx, &e->person, out);
}

bool login_enter(Ctx *cx, const Caller *from, Str email, Str password, SignedIn *out)
{
    Str lower = str_lower(cx->mem, email);
    Str place = str_fmt(cx->mem, "%.*s %.*s", STR_ARGS(bucket_of(cx, from->peer)), STR_ARGS(lower));
    Key often = kv_key(cx, "login", place);
    Entering e = { .attempts = kv_key(cx, "attempts", lower) };
    bool same, stale;

    if (!kv_limit(cx, often, LOGIN_WINDOW, LOGINS_MOST, METRIC_KV_OPEN_LOGIN) ||
        !person_look_email(cx, lower, &e.person, &e.found) || !reserve(cx, &e) ||
        !password_check(cx, e.person.passwordHash, password, &same, &stale))
        return false;
    if (!same || !may_enter(&e))
        return refuse(cx, &e);
    if (stale && !password_hash(cx, password, &e.new_hash))
        return false;
    if (e.person.mfaEnabled)
        return ask_more(cx, &e, often, out);
    e.session = session_prepare(cx, e.person.id, from->peer, from->agent);
    if (!write_tx(cx, lane_of(e.person.id.v), enter, &e) || !give_back(cx, e.attempts, often))
        return false;
    *out = (SignedIn){ .user = e.person,
                       .tokens = session_tokens(cx, &e.session, (Role)e.person.role) };
    return true;
}
