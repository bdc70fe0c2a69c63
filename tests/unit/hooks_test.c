/* hooks_test.c - deliveries are made once and numbered without holes; one sender at a time
 * brings them. What arrives is shown from outside, in tests/api/hooks.test.mjs. */
#include "gateway/deadletter.h"
#include "gateway/webhook_attempt.h"
#include "gateway/webhook_feed.h"
#include "gateway/webhook_rules.h"
#include "gateway/webhook_send.h"
#include "identity/tenant_admin.h"
#include "store/outbox.h"
#include "unit/with_identity.h"
#include <pthread.h>
#include <unistd.h>

static const UserId anna = { { { 2 } } };
static const TenantId other_tenant = { { { 9 } } };

typedef struct Telling { const char *type; i64 count; } Telling;

static bool tell(Ctx *cx, void *arg)
{
    const Telling *t = arg;

    for (i64 i = 0; i < t->count; i++)
        if (!outbox_tell(cx, anna, (EventId){ { { 0 } } }, t->type, S("{\"a\":1}")))
            return false;
    return true;
}

static void told(Ctx *cx, TenantId tenant, const char *type, i64 count)
{
    cx->tenant = tenant;
    must(write_tx(cx, (Lane){ 0 }, tell, &(Telling){ type, count }));
    cx->tenant = TENANT_DEFAULT;
}

static void fed(Ctx *cx)
{
    for (bool more = true; more;)
        must(feed_pass(cx, &more));
    cx->tenant = TENANT_DEFAULT;
}

/* Nobody listens there. */
static Ctx opened(void)
{
    Ctx cx = with_identity();

    endpoint_setup(&test_master, REACH_ANYONE);
    feed_stop(&cx);
    return cx;
}

static WebhookEndpoint hook(Ctx *cx, Str types)
{
    WebhookEndpoint e;
    Str secret;

    must(endpoint_add(cx, S("http://127.0.0.1:9/"), types, S(""), &e, &secret));
    must(str_starts(secret, S("whsec_")) && secret.len == 50);
    return e;
}

static WebhookEndpoint now(Ctx *cx, EndpointId id)
{
    WebhookEndpoint e;

    cx->tenant = TENANT_DEFAULT;
    must(endpoint_get(cx, id, &e));
    return e;
}

/* ---- words -------------------------------------------------------------------------- */

TEST(an_endpoint_wants_whole_types_families_or_all)
{
    const Json *some = endpoint_types(mem, S("[\"order.paid\",\"ticket.*\"]"));

    must(endpoint_wants(some, S("order.paid")) && endpoint_wants(some, S("ticket.used")));
    must(!endpoint_wants(some, S("order.paid.late")) && !endpoint_wants(some, S("tickets.x")));
    must(!endpoint_wants(some, S("ticket")) && endpoint_wants(endpoint_types(mem, S("[\"*\"]")), S("x")));
}

TEST(in_earnest_no_address_of_a_private_network_is_taken)
{
    static const struct { const char *url; bool good; } rows[] = {
        { "https://crm.example/hook?x=1", true }, { "https://93.184.216.34/", true },
        { "http://crm.example/", false }, { "https://", false }, { "https://u:p@crm.example/", false },
        { "https://10.0.0.1/", false }, { "https://127.0.0.1:443/", false },
        { "https://[::1]:8443/", false }, { "https://[fe80::1]/", false },
        { "https://169.254.169.254/", false }, { "https://LOCALHOST:9/", false },
        { "https://a.example/\r\nx", false }, { "https://a.example/#x", false } };
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);

    endpoint_setup(&test_master, REACH_PUBLIC);
    for (isize i = 0; i < countof(rows); i++) {
        must(endpoint_check_url(&cx, str_of(rows[i].url)) == rows[i].good);
        fault_clear(&cx);
    }
}

/* ---- feeding ------------------------------------------------------------------------- */

TEST(an_endpoint_is_given_what_follows_it_once_and_of_its_tenant)
{
    Ctx cx = opened();

    told(&cx, TENANT_DEFAULT, "order.paid", 3);
    WebhookEndpoint all = hook(&cx, S("[\"*\"]")), some = hook(&cx, S("[\"ticket.*\"]"));
    told(&cx, TENANT_DEFAULT, "order.paid", 600);
    told(&cx, other_tenant, "ticket.used", 5);
    told(&cx, TENANT_DEFAULT, "ticket.used", 7);
    fed(&cx);
    fed(&cx);
    must(now(&cx, all.id).told == 607 && now(&cx, some.id).told == 7);
    must(now(&cx, all.id).sent == 0);
    identity_done();
}

TEST(what_is_told_again_to_streams_is_not_sent_twice)
{
    Ctx cx = opened();
    WebhookEndpoint all = hook(&cx, S("[\"*\"]"));
    Tiding t = { .id = 1, .tenant = TENANT_DEFAULT, .user = anna, .type = S("order.paid"),
                 .data = S("{\"a\":1}"), .at = { 1000 } }, *rows;
    DeadLetter d;
    isize n;

    told(&cx, TENANT_DEFAULT, "order.paid", 1);
    fed(&cx);
    must(deadletter_add(&cx, &t, 3, S("too large")) && deadletter_retry(&cx, 1, &d));
    told(&cx, TENANT_DEFAULT, "order.paid", 1);
    must(outbox_after(&cx, 0, 10, &rows, &n) && n == 3 && rows[1].again && !rows[2].again);
    fed(&cx);
    must(now(&cx, all.id).told == 2);
    identity_done();
}

TEST(who_is_paused_misses_nothing_and_who_is_removed_gets_nothing_more)
{
    Ctx cx = opened();
    WebhookEndpoint a = hook(&cx, S("[\"*\"]")), b = hook(&cx, S("[\"*\"]"));

    must(endpoint_change(&cx, a.id, &(EndpointChange){ .status = ENDPOINT_PAUSED }, &a));
    must(endpoint_remove(&cx, b.id) && !endpoint_get(&cx, b.id, &b));
    fault_clear(&cx);
    told(&cx, TENANT_DEFAULT, "order.paid", 4);
    fed(&cx);
    must(now(&cx, a.id).told == 4);
    bool found;
    must(sender_pass(&cx, true, &found) && !found);
    identity_done();
}

TEST(the_secret_before_signs_for_a_day_and_no_secret_opens_elsewhere)
{
    Ctx cx = opened();
    WebhookEndpoint e = hook(&cx, S("[\"*\"]"));
    EndpointSecrets s = { 0 };
    Str shown;

    must(endpoint_rotate(&cx, e.id, &e, &shown) && is_set(e.oldSecretUntil));
    Digest key = sha256(S("a key")), other = sha256(S("another"));
    s.now = (Str){ (const char *)key.b, SHA256_BYTES };
    Str one = attempt_signature(&cx, &s, S("id"), 7, S("{}"));
    must(one.len == 47 && str_starts(one, S("v1,")));
    s.before = (Str){ (const char *)other.b, SHA256_BYTES };
    Str two = attempt_signature(&cx, &s, S("id"), 7, S("{}"));
    must(two.len == 95 && str_starts(two, one) && two.at[47] == ' ');
    cx.tenant = other_tenant;
    must(!endpoint_rotate(&cx, e.id, &e, &shown));
    must_fault(&cx, NOT_FOUND);
    identity_done();
}

/* ---- sending -------------------------------------------------------------------------- */

TEST(one_that_does_not_answer_is_tried_later_and_given_up_in_the_end)
{
    Ctx cx = opened();
    WebhookEndpoint e = hook(&cx, S("[\"*\"]"));
    bool found;

    told(&cx, TENANT_DEFAULT, "order.paid", 2);
    fed(&cx);
    must(sender_pass(&cx, false, &found) && found);
    e = now(&cx, e.id);
    must(e.tries == 1 && e.sent == 0 && is_set(e.failingSince) && before(cx.now, e.tryAt));
    must(sender_pass(&cx, true, &found) && !found);
    cx.now = later(cx.now, seconds(10));
    must(sender_pass(&cx, false, &found) && !found);  /* it keeps to the slow lane now */
    time_shift(days(4));
    Ctx then = ctx_new(mem, TENANT_DEFAULT);
    must(sender_pass(&then, true, &found) && found);
    must(now(&then, e.id).status == ENDPOINT_FAILED);
    must(endpoint_change(&then, e.id, &(EndpointChange){ .status = ENDPOINT_ACTIVE }, &e));
    must(e.tries == 0 && e.lastError.at == NULL && !is_set(e.failingSince));
    time_shift((Span){ 0 });
    identity_done();
}

TEST(nothing_leaves_a_tenant_while_it_is_suspended)
{
    Ctx cx = opened();
    Tenant t;
    bool found;

    cx.who.role = SUPER_ADMIN;
    must(tenant_add(&cx, S("A shop"), S("shop"), &t));
    cx.tenant = t.id;
    WebhookEndpoint e = hook(&cx, S("[\"*\"]"));
    told(&cx, t.id, "order.paid", 1);
    fed(&cx);
    must(tenant_set_status(&cx, t.id, TENANT_SUSPENDED, &t));
    must(sender_pass(&cx, true, &found) && !found);
    cx.tenant = TENANT_DEFAULT;
    must(tenant_set_status(&cx, t.id, TENANT_ACTIVE, &t));
    must(sender_pass(&cx, true, &found) && found);
    must(endpoint_get(&cx, e.id, &e) && e.tries == 1);
    identity_done();
}

/* As after INTERNAL_SERVICE_SECRET was replaced: nothing can be signed for that one. */
TEST(an_endpoint_whose_secret_does_not_open_keeps_no_other_waiting)
{
    Ctx cx = opened();
    u8 other[32] = { 7 };
    bool found = true;

    endpoint_setup(&(Secret){ other, sizeof other }, REACH_ANYONE);
    WebhookEndpoint broken = hook(&cx, S("[\"*\"]"));
    endpoint_setup(&test_master, REACH_ANYONE);
    WebhookEndpoint whole = hook(&cx, S("[\"*\"]"));
    told(&cx, TENANT_DEFAULT, "order.paid", 1);
    fed(&cx);
    for (int i = 0; i < 3 && found; i++)
        must(sender_pass(&cx, true, &found));
    broken = now(&cx, broken.id);
    must(broken.tries == 1 && before(cx.now, broken.tryAt));
    must(str_has(broken.lastError, S("rotate")));
    must(now(&cx, whole.id).tries == 1);
    identity_done();
}

TEST(what_was_too_old_to_be_kept_is_passed_over)
{
    Ctx cx = opened();
    WebhookEndpoint e = hook(&cx, S("[\"*\"]"));
    bool found;
    i64 gone;

    told(&cx, TENANT_DEFAULT, "order.paid", 5);
    fed(&cx);
    must(feed_sweep(&cx, later(cx.now, days(1)), &gone) && gone == 5);
    must(sender_pass(&cx, true, &found) && found);
    e = now(&cx, e.id);
    must(e.sent == 5 && e.tries == 0);
    must(!endpoint_replay(&cx, e.id, 7, &e) && cx.fault.code == VALIDATION_ERROR);
    fault_clear(&cx);
    must(endpoint_replay(&cx, e.id, 2, &e) && e.sent == 1);
    identity_done();
}

SQL_ALL(hooks_left, "SELECT count(*) FROM webhook_endpoint");

static bool count_rows(Ctx *cx, void *arg) { return sql_int(cx, &hooks_left, arg); }

static i64 rows_left(Ctx *cx)
{
    i64 n;

    must(read_tx(cx, count_rows, &n));
    return n;
}

/* Whoever makes and removes endpoints all day would slow every look at them. */
TEST(a_removed_endpoint_goes_when_its_last_delivery_has)
{
    Ctx cx = opened();
    WebhookEndpoint gone = hook(&cx, S("[\"*\"]")), stays = hook(&cx, S("[\"*\"]"));
    i64 n;

    told(&cx, TENANT_DEFAULT, "order.paid", 2);
    fed(&cx);
    cx.now = earlier(cx.now, minutes(1));         /* removed before the deliveries were made */
    must(endpoint_remove(&cx, gone.id));
    cx.now = later(cx.now, minutes(1));
    must(feed_sweep(&cx, cx.now, &n) && n == 0 && rows_left(&cx) == 2);
    must(feed_sweep(&cx, later(cx.now, days(7)), &n) && n == 4 && rows_left(&cx) == 2);
    must(feed_sweep(&cx, later(cx.now, days(7)), &n) && n == 1 && rows_left(&cx) == 1);
    must(feed_sweep(&cx, later(cx.now, days(7)), &n) && n == 0);
    must(now(&cx, stays.id).told == 2);
    identity_done();
}

static bool tell_large(Ctx *cx, void *arg)
{
    const i64 *count = arg;
    Buf b = buf_in(cx->mem, 70000);

    buf_lit(&b, "{\"a\":\"");
    for (int i = 0; i < 64000; i++)
        buf_byte(&b, 'x');
    buf_lit(&b, "\"}");
    for (i64 i = 0; i < *count; i++)
        if (!outbox_tell(cx, anna, (EventId){ { { 0 } } }, "order.paid", buf_str(&b)))
            return false;
    return true;
}

/* A slice of such ends after thirty-three, and who wants none of it stands before it. */
TEST(messages_as_large_as_may_be_are_passed_by_those_who_do_not_want_them)
{
    Ctx cx = opened();
    WebhookEndpoint idle = hook(&cx, S("[\"ticket.*\"]")), all = hook(&cx, S("[\"*\"]"));
    i64 many = 80;
    bool more;

    must(write_tx(&cx, (Lane){ 0 }, tell_large, &many));
    must(feed_pass(&cx, &more) && more);
    fed(&cx);
    must(now(&cx, all.id).told == many && now(&cx, idle.id).told == 0);
    identity_done();
}

/* Fifty words of a hundred letters, as long as a list may be. */
static Str longest_list(void)
{
    Buf b = buf_in(mem, 6000);

    for (int i = 0; i < ENDPOINT_TYPES_MOST; i++) {
        buf_fmt(&b, "%s\"", i > 0 ? "," : "[");
        for (int k = 0; k < 98; k++)
            buf_byte(&b, 'x');
        buf_fmt(&b, "%02d\"", i);
    }
    buf_byte(&b, ']');
    return buf_str(&b);
}

TEST(the_longest_lists_and_the_largest_slice_hold_nobody_up)
{
    Ctx cx = opened();
    Tenant t;

    cx.who.role = SUPER_ADMIN;
    must(tenant_add(&cx, S("A shop"), S("shop"), &t));
    cx.tenant = TENANT_DEFAULT;
    for (int i = 0; i < WEBHOOK_ENDPOINTS_MOST; i++)
        hook(&cx, i % 2 == 0 ? longest_list() : S("[\"*\"]"));
    cx.tenant = t.id;
    WebhookEndpoint other = hook(&cx, S("[\"*\"]"));
    for (int i = 0; i < 6; i++)
        told(&cx, TENANT_DEFAULT, "order.paid", 100);
    told(&cx, t.id, "order.paid", 1);
    fed(&cx);
    cx.tenant = t.id;
    must(endpoint_get(&cx, other.id, &other) && other.told == 1);
    identity_done();
}

/* ---- whose turn it is ------------------------------------------------------------------ */

SQL_ALL(hooks_claim, "UPDATE webhook_endpoint SET claimed_until = $2 WHERE id = $1");

static bool claim_it(Ctx *cx, void *arg)
{
    const WebhookEndpoint *e = arg;
    return sql_run(cx, &hooks_claim, NULL, V(e->id.v), V(later(cx->now, seconds(30))));
}

/* Whose deliveries are too old is served without a network: they are passed over. */
static i64 served(Ctx *cx, const WebhookEndpoint *all, int count, int *who)
{
    i64 n = 0;

    for (int i = 0; i < count; i++) {
        WebhookEndpoint e = now(cx, all[i].id);
        if (e.sent < e.told)
            continue;
        *who = i;
        n++;
        must(endpoint_replay(cx, e.id, 1, &e));   /* and has something to send again */
    }
    return n;
}

TEST(who_always_has_something_to_send_keeps_nobody_from_his_turn)
{
    enum { MANY = 18 };
    Ctx cx = opened();
    WebhookEndpoint all[MANY];
    bool had[MANY] = { false }, found;
    i64 gone;
    int who = 0, n = 0;

    for (int i = 0; i < MANY; i++) {
        cx.now = later(cx.now, seconds(1));
        all[i] = hook(&cx, S("[\"*\"]"));
    }
    told(&cx, TENANT_DEFAULT, "order.paid", 1);
    fed(&cx);
    must(feed_sweep(&cx, later(cx.now, days(1)), &gone) && gone == MANY);
    for (int i = 0; i < 9 * MANY; i++) {
        cx.now = later(cx.now, seconds(1));
        must(sender_pass(&cx, false, &found) && found && served(&cx, all, MANY, &who) == 1);
        n += i >= 3 * MANY && !had[who];          /* at first everybody is new */
        had[who] |= i >= 3 * MANY;
    }
    must(n == MANY);
    identity_done();
}

TEST(the_tenant_that_is_served_less_is_next)
{
    Ctx cx = opened();
    Tenant t;
    bool found;
    i64 gone;

    cx.who.role = SUPER_ADMIN;
    must(tenant_add(&cx, S("A shop"), S("shop"), &t));
    cx.tenant = TENANT_DEFAULT;
    WebhookEndpoint a = hook(&cx, S("[\"*\"]"));
    for (int i = 0; i < 18; i++) {
        cx.now = later(cx.now, seconds(1));
        hook(&cx, S("[\"*\"]"));
    }
    cx.tenant = t.id;
    WebhookEndpoint small = hook(&cx, S("[\"*\"]"));
    told(&cx, TENANT_DEFAULT, "order.paid", 1);
    told(&cx, t.id, "order.paid", 1);
    fed(&cx);
    must(feed_sweep(&cx, later(cx.now, days(1)), &gone) && gone == 20);
    must(write_tx(&cx, (Lane){ 0 }, claim_it, &a));  /* as another node would */
    must(sender_pass(&cx, false, &found) && found);
    cx.tenant = t.id;
    must(endpoint_get(&cx, small.id, &small) && small.sent == 1);
    identity_done();
}

static void *send_one(void *arg)
{
    Arena own = { 0 };
    Ctx cx = ctx_new(&own, TENANT_DEFAULT);
    bool *found = arg;

    must(sender_pass(&cx, true, found));
    arena_close(&own);
    return NULL;
}

TEST(of_many_senders_one_goes)
{
    enum { MANY = 8 };
    Ctx cx = opened();
    WebhookEndpoint e = hook(&cx, S("[\"*\"]"));
    pthread_t threads[MANY];
    bool found[MANY];
    int n = 0;

    told(&cx, TENANT_DEFAULT, "order.paid", 1);
    fed(&cx);
    for (int i = 0; i < MANY; i++)
        must(pthread_create(&threads[i], NULL, send_one, &found[i]) == 0);
    for (int i = 0; i < MANY; i++) {
        must(pthread_join(threads[i], NULL) == 0);
        n += found[i];
    }
    must(n == 1 && now(&cx, e.id).tries == 1);
    identity_done();
}
