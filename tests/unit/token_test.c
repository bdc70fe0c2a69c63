/* token_test.c - tokens and sessions: used once, carried on, ended. */
#include "unit/test.h"
#include "unit/with_identity.h"
#include "identity/key.h"
#include "identity/revoked.h"
#include "identity/seen.h"
#include "identity/session_clock.h"
#include <pthread.h>
#include <string.h>

/* A person with a session; the tokens are what sign-in would have given. */
typedef struct { Person person; Session session; } Begun;

static bool begin(Ctx *cx, void *arg)
{
    Begun *b = arg;
    NewPerson in = { .id = b->session.user, .role = CUSTOMER, .status = PERSON_ACTIVE,
                     .email = uuid_str(cx->mem, b->session.user.v) };
    return person_add(cx, &in, &b->person) && session_write(cx, &b->session);
}

static Tokens begun(Ctx *cx, Begun *b)
{
    b->session = session_prepare(cx, (UserId){ uuid_new(cx->now) }, S("127.0.0.1"), S("test"));
    must(write_tx(cx, (Lane){ 0 }, begin, b));
    return session_tokens(cx, &b->session, CUSTOMER);
}

static bool good(Ctx *cx, Str access)
{
    Claims c;
    fault_clear(cx);
    return token_check(cx, access, &c);
}

TEST(an_access_token_says_who_it_is_and_nothing_that_is_a_secret)
{
    Ctx cx = with_identity();
    Begun b;
    Claims c;
    Tokens t = begun(&cx, &b);

    must(token_check(&cx, t.accessToken, &c) && uuid_is(c.user.v, b.person.id.v));
    must(uuid_is(c.tenant.v, TENANT_DEFAULT.v) && c.role == CUSTOMER && uuid_is(c.session, b.session.id));
    must(t.expiresIn == 900 && c.expires.ms / 1000 == cx.now.ms / 1000 + 900);
    Str rest = t.accessToken, payload;
    (void)str_cut(&rest, '.');
    must(base64url_read(mem, str_cut(&rest, '.'), &payload) && !str_has(payload, S("email")));
    must(!token_check(&cx, t.refreshToken, &c));
    must_fault(&cx, INVALID_TOKEN);
    identity_done();
}

TEST(a_browser_with_a_long_name_in_letters_of_many_bytes_signs_in)
{
    Ctx cx = with_identity();
    Buf agent = buf_in(mem, 512);

    for (int i = 0; i < 253; i++)
        buf_byte(&agent, 'x');
    buf_lit(&agent, "\xE2\x82\xAC and more");    /* a letter of three bytes over the edge */
    Begun b = { .session = session_prepare(&cx, (UserId){ uuid_new(cx.now) }, S("127.0.0.1"),
                                           buf_str(&agent)) };
    must(b.session.agent.len == 253);
    must(write_tx(&cx, (Lane){ 0 }, begin, &b));
    identity_done();
}

TEST(a_token_that_was_seen_before_still_expires_and_still_ends)
{
    Ctx cx = with_identity();
    Begun b;
    Claims c;
    Tokens t = begun(&cx, &b);

    must(good(&cx, t.accessToken) && good(&cx, t.accessToken));
    cx.now = later(cx.now, seconds(900 + 30));
    must(!good(&cx, t.accessToken));
    must_fault(&cx, TOKEN_EXPIRED);
    cx.now = earlier(cx.now, seconds(60));
    must(good(&cx, t.accessToken));
    fault_clear(&cx);
    must(session_end(&cx, b.session.id, "test"));
    must(!good(&cx, t.accessToken));
    must_fault(&cx, INVALID_TOKEN);
    fault_clear(&cx);
    must(!token_check(&cx, S(""), &c) && !token_check(&cx, S("a.b.c"), &c));
    identity_done();
}

TEST(ten_thousand_tokens_are_remembered_and_none_is_taken_for_another)
{
    enum { COUNT = 10000 };
    Ctx cx = with_identity();
    Claims claims = { 0 }, c;
    int found = 0;

    for (i64 i = 0; i < COUNT; i++) {
        Digest d = sha256((Str){ (const char *)&i, sizeof i });
        claims.expires = later(cx.now, (Span){ i });
        seen_add(&d, 7, &claims);
        must(seen_find(&d, 7, &c) && c.expires.ms == claims.expires.ms);
        must(!seen_find(&d, 8, &c));
    }
    for (i64 i = 0; i < COUNT; i++) {
        Digest d = sha256((Str){ (const char *)&i, sizeof i });
        if (seen_find(&d, 7, &c)) {
            must(c.expires.ms == later(cx.now, (Span){ i }).ms);
            found++;
        }
    }
    must(found > COUNT * 99 / 100);
    identity_done();
}

TEST(a_token_of_a_retired_key_is_not_remembered)
{
    Ctx cx = with_identity();
    Begun b;
    Tokens t = begun(&cx, &b);

    must(good(&cx, t.accessToken));
    Instant then = cx.now;
    cx.now = later(cx.now, seconds(KEYS_KNOWN_S + 1));
    must(key_rotate(&cx, KEY_AT_ONCE) && good(&cx, t.accessToken));
    cx.now = later(cx.now, days(30));
    must(key_rotate(&cx, KEY_AT_ONCE));
    cx.now = then;
    must(!good(&cx, t.accessToken));
    must_fault(&cx, INVALID_TOKEN);
    identity_done();
}

TEST(a_refresh_token_is_carried_on_and_signed_by_the_present_key)
{
    Ctx cx = with_identity();
    Begun b;
    Tokens t = begun(&cx, &b), next, third;
    Claims was, is;

    cx.now = later(cx.now, seconds(KEYS_KNOWN_S + 1));
    must(key_rotate(&cx, KEY_AT_ONCE));
    must(session_refresh(&cx, t.refreshToken, &next) && !str_is(next.refreshToken, t.refreshToken));
    must(token_check(&cx, next.accessToken, &is) && token_check(&cx, t.accessToken, &was));
    must(uuid_is(was.session, is.session) && uuid_is(was.user.v, is.user.v) && !uuid_is(was.id, is.id));
    Str head, rest = next.refreshToken;
    must(base64url_read(mem, str_cut(&rest, '.'), &head) && str_has(head, jws_kid(key_active())));
    must(session_refresh(&cx, next.refreshToken, &third));
    identity_done();
}

TEST(within_the_grace_the_same_token_gets_the_same_successor_and_later_the_family_ends)
{
    Ctx cx = with_identity();
    Begun b;
    Tokens t = begun(&cx, &b), one, again, two;

    must(session_refresh(&cx, t.refreshToken, &one));
    cx.now = later(cx.now, seconds(10));
    must(session_refresh(&cx, one.refreshToken, &two));        /* another tab went on */
    cx.now = later(cx.now, seconds(19));
    must(session_refresh(&cx, t.refreshToken, &again) && str_is(again.refreshToken, one.refreshToken));
    must(session_refresh(&cx, one.refreshToken, &again) && str_is(again.refreshToken, two.refreshToken));
    cx.now = later(cx.now, seconds(2));
    must(!session_refresh(&cx, t.refreshToken, &again));
    must_fault(&cx, TOKEN_REUSED);
    fault_clear(&cx);
    must(!session_refresh(&cx, two.refreshToken, &again));     /* the thief's and the owner's */
    must_fault(&cx, INVALID_TOKEN);
    must(!good(&cx, two.accessToken));
    identity_done();
}

TEST(an_ended_session_is_known_again_after_a_restart_and_to_other_processes)
{
    Ctx cx = with_identity();
    Begun b, other;
    Tokens t = begun(&cx, &b), o = begun(&cx, &other);

    must(session_end(&cx, b.session.id, "logout"));
    identity_gone();
    must(revoked_count() == 0);
    identity_again();
    must(!good(&cx, t.accessToken) && good(&cx, o.accessToken));
    fault_clear(&cx);
    must(session_end_all(&cx, other.person.id, "test"));
    revoked_clear();                              /* as another process would be */
    must(good(&cx, o.accessToken));
    must(identity_watch(&cx));
    must(!good(&cx, o.accessToken) && !good(&cx, t.accessToken));
    cx.now = later(cx.now, hours(1));
    must(identity_watch(&cx));
    must(revoked_count() == 0);
    identity_done();
}

TEST(one_token_is_taken_back_and_the_session_goes_on)
{
    Ctx cx = with_identity();
    Begun b;
    Tokens t = begun(&cx, &b), next;

    must(session_take_back(&cx, S("no token")));
    must(session_refresh(&cx, t.refreshToken, &next));
    must(session_take_back(&cx, t.accessToken) && session_take_back(&cx, t.accessToken));
    must(!good(&cx, t.accessToken));
    must_fault(&cx, INVALID_TOKEN);
    must(good(&cx, next.accessToken));
    revoked_clear();                              /* as another process would be */
    must(good(&cx, t.accessToken));
    must(identity_watch(&cx) && !good(&cx, t.accessToken) && good(&cx, next.accessToken));
    fault_clear(&cx);
    must(session_take_back(&cx, next.refreshToken));
    must(!good(&cx, next.accessToken));           /* with its session         */
    identity_done();
}

TEST(a_token_of_no_session_is_ended_too_and_others_hear_of_it)
{
    Ctx cx = with_identity();
    Begun b;
    Claims c;
    Str token, other;

    begun(&cx, &b);
    person_token(&cx, b.person.id, CUSTOMER, &token);
    person_token(&cx, b.person.id, CUSTOMER, &other);
    must(token_check(&cx, token, &c) && session_end(&cx, c.session, "logout"));
    revoked_clear();
    must(identity_watch(&cx) && !good(&cx, token) && good(&cx, other));
    fault_clear(&cx);
    must(session_end_all(&cx, b.person.id, "test"));
    must(!good(&cx, other));
    must_fault(&cx, TOKEN_EXPIRED);
    identity_done();
}

SQL(test_session,
    "INSERT INTO session (tenant, id, person, created_at, expires_at, ended_at)"
    " VALUES ($1, $2, $3, $4, $5, $4)");

enum { SIGNED_OUT_AT_ONCE = 5010 };               /* more than session_watch reads at once */
typedef struct { UserId user; Uuid first, last; } Crowd;

static bool end_a_crowd(Ctx *cx, void *arg)
{
    Crowd *c = arg;

    for (int i = 0; i < SIGNED_OUT_AT_ONCE; i++) {
        Uuid id = uuid_new(cx->now);
        if (!sql_run(cx, &test_session, NULL, V(id), V(c->user.v), V(cx->now),
                     V(later(cx->now, days(1)))))
            return false;
        *(i == 0 ? &c->first : &c->last) = id;
    }
    return true;
}

TEST(however_many_end_in_one_millisecond_others_hear_of_all)
{
    Ctx cx = with_identity();
    Begun b;
    Crowd c;

    begun(&cx, &b);
    c.user = b.person.id;
    must(write_tx(&cx, (Lane){ 0 }, end_a_crowd, &c));
    revoked_clear();
    must(identity_watch(&cx) && revoked_count() >= SIGNED_OUT_AT_ONCE);
    must(revoked_has(c.first) && revoked_has(c.last));
    must(identity_watch(&cx));                    /* and again from there     */
    identity_done();
}

TEST(another_role_voids_the_tokens_of_the_old_one_and_refreshing_gives_the_new)
{
    Ctx cx = with_identity();
    Begun b;
    Claims c;
    Tokens t = begun(&cx, &b), next;

    must(person_set_role(&cx, b.person.id, ADMIN) && !good(&cx, t.accessToken));
    must_fault(&cx, TOKEN_EXPIRED);
    revoked_clear();
    must(good(&cx, t.accessToken) && identity_watch(&cx) && !good(&cx, t.accessToken));
    fault_clear(&cx);
    must(session_refresh(&cx, t.refreshToken, &next));
    must(token_check(&cx, next.accessToken, &c) && c.role == ADMIN && c.epoch == 1);

    /* Read before the change, made after it: the row's role is the greater one. */
    must(person_set_role(&cx, b.person.id, CUSTOMER));
    must(session_refresh(&cx, next.refreshToken, &t));
    Session s = b.session;
    s.standing = (Standing){ 1, ADMIN, false };          /* what a slow sign-in had read */
    must(!good(&cx, session_tokens(&cx, &s, ADMIN).accessToken));
    fault_clear(&cx);
    s.standing = (Standing){ 2, CUSTOMER, false };
    must(token_check(&cx, session_tokens(&cx, &s, ADMIN).accessToken, &c) && c.role == CUSTOMER);
    identity_done();
}

SQL(suspend, "UPDATE person SET status = 'SUSPENDED' WHERE tenant = $1 AND id = $2");
static bool do_suspend(Ctx *cx, void *arg) { return sql_run(cx, &suspend, NULL, V(((UserId *)arg)->v)); }

TEST(who_was_suspended_does_not_carry_on)
{
    Ctx cx = with_identity();
    Begun b;
    Tokens t = begun(&cx, &b), next;

    must(write_tx(&cx, (Lane){ 0 }, do_suspend, &b.person.id));
    must(!session_refresh(&cx, t.refreshToken, &next));
    must_fault(&cx, INVALID_TOKEN);
    identity_done();
}

TEST(what_has_run_out_is_swept)
{
    Ctx cx = with_identity();
    Begun b;
    Tokens t = begun(&cx, &b), next;
    i64 gone;

    must(session_refresh(&cx, t.refreshToken, &next));
    must(session_sweep(&cx, &gone) && gone == 0);
    cx.now = later(cx.now, days(8));
    must(!session_refresh(&cx, next.refreshToken, &t));
    must_fault(&cx, TOKEN_EXPIRED);
    fault_clear(&cx);
    must(session_sweep(&cx, &gone) && gone == 2);
    cx.now = later(cx.now, days(200));
    must(session_sweep(&cx, &gone) && gone == 1);
    identity_done();
}

/* ---- races ----------------------------------------------------------------- */

enum { RACERS = 32, TOKEN_ROOM = 1200 };
static pthread_barrier_t gate;
static Str raced;
static bool (*runner)(Ctx *cx, char *out);
static char got[RACERS][TOKEN_ROOM];

static bool refresh_once(Ctx *cx, char *out)
{
    Tokens t;
    if (!session_refresh(cx, raced, &t))
        return false;
    must(t.refreshToken.len < TOKEN_ROOM);
    memcpy(out, t.refreshToken.at, (size_t)t.refreshToken.len);
    return true;
}

static void *race(void *arg)
{
    Arena own = { 0 };
    Ctx cx = ctx_new(&own, TENANT_DEFAULT);
    pthread_barrier_wait(&gate);
    must(runner(&cx, arg));
    arena_close(&own);
    return NULL;
}

/* How many different successors 32 at once are given. */
static int successors(Str token, bool (*run)(Ctx *, char *))
{
    pthread_t threads[RACERS];
    int different = 0;

    raced = str_copy(mem, token);             /* it may stand in `got`     */
    runner = run;
    memset(got, 0, sizeof got);
    pthread_barrier_init(&gate, NULL, RACERS);
    for (int i = 0; i < RACERS; i++)
        must(pthread_create(&threads[i], NULL, race, got[i]) == 0);
    for (int i = 0; i < RACERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&gate);
    for (int i = 0; i < RACERS; i++) {
        bool seen = false;
        for (int k = 0; k < i; k++)
            seen |= strcmp(got[i], got[k]) == 0;
        different += !seen;
    }
    return different;
}

SQL(rows_of, "SELECT COUNT(*) FROM refresh_token WHERE tenant = $1 AND session = $2");
typedef struct { Uuid session; i64 n; } Counting;
static bool count_rows(Ctx *cx, void *arg)
{
    Counting *c = arg;
    return sql_int(cx, &rows_of, &c->n, V(c->session));
}

/* The negative control: the same without "AND used_at IS NULL", look first and then write. */
SQL(careless_add, "INSERT INTO refresh_token (tenant, hash, session, created_at, expires_at)"
                  " VALUES ($1, $2, $3, $4, $4)");
typedef struct { Claims claims; Str next; } Careless;
static bool careless(Ctx *cx, void *arg)
{
    Careless *c = arg;
    Digest d = sha256(c->next);
    return sql_run(cx, &careless_add, NULL, val_blob((Str){ (char *)d.b, 32 }), V(c->claims.session),
                   V(cx->now));
}

static bool refresh_carelessly(Ctx *cx, char *out)
{
    Careless c;
    Instant expires;

    must(token_check_refresh(cx, raced, &c.claims));
    c.next = token_refresh(cx, c.claims.user, c.claims.session, &expires);
    memcpy(out, c.next.at, (size_t)c.next.len);
    return write_tx(cx, (Lane){ 0 }, careless, &c);
}

TEST(of_32_refreshes_at_once_there_is_exactly_one_successor)
{
    Ctx cx = with_identity();
    Begun b;
    Tokens t = begun(&cx, &b);
    Counting c = { b.session.id, 0 };

    must(successors(t.refreshToken, refresh_once) == 1);
    must(read_tx(&cx, count_rows, &c) && c.n == 2);
    must(successors(str_of(got[0]), refresh_once) == 1);
    must(read_tx(&cx, count_rows, &c) && c.n == 3);
    must(successors(t.refreshToken, refresh_carelessly) > 1);
    identity_done();
}

/* ---- what the memory of tokens saves --------------------------------------- */

static i64 ns_of_check(Ctx *cx, Str token, int times)
{
    Claims c;
    Mono start = mono_now();

    for (int i = 0; i < times; i++)
        must(token_check(cx, token, &c));
    return (mono_now().ns - start.ns) / times;
}

TEST(a_remembered_token_is_checked_without_its_signature)
{
    Ctx cx = with_identity();
    Begun b;
    Tokens t = begun(&cx, &b);

    token_memory(TOKENS_FORGOTTEN);
    i64 whole = ns_of_check(&cx, t.accessToken, 200);
    token_memory(TOKENS_REMEMBERED);
    must(ns_of_check(&cx, t.accessToken, 2000) < whole);       /* 100 times, on most machines */
    identity_done();
}
