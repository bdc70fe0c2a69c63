/* retention_test.c - what is kept for a while is gone after it, by itself, and not before. */
#include "unit/with_identity.h"
#include "identity/letterbox.h"
#include <dirent.h>

SQL_ALL(count_sessions, "SELECT count(*) FROM session WHERE created_at < $1");
SQL_ALL(count_refresh,  "SELECT count(*) FROM refresh_token WHERE created_at < $1");
SQL_ALL(count_revoked,  "SELECT count(*) FROM revoked_token WHERE revoked_at < $1");
SQL_ALL(count_proofs,   "SELECT count(*) FROM mail_proof WHERE created_at < $1");
SQL_ALL(count_letters,  "SELECT count(*) FROM letter WHERE created_at < $1");
SQL_ALL(count_audit,    "SELECT count(*) FROM audit WHERE at < $1");

static const Sql *const counts[] = { &count_sessions, &count_refresh, &count_revoked,
                                     &count_proofs, &count_letters, &count_audit };
typedef struct { i64 sessions, refresh, revoked, proofs, letters, audit; } Left;
_Static_assert(sizeof(Left) == countof(counts) * sizeof(i64), "a number for each");

static bool look(Ctx *cx, void *arg)
{
    i64 *n = arg;

    for (isize i = 0; i < countof(counts); i++)
        if (!sql_int(cx, counts[i], &n[i], V(later(cx->now, days(1)))))
            return false;
    return true;
}

static Left left(Ctx *cx)
{
    Left l;
    must(read_tx(cx, look, &l));
    return l;
}

static SignedIn registered(Ctx *cx, const char *email)
{
    Account a = { str_of(email), S("Blue-Kettle-42"), S("Ada"), S("Byron"), { 0 } };
    Caller here = { S("192.0.2.1"), S("test") };
    SignedIn in;

    must(login_register(cx, &here, &a, &in));
    return in;
}

static void sweep_after(Ctx *cx, Span t)
{
    Ctx at = ctx_new(mem, TENANT_DEFAULT);

    cx->now = at.now = later(cx->now, t);
    must(identity_sweep(&at) && access_sweep(&at));
}

TEST(what_is_kept_for_a_while_goes_by_itself_and_not_before)
{
    Ctx cx = with_identity();
    SignedIn a = registered(&cx, "a@x.example"), b = registered(&cx, "b@x.example");
    TenantId turn = { 0 };
    bool found = true;
    Str token;
    Claims c;

    must(token_check(&cx, a.tokens.accessToken, &c) && session_end(&cx, c.session, "logout"));
    person_token(&cx, b.user.id, CUSTOMER, &token);
    must(session_take_back(&cx, token));
    for (int i = 0; i < 2; i++)
        must(letterbox_carry(&cx, &turn, &found) && found);
    Left l = left(&cx);
    must(l.sessions == 2 && l.refresh == 2 && l.revoked == 1 && l.proofs == 2 && l.letters == 0);
    must(l.audit >= 2);
    i64 deeds = l.audit;

    sweep_after(&cx, hours(23));
    l = left(&cx);
    must(l.sessions == 2 && l.refresh == 2 && l.revoked == 1 && l.proofs == 2);
    sweep_after(&cx, hours(3));                   /* a link: 24 hours, and one */
    must(left(&cx).proofs == 0);
    sweep_after(&cx, days(2));
    must(left(&cx).revoked == 0);
    sweep_after(&cx, days(5));                    /* a refresh token: 7 days   */
    l = left(&cx);
    must(l.refresh == 0 && l.sessions == 2);
    sweep_after(&cx, days(24));                   /* who signed out: 30 days   */
    must(left(&cx).sessions == 1);
    sweep_after(&cx, days(90));                   /* who did not: 90, and 30   */
    l = left(&cx);
    must(l.sessions == 0 && l.audit == deeds);
    sweep_after(&cx, days(280));                  /* AUDIT_RETENTION           */
    must(left(&cx).audit == 0);
    identity_done();
}

static int letters_in_folder(void)
{
    DIR *d = opendir(str_z(mem, str_fmt(mem, "%s/mail", test_data_dir)));
    int n = 0;

    must(d != NULL);
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

TEST(a_letter_that_comes_too_late_to_be_of_use_is_not_sent)
{
    Ctx cx = with_identity();
    TenantId turn = { 0 };
    bool found;

    registered(&cx, "a@x.example");
    cx.now = later(cx.now, hours(25));
    must(letterbox_carry(&cx, &turn, &found) && found && letters_in_folder() == 0);
    must(letterbox_carry(&cx, &turn, &found) && !found);
    Ctx at = ctx_new(mem, TENANT_DEFAULT);
    registered(&at, "b@x.example");
    must(letterbox_carry(&at, &turn, &found) && found && letters_in_folder() == 1);
    identity_done();
}

TEST(a_sweep_takes_all_that_is_due_however_much_and_nothing_else)
{
    Ctx cx = with_identity();

    for (int i = 0; i < 30; i++)
        registered(&cx, str_z(mem, str_fmt(mem, "p%d@x.example", i)));
    sweep_after(&cx, days(25));
    Ctx later_on = ctx_new(mem, TENANT_DEFAULT);
    later_on.now = cx.now;
    registered(&later_on, "new@x.example");
    sweep_after(&cx, days(0));
    Left l = left(&cx);
    must(l.proofs == 1 && l.refresh == 1 && l.sessions == 31);
    identity_done();
}
