/* mfa_test.c - the second factor from setup to off, and what each code is good for. */
#include "unit/with_identity.h"
#include "identity/challenge.h"
#include "identity/entry.h"
#include "identity/epoch.h"
#include "identity/fresh.h"
#include "identity/mfa.h"
#include "proof/totp.h"
#include <pthread.h>
#include <string.h>

static const Caller here = { { "192.0.2.7", 9 }, { "test", 4 } };
#define PASSWORD S("Blue-Kettle-42")

static Str unbase32(Str s)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    Buf b = buf_in(mem, 32);
    u32 bits = 0;
    int have = 0;

    for (isize i = 0; i < s.len; i++) {
        bits = bits << 5 | (u32)(strchr(letters, s.at[i]) - letters);
        if ((have += 5) >= 8)
            buf_byte(&b, (char)(bits >> (have -= 8)));
    }
    return buf_str(&b);
}

static Str code_at(Str secret, i64 step)
{
    return str_fmt(mem, "%06u", hotp_at(secret, (u64)step, 6));
}

typedef struct { UserId id; Str secret; BackupCodes codes; } Enrolled;

static UserId member(Ctx *cx, Str email)
{
    Person p;
    must(account_add(cx, email, PASSWORD, CUSTOMER, &p));
    return p.id;
}

static Enrolled enrolled(Ctx *cx, Str email)
{
    Enrolled e = { .id = member(cx, email) };
    MfaSetup s;

    must(mfa_setup(cx, e.id, &s));
    e.secret = unbase32(s.secret);
    must(mfa_enable(cx, e.id, code_at(e.secret, totp_step(cx->now)), &e.codes));
    cx->now = later(cx->now, seconds(60));        /* that code is used        */
    return e;
}

TEST(a_setup_is_the_same_for_ten_minutes_and_ends_with_the_first_code)
{
    Ctx cx = with_identity();
    UserId id = member(&cx, S("ada@example.org"));
    MfaSetup one, two;
    BackupCodes codes;

    must(!mfa_enable(&cx, id, S("123456"), &codes));
    must_fault(&cx, INVALID_STATE);
    fault_clear(&cx);
    must(mfa_setup(&cx, id, &one) && mfa_setup(&cx, id, &two) && str_is(one.secret, two.secret));
    must(str_has(one.otpauthUrl, S("otpauth://totp/TicketToken:ada%40example.org?secret=")) &&
         str_has(one.otpauthUrl, S("&issuer=TicketToken")) && str_starts(one.qrCode, S("<svg ")));
    Str secret = unbase32(one.secret);
    must(!mfa_enable(&cx, id, code_at(secret, totp_step(cx.now) + 2), &codes));
    must_fault(&cx, AUTHENTICATION_FAILED);
    fault_clear(&cx);
    must(mfa_enable(&cx, id, code_at(secret, totp_step(cx.now)), &codes));
    Person p;
    must(person_look(&cx, id, &p) && p.mfaEnabled);
    must(!mfa_setup(&cx, id, &one));
    must_fault(&cx, INVALID_STATE);
    identity_done();
}

TEST(a_setup_left_alone_lapses)
{
    Ctx cx = with_identity();
    UserId id = member(&cx, S("ada@example.org"));
    MfaSetup one, two;
    BackupCodes codes;

    must(mfa_setup(&cx, id, &one));
    cx.now = later(cx.now, minutes(11));
    must(!mfa_enable(&cx, id, code_at(unbase32(one.secret), totp_step(cx.now)), &codes));
    must_fault(&cx, INVALID_STATE);
    fault_clear(&cx);
    must(mfa_setup(&cx, id, &two) && !str_is(one.secret, two.secret));
    identity_done();
}

TEST(a_step_is_used_once_and_an_older_one_never_after_it)
{
    Ctx cx = with_identity();
    Enrolled e = enrolled(&cx, S("ada@example.org"));
    i64 step = totp_step(cx.now);

    must(mfa_prove(&cx, e.id, code_at(e.secret, step)));
    must(!mfa_prove(&cx, e.id, code_at(e.secret, step)));
    must_fault(&cx, AUTHENTICATION_FAILED);
    fault_clear(&cx);
    must(!mfa_prove(&cx, e.id, code_at(e.secret, step - 1)));
    fault_clear(&cx);
    must(mfa_prove(&cx, e.id, code_at(e.secret, step + 1)));
    identity_done();
}

TEST(a_backup_code_is_good_once_in_either_case_and_for_its_owner_only)
{
    Ctx cx = with_identity();
    Enrolled e = enrolled(&cx, S("ada@example.org")), other = enrolled(&cx, S("bob@example.org"));

    must(!mfa_prove(&cx, other.id, e.codes.at[0]));
    fault_clear(&cx);
    must(mfa_prove(&cx, e.id, str_lower(mem, e.codes.at[0])));
    must(!mfa_prove(&cx, e.id, e.codes.at[0]));
    fault_clear(&cx);
    BackupCodes fresh;
    must(mfa_regenerate(&cx, e.id, &fresh) && !mfa_prove(&cx, e.id, e.codes.at[1]));
    fault_clear(&cx);
    must(mfa_prove(&cx, e.id, fresh.at[9]));
    identity_done();
}

TEST(a_right_password_is_answered_with_a_challenge_and_a_code_completes_it)
{
    Ctx cx = with_identity();
    Enrolled e = enrolled(&cx, S("ada@example.org"));
    SignedIn in, done;

    must(login_enter(&cx, &here, S("ada@example.org"), PASSWORD, &in));
    must(in.requiresMfa == MAYBE_TRUE && in.tokens.accessToken.at == NULL && uuid_zero(in.user.id.v));
    Str body = S("");
    Buf b = buf_in(mem, 200);
    shape_write(&b, &entered_shape, &in);
    body = buf_str(&b);
    must(str_starts(body, S("{\"requiresMfa\":true,\"challenge\":\"")));
    must(!entry_complete(&cx, &here, in.challenge, S("0000-0000"), &done));
    must_fault(&cx, AUTHENTICATION_FAILED);
    fault_clear(&cx);
    must(entry_complete(&cx, &here, in.challenge, code_at(e.secret, totp_step(cx.now)), &done));
    must(done.requiresMfa == MAYBE_ABSENT && done.tokens.accessToken.len > 0);
    must(!entry_complete(&cx, &here, in.challenge, e.codes.at[0], &done));
    must_fault(&cx, INVALID_TOKEN);
    identity_done();
}

TEST(a_challenge_ends_after_five_minutes_however_often_it_comes_back)
{
    Ctx cx = with_identity();
    Enrolled e = enrolled(&cx, S("ada@example.org"));
    SignedIn in, done;

    must(login_enter(&cx, &here, S("ada@example.org"), PASSWORD, &in));
    cx.now = later(cx.now, minutes(4));
    must(!entry_complete(&cx, &here, in.challenge, S("0000-0000"), &done));
    fault_clear(&cx);
    cx.now = later(cx.now, minutes(2));
    must(!entry_complete(&cx, &here, in.challenge, e.codes.at[0], &done));
    must_fault(&cx, INVALID_TOKEN);
    identity_done();
}

TEST(a_challenge_of_another_tenant_or_kind_is_none)
{
    Ctx cx = with_identity();
    SignedIn done;
    Str word;

    must(challenge_make(&cx, "wallet", S("x"), &word));
    must(!entry_complete(&cx, &here, word, S("123456"), &done));
    must_fault(&cx, INVALID_TOKEN);
    fault_clear(&cx);
    cx.tenant = (TenantId){ uuid_new(cx.now) };
    Challenge c;
    must(!challenge_take(&cx, "wallet", word, &c));
    must_fault(&cx, INVALID_TOKEN);
    identity_done();
}

static bool raise_epoch(Ctx *cx, void *arg)
{
    i64 epoch;
    return epoch_raise(cx, *(UserId *)arg, &epoch);
}

TEST(a_challenge_is_void_once_the_password_or_the_role_is_another)
{
    Ctx cx = with_identity();
    Enrolled e = enrolled(&cx, S("ada@example.org"));
    SignedIn in, done;

    must(login_enter(&cx, &here, S("ada@example.org"), PASSWORD, &in));
    must(write_tx(&cx, lane_of(e.id.v), raise_epoch, &e.id));
    must(!entry_complete(&cx, &here, in.challenge, e.codes.at[0], &done));
    must_fault(&cx, INVALID_TOKEN);
    fault_clear(&cx);
    must(login_enter(&cx, &here, S("ada@example.org"), PASSWORD, &in));
    must(entry_complete(&cx, &here, in.challenge, e.codes.at[0], &done));   /* it was not used */
    identity_done();
}

TEST(five_wrong_codes_lock_the_account_and_a_right_password_gives_none_back)
{
    Ctx cx = with_identity();
    Enrolled e = enrolled(&cx, S("ada@example.org"));
    SignedIn in;
    Person p;

    for (int i = 0; i < 5; i++) {
        must(login_enter(&cx, &here, S("ada@example.org"), PASSWORD, &in));
        must(!entry_complete(&cx, &here, in.challenge, S("0000-0000"), &in));
        must_fault(&cx, AUTHENTICATION_FAILED);
        fault_clear(&cx);
    }
    must(person_look(&cx, e.id, &p) && before(cx.now, p.lockedUntil));
    must(!login_enter(&cx, &here, S("ada@example.org"), PASSWORD, &in));
    must_fault(&cx, AUTHENTICATION_FAILED);
    fault_clear(&cx);
    must(!entry_admit(&cx, &here, e.id, TWO_FACTORS, &in));
    must_fault(&cx, AUTHENTICATION_FAILED);
    fault_clear(&cx);
    cx.now = later(cx.now, minutes(16));
    must(login_enter(&cx, &here, S("ada@example.org"), PASSWORD, &in));
    must(entry_complete(&cx, &here, in.challenge, e.codes.at[3], &in));
    identity_done();
}

TEST(it_is_turned_off_by_password_and_code_together)
{
    Ctx cx = with_identity();
    Enrolled e = enrolled(&cx, S("ada@example.org"));
    SignedIn in;

    must(!mfa_disable(&cx, e.id, S("wrong"), e.codes.at[0]));
    must_fault(&cx, AUTHENTICATION_FAILED);
    fault_clear(&cx);
    must(!mfa_disable(&cx, e.id, PASSWORD, S("0000-0000")));
    fault_clear(&cx);
    must(mfa_disable(&cx, e.id, PASSWORD, e.codes.at[0]));    /* the wrong password used no code */
    must(!mfa_disable(&cx, e.id, PASSWORD, e.codes.at[1]));
    must_fault(&cx, INVALID_STATE);
    fault_clear(&cx);
    must(login_enter(&cx, &here, S("ada@example.org"), PASSWORD, &in));
    must(in.requiresMfa == MAYBE_ABSENT && in.tokens.accessToken.len > 0);
    must(!mfa_prove(&cx, e.id, e.codes.at[2]));
    identity_done();
}

TEST(a_second_factor_is_fresh_for_five_minutes_in_its_session_only)
{
    Ctx cx = with_identity();
    Enrolled e = enrolled(&cx, S("ada@example.org"));

    cx.who = (Who){ .user = e.id, .role = CUSTOMER, .session = uuid_new(cx.now) };
    must(!fresh_check(&cx));
    must_fault(&cx, MFA_REQUIRED);
    fault_clear(&cx);
    must(fresh_mark(&cx, cx.who.session) && fresh_check(&cx));
    cx.who.session = uuid_new(cx.now);
    must(!fresh_check(&cx));
    fault_clear(&cx);
    must(fresh_mark(&cx, cx.who.session));
    cx.now = later(cx.now, seconds(301));
    must(!fresh_check(&cx));
    fault_clear(&cx);
    cx.who.user = member(&cx, S("bob@example.org"));
    must(fresh_check(&cx));                       /* has none to show         */
    identity_done();
}

/* ---- thirty-two at once ------------------------------------------------------ */

typedef struct { UserId id; Str challenge, code; Instant now; bool won; pthread_t thread; } Runner;

static void *run(void *arg)
{
    Runner *r = arg;
    Arena own = { 0 };
    Ctx cx = ctx_new(&own, TENANT_DEFAULT);
    SignedIn out;

    cx.now = r->now;
    r->won = r->challenge.at != NULL ? entry_complete(&cx, &here, r->challenge, r->code, &out)
                                     : mfa_prove(&cx, r->id, r->code);
    arena_close(&own);
    return NULL;
}

static int winners(Runner like, const BackupCodes *codes)
{
    Runner all[32];
    int n = 0;

    for (int i = 0; i < 32; i++) {
        all[i] = like;
        if (codes != NULL)
            all[i].code = codes->at[i % BACKUP_CODES];
        must(pthread_create(&all[i].thread, NULL, run, &all[i]) == 0);
    }
    for (int i = 0; i < 32; i++) {
        pthread_join(all[i].thread, NULL);
        n += all[i].won;
    }
    return n;
}

TEST(of_thirty_two_with_one_step_code_or_challenge_one_gets_in)
{
    Ctx cx = with_identity();
    Enrolled e = enrolled(&cx, S("ada@example.org"));
    SignedIn in;

    must(winners((Runner){ .id = e.id, .code = code_at(e.secret, totp_step(cx.now)), .now = cx.now }, NULL) == 1);
    must(mfa_hit(&cx, e.id));
    cx.now = later(cx.now, minutes(20));
    must(winners((Runner){ .id = e.id, .code = e.codes.at[0], .now = cx.now }, NULL) == 1);
    cx.now = later(cx.now, minutes(20));
    must(login_enter(&cx, &here, S("ada@example.org"), PASSWORD, &in));
    BackupCodes fresh;
    must(mfa_regenerate(&cx, e.id, &fresh));
    must(winners((Runner){ .challenge = in.challenge, .now = cx.now }, &fresh) == 1);
    identity_done();
}
