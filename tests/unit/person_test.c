/* person_test.c - accounts, signing in, and who knocks too often. */
#include "unit/test.h"
#include "unit/with_identity.h"
#include "identity/mailbox.h"
#include "identity/recovery.h"
#include "identity/tenant.h"
#include "identity/letterbox.h"
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define PASSWORD S("Blue-Kettle-42")
static const Caller here = { { "192.0.2.1", 9 }, { "test", 4 } };

static Account account(const char *email)
{
    return (Account){ str_of(email), PASSWORD, S("Ada"), S("Byron"), { 0 } };
}

static SignedIn registered(Ctx *cx, const char *email)
{
    Account a = account(email);
    SignedIn in;

    fault_clear(cx);
    must(login_register(cx, &here, &a, &in));
    return in;
}

static FaultCode try_login(Ctx *cx, const char *email, Str password)
{
    SignedIn in;
    fault_clear(cx);
    return login_enter(cx, &here, str_of(email), password, &in) ? OK : cx->fault.code;
}

static void carry_letters(void)
{
    TenantId turn = { 0 };

    for (bool found = true; found;) {
        Ctx cx = ctx_new(mem, TENANT_DEFAULT);
        must(letterbox_carry(&cx, &turn, &found));
    }
}

/* The link of the newest letter. */
static Str token_in_letter(Str to)
{
    const char *box = str_z(mem, str_fmt(mem, "%s/mail", test_data_dir));
    carry_letters();
    DIR *d = opendir(box);
    Str token = { 0 };

    must(d != NULL);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (!str_ends(str_of(e->d_name), S(".eml")))
            continue;
        char *text = make(mem, char, 16 << 10), *plain = make(mem, char, 16 << 10);
        FILE *f = fopen(str_z(mem, str_fmt(mem, "%s/%s", box, e->d_name)), "r");
        isize n = (isize)fread(text, 1, 16 << 10, f), len = 0;
        fclose(f);
        for (isize i = 0; i < n; i++)                 /* soft line breaks of quoted-printable */
            if (text[i] == '=' && text[i + 1] == '\r')
                i += 2;
            else
                plain[len++] = text[i];
        char *at = memmem(plain, (size_t)len, "token=3D", 8);
        if (at != NULL && str_has((Str){ plain, len }, to))
            token = (Str){ at + 8, MAIL_PROOF_LETTERS };
    }
    closedir(d);
    return token;
}

TEST(who_registers_is_signed_in_at_once_as_a_customer_of_that_tenant)
{
    Ctx cx = with_identity();
    Claims c;
    SignedIn in = registered(&cx, "Ada@Example.org");
    Buf b = buf_in(mem, 1024);

    must(str_is(in.user.email, S("ada@example.org")) && in.user.role == CUSTOMER);
    must(!in.user.emailVerified && in.user.status == PERSON_PENDING);
    must(token_check(&cx, in.tokens.accessToken, &c) && uuid_is(c.user.v, in.user.id.v));
    shape_write(&b, &signed_in_shape, &in);
    must(!str_has(buf_str(&b), S("argon2")) && str_has(buf_str(&b), S("\"tenantId\":")));
    must(try_login(&cx, "ADA@example.org", PASSWORD) == OK);
    identity_done();
}

TEST(an_email_is_taken_once_in_a_tenant_and_free_in_another)
{
    Ctx cx = with_identity();
    SignedIn first = registered(&cx, "ada@example.org"), in;
    Account again = account("ADA@EXAMPLE.ORG");
    Tenant other;

    must(!login_register(&cx, &here, &again, &in));
    must_fault(&cx, DUPLICATE_EMAIL);
    fault_clear(&cx);
    must(tenant_add(&cx, S("Other"), S("other"), &other) && other.status == TENANT_ACTIVE);
    must(login_register(&cx, &here, &again, &in) && uuid_is(in.user.tenantId.v, other.id.v));
    must(!uuid_is(in.user.id.v, first.user.id.v));
    Person p;
    must(!person_look(&cx, first.user.id, &p));   /* a foreign id is not there */
    must_fault(&cx, NOT_FOUND);
    fault_clear(&cx);
    cx.tenant.v = uuid_new(cx.now);
    must(!login_register(&cx, &here, &again, &in));
    must_fault(&cx, INVALID_TENANT);
    identity_done();
}

TEST(a_weak_password_makes_no_account)
{
    Ctx cx = with_identity();
    Account a = account("ada@example.org");
    SignedIn in;
    Person p;
    bool found;

    a.password = S("Password123!");
    must(!login_register(&cx, &here, &a, &in));
    must_fault(&cx, VALIDATION_ERROR);
    must(str_is(cx.fault.fields->field, S("password")));
    fault_clear(&cx);
    must(person_look_email(&cx, a.email, &p, &found) && !found);
    identity_done();
}

TEST(unknown_and_wrong_get_the_same_answer)
{
    Ctx cx = with_identity();

    registered(&cx, "ada@example.org");
    must(try_login(&cx, "ada@example.org", S("Blue-Kettle-43")) == AUTHENTICATION_FAILED);
    must(try_login(&cx, "bob@example.org", S("Blue-Kettle-43")) == AUTHENTICATION_FAILED);
    identity_done();
}

/* Time moves past the limit per address, so that only the lock is looked at. */
static FaultCode try_later(Ctx *cx, Str password, Span wait)
{
    cx->now = later(cx->now, wait);
    return try_login(cx, "ada@example.org", password);
}

TEST(five_failures_lock_for_fifteen_minutes_and_knocking_does_not_prolong_it)
{
    Ctx cx = with_identity();

    registered(&cx, "ada@example.org");
    for (int i = 0; i < 5; i++)
        must(try_later(&cx, S("wrong"), seconds(13)) == AUTHENTICATION_FAILED);
    Instant locked = cx.now;
    for (int i = 0; i < 6; i++)
        must(try_later(&cx, i % 2 == 0 ? PASSWORD : S("wrong"), seconds(120)) == AUTHENTICATION_FAILED);
    Person p;
    bool found;
    must(person_look_email(&cx, S("ada@example.org"), &p, &found) && found);
    fault_clear(&cx);
    must(p.lockedUntil.ms == locked.ms + 15 * 60000);
    cx.now = later(locked, minutes(15));
    must(try_login(&cx, "ada@example.org", PASSWORD) == OK);
    must(try_later(&cx, S("wrong"), seconds(61)) == AUTHENTICATION_FAILED);      /* counts anew */
    must(try_later(&cx, PASSWORD, seconds(61)) == OK);
    identity_done();
}

TEST(the_sixth_failure_in_a_minute_from_one_place_is_told_to_wait)
{
    Ctx cx = with_identity();

    registered(&cx, "ada@example.org");
    for (int i = 0; i < 8; i++)                   /* the right password is not counted */
        must(try_login(&cx, "ada@example.org", PASSWORD) == OK);
    for (int i = 0; i < 5; i++)
        must(try_login(&cx, "bob@example.org", S("wrong")) == AUTHENTICATION_FAILED);
    must(try_login(&cx, "bob@example.org", S("wrong")) == RATE_LIMIT_EXCEEDED);
    must(cx.fault.retry_after > 0 && cx.fault.retry_after <= 60);
    must(try_login(&cx, "eve@example.org", S("wrong")) == AUTHENTICATION_FAILED);
    cx.now = later(cx.now, seconds(60));
    must(try_login(&cx, "bob@example.org", S("wrong")) == AUTHENTICATION_FAILED);
    identity_done();
}

/* ---- the address, the states, the record -------------------------------------- */

static FaultCode try_from(Ctx *cx, const char *peer, const char *email, Str password)
{
    Caller from = { str_of(peer), { 0 } };
    SignedIn in;

    fault_clear(cx);
    return login_enter(cx, &from, str_of(email), password, &in) ? OK : cx->fault.code;
}

TEST(ten_failures_lock_an_address_and_a_right_password_takes_back_only_its_own)
{
    Ctx cx = with_identity();

    registered(&cx, "ada@example.org");
    limit_open(&(LimitConfig){ true, 1000, 1000, 1000, 1000, 1000 });
    for (int i = 0; i < 9; i++) {
        const char *other = str_z(mem, str_fmt(mem, "nobody%d@example.org", i));
        must(try_from(&cx, "192.0.2.7", other, S("wrong")) == AUTHENTICATION_FAILED);
        must(try_from(&cx, "192.0.2.7", "ada@example.org", PASSWORD) == OK);
    }
    must(try_from(&cx, "192.0.2.7", "bob@example.org", S("wrong")) == AUTHENTICATION_FAILED);
    must(try_from(&cx, "192.0.2.7", "ada@example.org", PASSWORD) == AUTHENTICATION_FAILED);
    must(try_from(&cx, "192.0.2.8", "ada@example.org", PASSWORD) == OK);
    cx.now = later(cx.now, minutes(14));          /* knocking doesn't prolong it */
    must(try_from(&cx, "192.0.2.7", "ada@example.org", PASSWORD) == AUTHENTICATION_FAILED);
    cx.now = later(cx.now, minutes(1));
    must(try_from(&cx, "192.0.2.7", "ada@example.org", PASSWORD) == OK);
    identity_done();
}

SQL(test_status, "UPDATE person SET status = $2 WHERE tenant = $1");
SQL(test_tenant, "UPDATE tenant SET status = $2 WHERE id = $1");
SQL(test_hash,   "UPDATE person SET password_hash = $2 WHERE tenant = $1");
SQL(test_deeds,  "SELECT count(*) FROM audit WHERE tenant = $1 AND action = $2 AND subject = $3");

typedef struct { const Sql *q; const char *value; UserId of; i64 n; } Setting;

static bool set_it(Ctx *cx, void *arg)
{
    const Setting *s = arg;
    return sql_run(cx, s->q, NULL, V(s->value));
}

static void set(Ctx *cx, const Sql *q, const char *value)
{
    fault_clear(cx);
    must(write_tx(cx, (Lane){ 0 }, set_it, &(Setting){ .q = q, .value = value }));
}

static bool count_it(Ctx *cx, void *arg)
{
    Setting *s = arg;
    return sql_int(cx, s->q, &s->n, V(s->value), V(s->of.v));
}

static i64 deeds(Ctx *cx, const char *action, UserId of)
{
    Setting s = { &test_deeds, action, of, -1 };

    fault_clear(cx);
    must(read_tx(cx, count_it, &s));
    return s.n;
}

TEST(who_is_suspended_or_deleted_and_whose_shop_is_gets_the_answer_of_a_wrong_password)
{
    Ctx cx = with_identity();
    Tokens t;
    SignedIn in = registered(&cx, "ada@example.org");

    set(&cx, &test_status, "SUSPENDED");
    must(try_login(&cx, "ada@example.org", PASSWORD) == AUTHENTICATION_FAILED);
    must(!session_refresh(&cx, in.tokens.refreshToken, &t));
    set(&cx, &test_status, "DELETED");
    must(try_login(&cx, "ada@example.org", PASSWORD) == AUTHENTICATION_FAILED);
    set(&cx, &test_status, "ACTIVE");
    set(&cx, &test_tenant, "SUSPENDED");
    must(try_login(&cx, "ada@example.org", PASSWORD) == AUTHENTICATION_FAILED);
    must(!session_refresh(&cx, in.tokens.refreshToken, &t));
    set(&cx, &test_tenant, "ACTIVE");
    must(try_login(&cx, "ada@example.org", PASSWORD) == OK);
    fault_clear(&cx);
    must(session_refresh(&cx, in.tokens.refreshToken, &t));
    identity_done();
}

TEST(who_must_have_confirmed_his_email_can_not_sign_in_before)
{
    Ctx cx = with_identity();

    registered(&cx, "ada@example.org");
    login_open(&(LoginConfig){ true, { 5, minutes(15) } });
    must(try_login(&cx, "ada@example.org", PASSWORD) == AUTHENTICATION_FAILED);
    set(&cx, &test_status, "ACTIVE");
    must(try_login(&cx, "ada@example.org", PASSWORD) == OK);
    identity_done();
}

TEST(every_attempt_is_on_record_with_what_it_led_to)
{
    Ctx cx = with_identity();
    UserId ada = registered(&cx, "ada@example.org").user.id;

    must(deeds(&cx, "user.registration", ada) == 1);
    must(try_login(&cx, "ada@example.org", PASSWORD) == OK);
    for (int i = 0; i < 6; i++)
        must(try_later(&cx, S("wrong"), seconds(61)) == AUTHENTICATION_FAILED);
    must(deeds(&cx, "user.login", ada) == 1 && deeds(&cx, "user.login_failed", ada) == 6);
    must(deeds(&cx, "user.account_locked", ada) == 1);
    identity_done();
}

/* npm bcrypt 6.0.0, of PASSWORD, cost 10. */
#define BCRYPT_HASH "$2b$10$pZ8wap0sITUqW0TK0UrnruLGiDVGk0IxAx1jt/cNLcIjLByAaMpde"

TEST(who_comes_with_a_bcrypt_hash_signs_in_and_gets_one_of_ours)
{
    Ctx cx = with_identity();
    Person p;
    bool found;

    registered(&cx, "ada@example.org");
    set(&cx, &test_hash, BCRYPT_HASH);
    must(try_login(&cx, "ada@example.org", S("Blue-Kettle-43")) == AUTHENTICATION_FAILED);
    must(try_login(&cx, "ada@example.org", PASSWORD) == OK);
    must(person_look_email(&cx, S("ada@example.org"), &p, &found) && found);
    must(str_starts(p.passwordHash, S("$argon2id$v=19$m=1024,t=3,p=4$")));
    must(try_login(&cx, "ada@example.org", PASSWORD) == OK);
    identity_done();
}

static bool let_in(Ctx *cx, void *arg)
{
    const Person *p = arg;
    return person_let_in(cx, p->id, p->passwordHash, (Str){ 0 });
}

/* Both saw the old hash; the change came first. */
TEST(a_password_that_was_changed_meanwhile_lets_nobody_in_and_is_not_replaced)
{
    Ctx cx = with_identity();
    Person p, now;
    bool found;

    registered(&cx, "ada@example.org");
    must(person_look_email(&cx, S("ada@example.org"), &p, &found) && found);
    set(&cx, &test_hash, BCRYPT_HASH);
    must(!write_tx(&cx, (Lane){ 0 }, let_in, &p));
    must_fault(&cx, AUTHENTICATION_FAILED);
    fault_clear(&cx);
    must(person_look(&cx, p.id, &now) && str_is(now.passwordHash, S(BCRYPT_HASH)));
    must(write_tx(&cx, (Lane){ 0 }, let_in, &now));
    identity_done();
}

/* ---- a hundred at once ------------------------------------------------------ */

enum { KNOCKERS = 24 };
static pthread_barrier_t gate;
static _Atomic int looked_at;

static void *knock(void *arg)
{
    Arena own = { 0 };
    Ctx cx = ctx_new(&own, TENANT_DEFAULT);
    Caller from = { str_fmt(&own, "198.51.100.%d", *(int *)arg), { 0 } };
    SignedIn in;

    cx.deadline = mono_after(mono_now(), minutes(2));
    pthread_barrier_wait(&gate);
    must(!login_enter(&cx, &from, S("ada@example.org"), S("wrong"), &in));
    must_fault(&cx, AUTHENTICATION_FAILED);
    looked_at += str_has(str_of(cx.fault.why), S("attempt 6")) ? 0 : 1;
    arena_close(&own);
    return NULL;
}

TEST(of_many_guesses_at_once_from_many_places_five_count_and_the_rest_can_not_win)
{
    Ctx cx = with_identity();
    pthread_t threads[KNOCKERS];
    int number[KNOCKERS];

    registered(&cx, "ada@example.org");
    looked_at = 0;
    pthread_barrier_init(&gate, NULL, KNOCKERS);
    for (int i = 0; i < KNOCKERS; i++) {
        number[i] = i;
        must(pthread_create(&threads[i], NULL, knock, &number[i]) == 0);
    }
    for (int i = 0; i < KNOCKERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&gate);
    must(looked_at == 5);
    must(try_login(&cx, "ada@example.org", PASSWORD) == AUTHENTICATION_FAILED);
    identity_done();
}

/* ---- the letter, the CLI ------------------------------------------------------ */

TEST(the_link_in_the_letter_confirms_the_email_once_and_for_a_day)
{
    Ctx cx = with_identity();
    SignedIn in = registered(&cx, "ada@example.org");
    Str token = token_in_letter(S("ada@example.org"));
    Person p;

    must(token.len == MAIL_PROOF_LETTERS);
    must(mailbox_confirm(&cx, &here, token));
    must(person_look(&cx, in.user.id, &p) && p.emailVerified && p.status == PERSON_ACTIVE);
    must(!mailbox_confirm(&cx, &here, S("AAAA")));
    must_fault(&cx, INVALID_CODE);
    fault_clear(&cx);
    must(!mailbox_confirm(&cx, &here, token));
    fault_clear(&cx);
    registered(&cx, "bob@example.org");
    token = token_in_letter(S("bob@example.org"));
    cx.now = later(cx.now, hours(24));
    must(!mailbox_confirm(&cx, &here, token));
    must_fault(&cx, INVALID_CODE);
    identity_done();
}

typedef struct { Str token; UserId user; Uuid lane; } Using;

static bool use_reset(Ctx *cx, void *arg)
{
    Using *u = arg;
    return mailproof_use(cx, FOR_RESET, u->token, &u->user);
}

static void *use_one(void *arg)
{
    Arena own = { 0 };
    Ctx cx = ctx_new(&own, TENANT_DEFAULT);
    Using u = *(Using *)arg;

    u.lane = uuid_new(cx.now);                    /* not the guard that is meant here */
    pthread_barrier_wait(&gate);
    if (write_tx(&cx, lane_of(u.lane), use_reset, &u))
        looked_at++;
    else
        must_fault(&cx, INVALID_CODE);
    arena_close(&own);
    return NULL;
}

TEST(of_thirty_two_who_use_one_link_at_once_one_does)
{
    enum { MANY = 32 };
    Ctx cx = with_identity();
    pthread_t threads[MANY];

    registered(&cx, "ada@example.org");
    must(recovery_ask(&cx, &here, S("Ada@Example.org")) && recovery_ask(&cx, &here, S("no@x.org")));
    Using u = { .token = token_in_letter(S("reset-password?token=3D")) };
    must(u.token.len == MAIL_PROOF_LETTERS);
    looked_at = 0;
    pthread_barrier_init(&gate, NULL, MANY);
    for (int i = 0; i < MANY; i++)
        must(pthread_create(&threads[i], NULL, use_one, &u) == 0);
    for (int i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&gate);
    must(looked_at == 1);
    identity_done();
}

TEST(an_account_of_the_cli_needs_no_letter_and_may_have_any_role)
{
    Ctx cx = with_identity();
    Person p;
    Claims c;
    Str token;

    must(account_add(&cx, S("Boss@Example.org"), PASSWORD, VENUE_MANAGER, &p));
    must(p.role == VENUE_MANAGER && p.emailVerified && p.status == PERSON_ACTIVE);
    must(try_login(&cx, "boss@example.org", PASSWORD) == OK);
    person_token(&cx, p.id, (Role)p.role, &token);
    must(token_check(&cx, token, &c) && c.role == VENUE_MANAGER && uuid_is(c.user.v, p.id.v));

    must(!account_add(&cx, S("boss@example.org"), PASSWORD, ADMIN, &p));
    must_fault(&cx, DUPLICATE_EMAIL);
    fault_clear(&cx);
    must(!account_add(&cx, S("no address"), PASSWORD, ADMIN, &p));
    must_fault(&cx, VALIDATION_ERROR);
    fault_clear(&cx);
    must(!account_add(&cx, S("x@example.org"), S("weak"), ADMIN, &p));
    must_fault(&cx, VALIDATION_ERROR);
    fault_clear(&cx);
    must(!account_add(&cx, S("x@example.org"), PASSWORD, ANYONE, &p));
    fault_clear(&cx);
    must(account_add(&cx, S("robot@example.org"), (Str){ 0 }, CUSTOMER, &p));
    must(try_login(&cx, "robot@example.org", S("")) == AUTHENTICATION_FAILED);
    identity_done();
}

SQL(make_stale, "UPDATE person SET password_hash = $2 WHERE tenant = $1");
static bool do_make_stale(Ctx *cx, void *arg) { (void)arg;
    return sql_run(cx, &make_stale, NULL,
        V("$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc")); }

TEST(a_hash_of_other_costs_is_replaced_when_its_owner_signs_in)
{
    Ctx cx = with_identity();
    SignedIn in = registered(&cx, "ada@example.org");
    Person p;

    must(write_tx(&cx, (Lane){ 0 }, do_make_stale, NULL));
    must(try_login(&cx, "ada@example.org", S("password")) == OK);
    must(person_look(&cx, in.user.id, &p) && str_has(p.passwordHash, S("m=1024,t=3,p=4")));
    must(try_login(&cx, "ada@example.org", S("password")) == OK);
    identity_done();
}
