/* postman_test.c - letters of all tenants take turns, however many one of them has. */
#include "unit/with_identity.h"
#include "identity/letterbox.h"
#include "identity/tenant.h"

typedef struct Shop { Ctx cx; UserId user; } Shop;

SQL_ALL(test_letters, "SELECT count(*) FROM letter WHERE due_at <= $1");
SQL_ALL(test_letters_gone, "DELETE FROM letter WHERE due_at <= $1");

static bool count(Ctx *cx, void *n) { return sql_int(cx, &test_letters, n, V(cx->now)); }
static bool empty(Ctx *cx, void *arg)
{
    (void)arg;
    return sql_run(cx, &test_letters_gone, NULL, V(cx->now));
}

static i64 letters(Ctx *cx)
{
    i64 n;
    must(read_tx(cx, count, &n));
    return n;
}

/* A tenant with one person and no letter. */
static Shop shop_of(Ctx *cx, const char *slug)
{
    Account a = { S("a@x.example"), S("Blue-Kettle-42"), S("Ada"), S("Byron"), { 0 } };
    Caller here = { S("192.0.2.1"), S("test") };
    SignedIn in;
    Tenant t = { .id = TENANT_DEFAULT };

    must(slug == NULL || tenant_add(cx, str_of(slug), str_of(slug), &t));
    Shop s = { .cx = ctx_new(mem, t.id) };
    must(login_register(&s.cx, &here, &a, &in));
    s.user = in.user.id;
    must(write_tx(&s.cx, lane_of(t.id.v), empty, NULL));
    return s;
}

static bool put(Ctx *cx, void *arg)
{
    const Letter l = { S("a@x.example"), S("s"), S("t"), S("<p>h</p>") };
    const Shop *s = arg;
    return letterbox_put(cx, s->user, "test", &l, hours(1));
}

static void write_letters(Shop *s, int n)
{
    while (n-- > 0)
        must(write_tx(&s->cx, lane_of(s->user.v), put, s));
}

/* Whose letter is carried now; nobody's: zero. */
static TenantId carried(Ctx *cx, TenantId *turn)
{
    bool found;

    must(letterbox_carry(cx, turn, &found));
    return found ? *turn : (TenantId){ 0 };
}

static bool is_of(TenantId t, const Shop *s) { return uuid_is(t.v, s->cx.tenant.v); }

/* The one of the default tenant were served first for its small id, and last for its
 * late letter: both are seen here. */
TEST(a_tenant_with_many_letters_delays_nobody_elses)
{
    Ctx cx = with_identity();
    Shop many = shop_of(&cx, "many"), few = shop_of(&cx, NULL), one = shop_of(&cx, "one");
    TenantId turn = { 0 };
    int of_few = 0, of_one = 0, of_many = 0;

    write_letters(&many, 40);
    cx.now = time_now();
    must(is_of(carried(&cx, &turn), &many) && is_of(carried(&cx, &turn), &many));
    write_letters(&few, 2);
    write_letters(&one, 1);
    cx.now = later(time_now(), seconds(1));
    for (int i = 0; i < 6; i++) {
        TenantId t = carried(&cx, &turn);
        of_few += is_of(t, &few);
        of_one += is_of(t, &one);
        of_many += is_of(t, &many);
    }
    must(of_few == 2 && of_one == 1 && of_many == 3);
    must(letters(&cx) == 35);
    while (letters(&cx) > 0)
        must(is_of(carried(&cx, &turn), &many));
    must(uuid_zero(carried(&cx, &turn).v));
    identity_done();
}

TEST(the_letters_of_one_tenant_go_in_the_order_in_which_they_are_due)
{
    Ctx cx = with_identity();
    Shop s = shop_of(&cx, NULL);
    TenantId turn = { 0 };
    Instant from = time_now();

    for (int i = 0; i < 3; i++) {                 /* the last put in is due first */
        s.cx.now = later(from, minutes(3 - i));
        write_letters(&s, 1);
    }
    for (int i = 1; i <= 3; i++) {
        cx.now = later(from, minutes(i));
        must(letters(&cx) == 1 && is_of(carried(&cx, &turn), &s));
        must(letters(&cx) == 0 && uuid_zero(carried(&cx, &turn).v));
    }
    identity_done();
}

/* Who waits for his next try does not hold the turn, nor takes it from the next. */
TEST(letters_that_are_not_due_take_no_turn)
{
    Ctx cx = with_identity();
    Shop waits = shop_of(&cx, NULL), ready = shop_of(&cx, "ready");
    TenantId turn = { 0 };

    waits.cx.now = later(time_now(), minutes(30));
    write_letters(&waits, 20);
    write_letters(&ready, 3);
    cx.now = later(time_now(), seconds(1));
    for (int i = 0; i < 3; i++)
        must(is_of(carried(&cx, &turn), &ready));
    must(uuid_zero(carried(&cx, &turn).v));
    cx.now = waits.cx.now;
    must(is_of(carried(&cx, &turn), &waits) && letters(&cx) == 19);
    identity_done();
}
