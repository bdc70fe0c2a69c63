/* store_test.c - what the store port promises, asked of every engine. */
#include "unit/with_store.h"
#include "store/lease.h"
#include "store/once.h"
#include "store/outbox.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* ---- a shelf with tickets on it, the smallest thing that can be oversold ---- */

typedef struct { Uuid id; i64 left; Str label; } Shelf;
static const Shape shelf_row = SHAPE(Shelf,
    ID(Shelf, id, 0, ""), NUMBER(Shelf, left, 0, INT64_MAX, 0, 0, ""),
    TEXT(Shelf, label, 0, 100, OPTIONAL, ""));

static const char make_on_sqlite[] =
    "CREATE TABLE shelf (tenant BLOB, id BLOB, n INTEGER CHECK (n >= 0), label TEXT,"
    " PRIMARY KEY (tenant, id))";
static const char make_on_postgres[] =
    "CREATE TABLE shelf (tenant uuid, id uuid, n integer CHECK (n >= 0), label text,"
    " PRIMARY KEY (tenant, id)); SELECT guard_tables();"
    "GRANT SELECT, INSERT, UPDATE, DELETE ON shelf TO tt_server";

SQL(shelf_put,  "INSERT INTO shelf (tenant, id, n, label) VALUES ($1, $2, $3, $4)");
SQL(shelf_take, "UPDATE shelf SET n = n - $3 WHERE tenant = $1 AND id = $2 AND n >= $3");
SQL(shelf_look, "SELECT id, n, label FROM shelf WHERE tenant = $1 AND id = $2");

static const Uuid here = { { 1, 2, 3 } };

static char own_database[64];                     /* on PostgreSQL            */

static StoreConfig with_shelf(void)
{
    StoreConfig c = migrated_store();
    snprintf(own_database, sizeof own_database, "%s", strrchr(str_z(mem, c.url), '/') + 1);
    run_script(&c, on_postgres() ? make_on_postgres : make_on_sqlite);
    return c;
}

static Ctx opened(void)
{
    StoreConfig c = with_shelf();
    return open_store(&c);
}

typedef struct { i64 count; Uuid id; bool late_refusal; } Taking;

static bool put(Ctx *cx, void *arg)
{
    Taking *t = arg;
    return sql_run(cx, &shelf_put, NULL, V(t->id), V(t->count), V((Str){ 0 }));
}

static bool take(Ctx *cx, void *arg)
{
    Taking *t = arg;
    i64 changed;
    if (!sql_run(cx, &shelf_take, &changed, V(t->id), V(t->count)))
        return false;
    if (changed == 0)
        return fail(cx, SOLD_OUT, "count=%jd", (intmax_t)t->count);
    return !t->late_refusal || fail(cx, FORBIDDEN, "changed its mind after it wrote");
}

typedef struct { Shelf shelf; Uuid id; } Looking;

static bool look(Ctx *cx, void *arg)
{
    Looking *l = arg;
    return sql_get(cx, &shelf_look, &shelf_row, &l->shelf, V(l->id));
}

static i64 left_on(Ctx *cx, Uuid id)
{
    Looking l = { .id = id };
    must(read_tx(cx, look, &l));
    return l.shelf.left;
}

/* ---- transactions --------------------------------------------------------- */

TEST(what_was_written_is_read)
{
    Ctx cx = opened();
    must(write_tx(&cx, lane_of(here), put, &(Taking){ 5, here, false }));
    must(write_tx(&cx, lane_of(here), take, &(Taking){ 2, here, false }));
    must(left_on(&cx, here) == 3);
    store_close();
}

TEST(a_refusal_undoes_what_its_function_wrote)
{
    Ctx cx = opened();
    must(write_tx(&cx, lane_of(here), put, &(Taking){ 5, here, false }));
    must(!write_tx(&cx, lane_of(here), take, &(Taking){ 2, here, true }));
    must_fault(&cx, FORBIDDEN);
    fault_clear(&cx);
    must(left_on(&cx, here) == 5);
    store_close();
}

TEST(another_tenant_sees_nothing)
{
    Ctx cx = opened(), eve = ctx_new(mem, (TenantId){ { { 9 } } });
    Looking l = { .id = here };
    must(write_tx(&cx, lane_of(here), put, &(Taking){ 5, here, false }));
    must(!read_tx(&eve, look, &l));
    must_fault(&eve, NOT_FOUND);
    store_close();
}

TEST(a_taken_key_is_a_conflict)
{
    Ctx cx = opened();
    must(write_tx(&cx, lane_of(here), put, &(Taking){ 5, here, false }));
    must(!write_tx(&cx, lane_of(here), put, &(Taking){ 5, here, false }));
    must_fault(&cx, CONFLICT);
    store_close();
}

/* ---- one that takes too long among others --------------------------------- */

SQL(shelf_slow,
    "UPDATE shelf SET n = n + $3 WHERE tenant = $1 AND id = $2 AND (WITH RECURSIVE c(i) AS"
    " (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 4000000) SELECT count(*) FROM c) > 0");

static bool take_slowly(Ctx *cx, void *arg)
{
    Taking *t = arg;
    i64 changed;
    return sql_run(cx, &shelf_slow, &changed, V(t->id), V(-t->count));
}

static bool hold_the_lane(Ctx *cx, void *arg)
{
    (void)cx, (void)arg;
    usleep(100000);
    return true;
}

static bool hold_it_long(Ctx *cx, void *arg)
{
    (void)cx, (void)arg;
    usleep(2500000);
    return true;
}

typedef struct { pthread_t thread; TxFn *fn; i64 within_ms; bool good; } Guest;

static void *visit(void *arg)
{
    Guest *g = arg;
    Arena own = { 0 };
    Ctx cx = ctx_new(&own, TENANT_DEFAULT);
    cx.deadline = mono_after(mono_now(), (Span){ g->within_ms });
    g->good = write_tx(&cx, lane_of(here), g->fn, &(Taking){ 1, here, false });
    arena_close(&own);
    return NULL;
}

/* SQLite rolls a whole transaction back when it interrupts a write, and what ran next
 * would be on its own. So each answer must be the truth, whoever ran out of time. */
TEST(a_function_that_runs_out_of_time_harms_nobody_in_its_batch)
{
    Ctx cx = opened();
    Guest guest[] = { { .fn = hold_the_lane, .within_ms = 29000 }, { .fn = take, .within_ms = 29000 },
                      { .fn = take_slowly, .within_ms = 150 }, { .fn = take, .within_ms = 29000 },
                      { .fn = take, .within_ms = 29000 } };
    i64 left = 100;
    must(write_tx(&cx, lane_of(here), put, &(Taking){ left, here, false }));
    for (isize i = 0; i < countof(guest); i++) {
        must(pthread_create(&guest[i].thread, NULL, visit, &guest[i]) == 0);
        usleep(10000);
    }
    for (isize i = 0; i < countof(guest); i++)
        pthread_join(guest[i].thread, NULL);
    for (isize i = 1; i < countof(guest); i++)
        left -= guest[i].good;
    must(guest[1].good && guest[3].good && guest[4].good && left_on(&cx, here) == left);
    store_close();
}

SQL(shelf_muse,
    "SELECT count(*) FROM shelf WHERE tenant = $1 AND (WITH RECURSIVE c(i) AS"
    " (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 40000000) SELECT count(*) FROM c) > 0");

static bool muse(Ctx *cx, void *arg) { return sql_int(cx, &shelf_muse, arg); }

TEST(a_question_that_takes_too_long_is_cut_off)
{
    Ctx cx = opened();
    Mono begun = mono_now();
    i64 n;
    must(write_tx(&cx, lane_of(here), put, &(Taking){ 5, here, false }));
    cx.deadline = mono_after(begun, (Span){ 300 });
    must(!read_tx(&cx, muse, &n));
    must_fault(&cx, DATABASE_TIMEOUT);
    must(mono_us(begun, mono_now()) < 5000000);
    store_close();
}

/* ---- crowds --------------------------------------------------------------- */

typedef struct { pthread_t thread; Uuid id; int tries, got; bool late; } Buyer;

static void *buy(void *arg)
{
    Buyer *b = arg;
    for (int i = 0; i < b->tries; i++) {
        Arena own = { 0 };
        Ctx cx = ctx_new(&own, TENANT_DEFAULT);
        bool late = b->late && i % 3 == 0;
        if (write_tx(&cx, lane_of(b->id), take, &(Taking){ 1, b->id, late }))
            b->got++;
        arena_close(&own);
    }
    return NULL;
}

static i64 crowd(Uuid id, int buyers, int tries, bool late)
{
    Buyer b[64];
    i64 got = 0;
    must(buyers <= 64);
    for (int i = 0; i < buyers; i++) {
        b[i] = (Buyer){ .id = id, .tries = tries, .late = late };
        must(pthread_create(&b[i].thread, NULL, buy, &b[i]) == 0);
    }
    for (int i = 0; i < buyers; i++) {
        pthread_join(b[i].thread, NULL);
        got += b[i].got;
    }
    return got;
}

TEST(a_crowd_gets_exactly_what_there_is)
{
    Ctx cx = opened();
    must(write_tx(&cx, lane_of(here), put, &(Taking){ 100, here, false }));
    must(crowd(here, 32, 20, false) == 100);
    must(left_on(&cx, here) == 0);
    store_close();
}

TEST(refusals_after_writing_undo_nobody_else)
{
    Ctx cx = opened();
    must(write_tx(&cx, lane_of(here), put, &(Taking){ 300, here, false }));
    i64 got = crowd(here, 16, 12, true);
    must(got == 16 * 8);
    must(left_on(&cx, here) == 300 - got);
    store_close();
}

/* ---- once ----------------------------------------------------------------- */

static const Shape done_shape = SHAPE(Shelf, NUMBER(Shelf, left, 0, 1000, 0, 0, ""));

static Once once_of(const char *key, const char *body)
{
    return (Once){ str_of(key), S("POST /x"), sha256(str_of(body)) };
}

TEST(a_retried_request_gets_the_first_answer_and_works_once)
{
    Ctx cx = opened();
    Shelf out = { .left = 7 };
    Answer first, second;
    Once o = once_of("k1", "{}");
    Taking t = { 1, here, false };
    must(write_tx(&cx, lane_of(here), put, &(Taking){ 5, here, false }));
    must(write_once(&cx, lane_of(here), &o, take, &t, 201, &done_shape, &out, &first));
    out.left = 8;
    must(write_once(&cx, lane_of(here), &o, take, &t, 201, &done_shape, &out, &second));
    must(!first.replayed && second.replayed && second.status == 201);
    must(str_is(first.json, S("{\"left\":7}")) && str_is(second.json, first.json));
    must(left_on(&cx, here) == 4);
    store_close();
}

TEST(a_key_used_for_another_body_is_a_mismatch)
{
    Ctx cx = opened();
    Shelf out = { 0 };
    Answer a;
    Once one = once_of("k1", "{}"), two = once_of("k1", "{\"n\":1}");
    Taking t = { 1, here, false };
    must(write_tx(&cx, lane_of(here), put, &(Taking){ 5, here, false }));
    must(write_once(&cx, lane_of(here), &one, take, &t, 201, &done_shape, &out, &a));
    must(!write_once(&cx, lane_of(here), &two, take, &t, 201, &done_shape, &out, &a));
    must_fault(&cx, IDEMPOTENCY_KEY_MISMATCH);
    store_close();
}

TEST(a_refusal_is_not_kept_and_a_key_lasts_a_day)
{
    Ctx cx = opened();
    Shelf out = { 0 };
    Answer a;
    Once o = once_of("k1", "{}");
    Taking t = { 6, here, false };
    i64 gone;
    must(write_tx(&cx, lane_of(here), put, &(Taking){ 5, here, false }));
    must(!write_once(&cx, lane_of(here), &o, take, &t, 201, &done_shape, &out, &a));
    must_fault(&cx, SOLD_OUT);
    fault_clear(&cx);
    t.count = 1;
    must(write_once(&cx, lane_of(here), &o, take, &t, 201, &done_shape, &out, &a) && !a.replayed);
    cx.now = later(cx.now, hours(25));
    must(write_once(&cx, lane_of(here), &o, take, &t, 201, &done_shape, &out, &a) && !a.replayed);
    must(left_on(&cx, here) == 3);
    cx.now = later(cx.now, hours(25));
    must(once_sweep(&cx, &gone) && gone == 1);
    store_close();
}

typedef struct { pthread_t thread; const char *key; i64 within_ms; Span ahead; bool good; } Asker;

static bool serve_all(Ctx *cx, Seat *seats, isize n)
{
    (void)cx;
    for (isize i = 0; i < n; i++)
        seats[i].good = true;
    return true;
}

static void *ask_once_more(void *arg)
{
    Asker *a = arg;
    Arena own = { 0 };
    Ctx cx = ctx_new(&own, TENANT_DEFAULT);
    Shelf out = { .left = 1 };
    Once o = once_of(a->key, "{}");
    Answer answer;
    cx.now = later(cx.now, a->ahead);
    cx.deadline = mono_after(mono_now(), (Span){ a->within_ms });
    a->good = write_once_many(&cx, lane_of(here), &o, serve_all, NULL, 201, &done_shape, &out, &answer);
    arena_close(&own);
    return NULL;
}

/* His turn has come, so he is served with the others, however late it is. */
TEST(a_key_past_its_day_and_a_deadline_that_passes_in_a_batch_stop_nobody)
{
    Ctx cx = opened();
    Asker first = { .key = "k1", .within_ms = 29000 };
    Asker asker[] = { { .key = "k1", .within_ms = 2000, .ahead = hours(25) },
                      { .key = "k2", .within_ms = 29000, .ahead = hours(25) } };
    Guest guest[] = { { .fn = hold_the_lane, .within_ms = 29000 },
                      { .fn = hold_it_long, .within_ms = 29000 } };
    ask_once_more(&first);
    for (isize i = 0; i < countof(guest); i++) {
        must(pthread_create(&guest[i].thread, NULL, visit, &guest[i]) == 0);
        usleep(10000);
    }
    for (isize i = 0; i < countof(asker); i++)
        must(pthread_create(&asker[i].thread, NULL, ask_once_more, &asker[i]) == 0);
    for (isize i = 0; i < countof(asker); i++) {
        pthread_join(guest[i].thread, NULL);
        pthread_join(asker[i].thread, NULL);
    }
    must(first.good && asker[0].good && asker[1].good);
    store_close();
    (void)cx;
}

/* ---- outbox --------------------------------------------------------------- */

static const UserId ann = { { { 7 } } }, bob = { { { 8 } } };
static const EventId gig = { { { 5 } } };

static bool tell(Ctx *cx, void *arg)
{
    (void)arg;
    return outbox_tell(cx, ann, gig, "reservation.created", S("{\"for\":\"ann\"}")) &&
           outbox_tell(cx, bob, gig, "reservation.created", S("{\"for\":\"bob\"}")) &&
           outbox_tell(cx, (UserId){ 0 }, gig, "event.on_sale", S("{}"));
}

static bool tell_and_refuse(Ctx *cx, void *arg)
{
    return tell(cx, arg) && fail(cx, CONFLICT, "no");
}

static _Atomic int woken;
static void wake(void) { woken++; }

TEST(tidings_come_in_order_and_only_with_their_change)
{
    Ctx cx = opened();
    Tiding *rows;
    isize n;
    woken = 0;
    store_on_outbox(wake);
    must(!write_tx(&cx, lane_of(here), tell_and_refuse, NULL));
    fault_clear(&cx);
    must(write_tx(&cx, lane_of(here), tell, NULL));
    must(outbox_after(&cx, 0, 100, &rows, &n) && n == 3);
    must(rows[0].id < rows[1].id && rows[1].id < rows[2].id);
    must(uuid_is(rows[0].tenant.v, TENANT_DEFAULT.v) && str_is(rows[2].type, S("event.on_sale")));
    store_close();
    must(woken >= 1);
}

TEST(a_replay_gives_a_person_his_own_and_a_watcher_the_events)
{
    Ctx cx = opened(), eve = ctx_new(mem, (TenantId){ { { 9 } } });
    OutboxWish w = { .user = ann, .watches = { { FEED_EVENT, gig } }, .watch_count = 1,
                     .most = 100, .chars = 1 << 20 };
    OutboxPage p;
    must(write_tx(&cx, lane_of(here), tell, NULL) && write_tx(&cx, lane_of(here), tell, NULL));
    must(outbox_replay(&cx, &w, &p));
    must(p.count == 4 && p.oldest == 1 && p.newest == 6 && !p.more);
    for (isize i = 0; i < p.count; i++)
        must(uuid_is(p.rows[i].user.v, ann.v) || uuid_zero(p.rows[i].user.v));
    must(p.rows[0].id == 1 && p.rows[1].id == 3 && p.rows[2].id == 4 && p.rows[3].id == 6);
    must(outbox_replay(&eve, &w, &p) && p.count == 0);
    w.after = 3;
    must(outbox_replay(&cx, &w, &p) && p.count == 2);
    store_close();
}

TEST(a_sweep_keeps_the_newest_so_that_a_gap_can_be_told)
{
    Ctx cx = opened();
    OutboxPage p;
    i64 gone;
    must(write_tx(&cx, lane_of(here), tell, NULL));
    must(outbox_sweep(&cx, later(cx.now, hours(1)), &gone) && gone == 2);
    must(outbox_replay(&cx, &(OutboxWish){ .user = ann, .most = 100, .chars = 9999 }, &p));
    must(p.oldest == 3 && p.newest == 3 && p.count == 0);
    store_close();
}

/* ---- boot ----------------------------------------------------------------- */

TEST(an_unknown_engine_and_a_newer_schema_are_refused)
{
    StoreConfig odd = { .url = S("oracle:x") }, c = new_store();
    i64 from, to;
    Str why = { 0 };
    must(!store_migrate(mem, &odd, &from, &to, &why) && str_has(why, S("sqlite:FILE")));
    run_script(&c, on_postgres() ? "UPDATE schema_version SET version = 999, oldest = 999"
                                 : "PRAGMA user_version=999");
    must(!store_migrate(mem, &c, &from, &to, &why) && str_has(why, S("newer")));
}

/* ---- many nodes ------------------------------------------------------------ */

TEST(a_lease_is_ours_again_and_again)
{
    Ctx cx = opened();
    bool ours = false;
    must(lease_take(&cx, "work", seconds(5), &ours) && ours);
    must(lease_take(&cx, "work", seconds(5), &ours) && ours);
    must(lease_give_up(&cx, "work"));
    store_close();
}

/* What another node would have done. */
static void as_another_node(const StoreConfig *c, const char *until)
{
    run_script(c, str_z(mem, str_fmt(mem,
        "INSERT INTO lease VALUES ('work', '00000000-0000-0000-0000-0000000000aa', now() %s)"
        " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until", until)));
}

TEST(a_lease_of_another_node_is_his_until_it_is_over)
{
    if (!on_postgres())
        return;
    StoreConfig c = with_shelf();
    Ctx cx = open_store(&c);
    bool ours = true;
    as_another_node(&c, "+ interval '1 minute'");
    must(lease_take(&cx, "work", seconds(5), &ours) && !ours);
    must(lease_give_up(&cx, "work"));             /* not ours: it stays his   */
    must(lease_take(&cx, "work", seconds(5), &ours) && !ours);
    as_another_node(&c, "- interval '1 second'");
    must(lease_take(&cx, "work", seconds(5), &ours) && ours);
    store_close();
}

/* As a node that froze between two questions: long enough for the database to end it. */
typedef struct { Taking taking; int runs; } Freezing;

static bool take_freeze_take(Ctx *cx, void *arg)
{
    Freezing *f = arg;

    if (!take(cx, &f->taking))
        return false;
    if (++f->runs == 1)
        usleep(6000000);
    return take(cx, &f->taking);
}

TEST(what_a_frozen_node_has_begun_is_ended_and_begun_anew)
{
    if (!on_postgres())
        return;
    Ctx cx = opened();
    Freezing f = { .taking = { 1, here, false } };

    must(write_tx(&cx, lane_of(here), put, &(Taking){ 5, here, false }));
    must(write_tx(&cx, lane_of(here), take_freeze_take, &f));
    must(f.runs == 2 && left_on(&cx, here) == 3);
    store_close();
}

/* The statement says everybody's rows; it is the wall that the test is about. */
SQL(shelf_spy, "SELECT count(*) FROM shelf WHERE (tenant = $1 OR tenant <> $1) AND id = $2");

static bool spy(Ctx *cx, void *arg)
{
    Looking *l = arg;
    return sql_int(cx, &shelf_spy, &l->shelf.left, V(l->id));
}

/* SQLite has no such wall, and so shows that the statement would have seen the row. */
TEST(a_statement_without_its_tenant_sees_nothing_of_another)
{
    Ctx cx = opened(), eve = ctx_new(mem, (TenantId){ { { 9 } } });
    Looking l = { .id = here };
    must(write_tx(&cx, lane_of(here), put, &(Taking){ 5, here, false }));
    must(read_tx(&cx, spy, &l) && l.shelf.left == 1);
    must(read_tx(&eve, spy, &l) && l.shelf.left == (on_postgres() ? 0 : 1));
    store_close();
}

SQL(shelf_plant, "INSERT INTO shelf (tenant, id, n) VALUES ($2, $1, 1)");

static bool plant(Ctx *cx, void *arg)
{
    return sql_run(cx, &shelf_plant, NULL, V(*(Uuid *)arg));
}

TEST(a_row_cannot_be_planted_with_another_tenant)
{
    Ctx cx = opened();
    Uuid theirs = { { 9 } };
    if (on_postgres())
        must(!write_tx(&cx, lane_of(here), plant, &theirs));
    store_close();
}

/* ---- a server with defaults of its own ------------------------------------- */

static Ctx opened_with(const char *option)
{
    StoreConfig c = with_shelf();
    c.url = str_fmt(mem, "%.*s?options=-c%%20%s", STR_ARGS(c.url), option);
    return open_store(&c);
}

SQL_FAR(shelf_level,
    "SELECT count(*) FROM pg_settings WHERE name = 'transaction_isolation' AND setting = $1");

static bool ask_level(Ctx *cx, void *arg)
{
    return sql_int(cx, &shelf_level, arg, V("read committed"));
}

TEST(a_writer_sees_what_was_committed_before_it_whatever_the_servers_default)
{
    i64 n = 0;
    if (!on_postgres())
        return;
    Ctx cx = opened_with("default_transaction_isolation%3Dserializable");
    must(write_tx(&cx, lane_of(here), ask_level, &n) && n == 1);
    store_close();
}

TEST(a_server_that_became_a_standby_is_away_and_not_broken)
{
    if (!on_postgres())
        return;
    Ctx cx = opened_with("default_transaction_read_only%3Don");
    must(!write_tx(&cx, lane_of(here), put, &(Taking){ 5, here, false }));
    must_fault(&cx, DATABASE_CONNECTION_ERROR);
    store_close();
}

/* ---- a connection that is cut --------------------------------------------- */

/* All sessions of this test's own database: others test beside it. */
static void cut_all(void)
{
    StoreConfig admin = { .url = S("postgresql:"), .owner_url = env_of("TEST_PG_ADMIN") };
    run_script(&admin, str_z(mem, str_fmt(mem,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tt_server'"
        " AND application_name = 'tickettoken' AND datname = '%s'", own_database)));
}

TEST(a_cut_connection_costs_nobody_anything)
{
    if (!on_postgres())
        return;
    Ctx cx = opened();
    must(write_tx(&cx, lane_of(here), put, &(Taking){ 5, here, false }));
    must(left_on(&cx, here) == 5);
    for (i64 left = 4; left >= 0; left--) {
        cut_all();
        must(write_tx(&cx, lane_of(here), take, &(Taking){ 1, here, false }));
        cut_all();
        must(left_on(&cx, here) == left);
    }
    store_close();
}

typedef struct { pthread_t thread; _Atomic bool stop; } Cutter;

static void *keep_cutting(void *arg)
{
    Cutter *c = arg;
    Arena own = { 0 }, *was = mem;
    mem = &own;                                   /* this thread's            */
    while (!c->stop) {
        usleep(20000);
        cut_all();
    }
    arena_close(&own);
    mem = was;
    return NULL;
}

/* Each answer is the truth, also that of a COMMIT which was cut off. */
TEST(cuts_in_the_middle_of_a_crowd_lose_and_double_nothing)
{
    if (!on_postgres())
        return;
    Ctx cx = opened();
    Buyer b[8];
    Cutter c = { .stop = false };
    i64 got = 0;
    must(write_tx(&cx, lane_of(here), put, &(Taking){ 100000, here, false }));
    for (int i = 0; i < countof(b); i++) {
        b[i] = (Buyer){ .id = here, .tries = 100 };
        must(pthread_create(&b[i].thread, NULL, buy, &b[i]) == 0);
    }
    must(pthread_create(&c.thread, NULL, keep_cutting, &c) == 0);
    for (int i = 0; i < countof(b); i++) {
        pthread_join(b[i].thread, NULL);
        got += b[i].got;
    }
    c.stop = true;
    pthread_join(c.thread, NULL);
    must(got > 0 && left_on(&cx, here) == 100000 - got);
    store_close();
}

TEST(new_connections_take_the_password_that_was_changed)
{
    StoreConfig c = with_shelf();
    Ctx cx = open_store(&c);

    store_login(S("postgresql://nobody@127.0.0.1:1/none"));
    if (store_shared()) {
        must(!store_ready(&cx));                  /* readers are opened as they are needed */
        must_fault(&cx, DATABASE_CONNECTION_ERROR);
        fault_clear(&cx);
    }
    store_login(c.url);
    must(store_ready(&cx));
    store_close();
}
