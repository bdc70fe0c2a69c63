/* event_test.c - drafts, moves, times, and who sees what. */
#include "events/content.h"
#include "events/event_clock.h"
#include "unit/people.h"
#include <pthread.h>
#include <stdatomic.h>

static const TenantId elsewhere = { { { 9 } } };
static const UserId boss = { { { 1 } } }, anna = { { { 2 } } };

/* ---- one verb a transaction ---- */

typedef struct {
    VenueId venue;
    VenueIn hall;
    EventId id;
    EventIn in;
    EventChange change;
    EventAction action;
    Str reason;
    Event out;
    Venue made;
    Content content;
} Work;

#define VERB(name, call) static bool name(Ctx *cx, void *arg) { Work *w = arg; return call; }
VERB(add_venue, venue_add(cx, w->venue, &w->hall, &w->made))
VERB(add,    event_add(cx, w->id, &w->in, &w->out))
VERB(change, event_change(cx, w->id, &w->change, &w->out))
VERB(delete, event_delete(cx, w->id))
VERB(move,   event_move(cx, w->id, w->action, w->reason, &w->out))
VERB(act,    event_act(cx, w->id, w->action, w->reason, &w->out))
VERB(see,    event_see(cx, w->id, &w->out))
VERB(get,    event_get(cx, w->id, &w->out))
VERB(put_content, content_put(cx, w->id, &w->content))
VERB(get_content, content_get(cx, w->id, &w->content))

static Ctx opened(void)
{
    Ctx cx = with_store();

    cx.who = (Who){ .user = boss, .role = VENUE_MANAGER };
    return cx;
}

static Work planned(Ctx *cx)
{
    Work w = { .venue = { uuid_new(cx->now) }, .id = { uuid_new(cx->now) },
               .hall = { S("Town Hall"), S("Europe/Berlin"), 500, S("DE"), S("Berlin") } };

    must(write_tx(cx, lane_of(w.venue.v), add_venue, &w));
    w.in = (EventIn){ .name = S("An Evening"), .venueId = w.venue,
                      .startsAt = later(cx->now, days(10)),
                      .endsAt = later(cx->now, (Span){ days(10).ms + hours(3).ms }) };
    return w;
}

static Work drafted(Ctx *cx)
{
    Work w = planned(cx);

    must(write_tx(cx, lane_of(w.id.v), add, &w));
    return w;
}

static void go(Ctx *cx, Work *w, EventAction action, EventState to)
{
    w->action = action;
    must(write_tx(cx, lane_of(w->id.v), move, w));
    must(w->out.status == (int)to);
}

static Work on_sale(Ctx *cx)
{
    Work w = drafted(cx);

    go(cx, &w, DO_PUBLISH, EVENT_PUBLISHED);
    go(cx, &w, DO_START_SALES, EVENT_ON_SALE);
    return w;
}

SQL(test_history_count, "SELECT count(*) FROM event_history WHERE tenant = $1 AND event = $2");
SQL(test_told_count,
    "SELECT count(*) FROM outbox WHERE tenant = $1 AND event = $2 AND type = $3"
    " AND person IS NULL");
SQL(test_by_clock,
    "SELECT count(*) FROM event_history WHERE tenant = $1 AND event = $2 AND person IS NULL"
    " AND reason LIKE 'by the clock%'");
typedef struct { EventId id; Str type; i64 n; } Count;
static bool count_history(Ctx *cx, void *arg)
{
    Count *c = arg;
    return sql_int(cx, &test_history_count, &c->n, V(c->id.v));
}
static bool count_told(Ctx *cx, void *arg)
{
    Count *c = arg;
    return sql_int(cx, &test_told_count, &c->n, V(c->id.v), V(c->type));
}
static bool count_by_clock(Ctx *cx, void *arg)
{
    Count *c = arg;
    return sql_int(cx, &test_by_clock, &c->n, V(c->id.v));
}
static i64 counted(Ctx *cx, TxFn *fn, EventId id, const char *type)
{
    Count c = { id, str_of(type), 0 };
    must(read_tx(cx, fn, &c));
    return c.n;
}

/* ---- drafts ---- */

TEST(a_new_event_is_a_draft_in_its_venues_zone)
{
    Ctx cx = opened();
    Work w = drafted(&cx), r = { .id = w.id };

    must(read_tx(&cx, get, &r));
    must(r.out.status == EVENT_DRAFT && r.out.version == 1);
    must(str_is(r.out.timezone, S("Europe/Berlin")) && str_is(r.out.name, S("An Evening")));
    must(r.out.startsAt.ms == w.in.startsAt.ms && !is_set(r.out.doorsOpenAt));
    must(counted(&cx, count_told, w.id, "event.created") == 1);
    store_close();
}

TEST(times_that_make_no_sense_are_refused_each_by_its_field)
{
    enum { START, END, DOORS, SALES, ZONE, NAME_, KINDS };
    static const char *const fields[KINDS] = { "startsAt", "endsAt", "doorsOpenAt",
                                               "salesEndAt", "timezone", "name" };
    for (int i = 0; i < KINDS; i++) {
        Ctx cx = opened();
        Work w = planned(&cx);
        if (i == START)
            w.in.startsAt = cx.now;
        if (i == END)
            w.in.endsAt = w.in.startsAt;
        if (i == DOORS)
            w.in.doorsOpenAt = later(w.in.startsAt, (Span){ 1 });
        if (i == SALES)
            w.in.salesStartAt = w.in.salesEndAt = later(cx.now, days(1));
        if (i == ZONE)
            w.in.timezone = S("Mars/Olympus");
        if (i == NAME_)
            w.in.name = S("   ");
        must(!write_tx(&cx, lane_of(w.id.v), add, &w));
        must_fault(&cx, VALIDATION_ERROR);
        must(str_is(cx.fault.fields->field, str_of(fields[i])) && cx.fault.fields->next == NULL);
        store_close();
    }
}

TEST(an_event_needs_a_right_at_an_open_venue_of_the_tenant)
{
    Ctx cx = opened(), her = as(&cx, anna, CUSTOMER), eve = ctx_new(mem, elsewhere);
    Work w = planned(&cx);

    must(!write_tx(&her, lane_of(w.id.v), add, &w));
    must_fault(&her, FORBIDDEN);
    eve.who = (Who){ .user = boss, .role = ADMIN };
    must(!write_tx(&eve, lane_of(w.id.v), add, &w));
    must_fault(&eve, NOT_FOUND);
    store_close();
}

TEST(a_draft_is_seen_by_organisers_only_and_a_published_event_by_all_of_the_tenant)
{
    Ctx cx = opened(), eve = ctx_new(mem, elsewhere);
    Work w = drafted(&cx);

    Ctx nobody = as(&cx, (UserId){ { { 0 } } }, ANYONE);
    must(!read_tx(&nobody, see, &w));
    must_fault(&nobody, NOT_FOUND);
    must(read_tx(&cx, see, &w));
    go(&cx, &w, DO_PUBLISH, EVENT_PUBLISHED);
    fault_clear(&nobody);
    must(read_tx(&nobody, see, &w));
    eve.who.role = ADMIN;
    must(!read_tx(&eve, see, &w));
    must_fault(&eve, NOT_FOUND);
    store_close();
}

/* ---- moves ---- */

TEST(every_move_of_the_table_and_no_other_is_made)
{
    int allowed = 0;

    for (int from = 0; from < EVENT_STATE_COUNT; from++)
        for (int action = 0; action < EVENT_ACTION_COUNT; action++) {
            EventState to;
            allowed += event_leads((EventState)from, (EventAction)action, &to);
            must(from != EVENT_COMPLETED && from != EVENT_CANCELLED ? true
                 : !event_leads((EventState)from, (EventAction)action, &to));
        }
    must(allowed == 31);
}

TEST(a_move_leaves_history_and_tells_the_world_once)
{
    Ctx cx = opened();
    Work w = on_sale(&cx);

    must(counted(&cx, count_history, w.id, NULL) == 2);
    must(counted(&cx, count_told, w.id, "event.published") == 1);
    must(counted(&cx, count_told, w.id, "event.on_sale") == 1);
    store_close();
}

TEST(a_refused_move_leaves_nothing)
{
    Ctx cx = opened();
    Work w = drafted(&cx);

    w.action = DO_END_EVENT;
    must(!write_tx(&cx, lane_of(w.id.v), move, &w));
    must_fault(&cx, INVALID_STATE);
    fault_clear(&cx);
    must(counted(&cx, count_history, w.id, NULL) == 0);
    must(counted(&cx, count_told, w.id, "event.completed") == 0);
    store_close();
}

TEST(sold_out_and_back_as_often_as_stock_returns)
{
    Ctx cx = opened();
    Work w = on_sale(&cx);

    for (int i = 0; i < 3; i++) {
        go(&cx, &w, DO_SOLD_OUT, EVENT_SOLD_OUT);
        go(&cx, &w, DO_STOCK_RETURNED, EVENT_ON_SALE);
    }
    must(counted(&cx, count_told, w.id, "event.sold_out") == 3);
    store_close();
}

TEST(what_is_over_is_not_published_again)
{
    Ctx cx = opened();
    Work w = drafted(&cx);

    cx.now = w.in.startsAt;
    w.action = DO_PUBLISH;
    must(!write_tx(&cx, lane_of(w.id.v), act, &w));
    must_fault(&cx, INVALID_STATE);
    store_close();
}

TEST(a_stranger_moves_nothing)
{
    Ctx cx = opened(), her = as(&cx, anna, CUSTOMER), eve = ctx_new(mem, elsewhere);
    Work w = on_sale(&cx);

    w.action = DO_CANCEL;
    must(!write_tx(&her, lane_of(w.id.v), act, &w));
    must_fault(&her, FORBIDDEN);
    eve.who = (Who){ .user = boss, .role = SUPER_ADMIN };
    must(!write_tx(&eve, lane_of(w.id.v), act, &w));
    must_fault(&eve, NOT_FOUND);
    store_close();
}

/* Eight threads press the same button; the old state lets one of them through. */
typedef struct { Work w; Ctx cx; Arena mem; _Atomic int *won, *refused; } Racer;

static void *press(void *arg)
{
    Racer *r = arg;

    if (write_tx(&r->cx, lane_of(r->w.id.v), move, &r->w))
        atomic_fetch_add(r->won, 1);
    else if (r->cx.fault.code == INVALID_STATE)
        atomic_fetch_add(r->refused, 1);
    return NULL;
}

TEST(of_eight_moves_at_once_one_wins)
{
    enum { RACERS = 8 };
    static Racer racers[RACERS];
    pthread_t threads[RACERS];
    _Atomic int won = 0, refused = 0;
    Ctx cx = opened();
    Work w = on_sale(&cx);

    w.action = DO_PAUSE_SALES;
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (Racer){ .w = w, .won = &won, .refused = &refused };
        racers[i].cx = ctx_new(&racers[i].mem, cx.tenant);
        must(pthread_create(&threads[i], NULL, press, &racers[i]) == 0);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        arena_close(&racers[i].mem);
    }
    must(won == 1 && refused == RACERS - 1);
    must(counted(&cx, count_told, w.id, "event.paused") == 1);
    store_close();
}

/* The control: without the old state in the WHERE every one of them would win. */
SQL(test_blind_move, "UPDATE event SET status = 'SALES_PAUSED' WHERE tenant = $1 AND id = $2");

static bool blind(Ctx *cx, void *arg)
{
    Work *w = arg;
    i64 changed;
    return sql_run(cx, &test_blind_move, &changed, V(w->id.v)) &&
           (changed == 1 || fail(cx, INVALID_STATE, "lost"));
}

TEST(without_the_old_state_two_would_win)
{
    Ctx cx = opened();
    Work w = on_sale(&cx);

    must(write_tx(&cx, lane_of(w.id.v), blind, &w));
    must(write_tx(&cx, lane_of(w.id.v), blind, &w));
    store_close();
}

/* ---- changes ---- */

TEST(a_change_needs_the_present_version_if_it_names_one)
{
    Ctx cx = opened();
    Work w = drafted(&cx);

    w.change = (EventChange){ .name = S("A Night"), .version = 1 };
    must(write_tx(&cx, lane_of(w.id.v), change, &w));
    must(w.out.version == 2 && str_is(w.out.name, S("A Night")));
    must(w.out.startsAt.ms == w.in.startsAt.ms);
    must(!write_tx(&cx, lane_of(w.id.v), change, &w));
    must_fault(&cx, CONFLICT);
    store_close();
}

TEST(time_and_place_stay_once_tickets_were_on_sale)
{
    Ctx cx = opened();
    Work w = on_sale(&cx);

    w.change = (EventChange){ .startsAt = later(w.in.startsAt, hours(1)) };
    must(!write_tx(&cx, lane_of(w.id.v), change, &w));
    must_fault(&cx, INVALID_STATE);
    fault_clear(&cx);
    w.change = (EventChange){ .name = S("A Night"), .startsAt = w.in.startsAt };
    must(write_tx(&cx, lane_of(w.id.v), change, &w));

    go(&cx, &w, DO_POSTPONE, EVENT_POSTPONED);
    w.change = (EventChange){ .startsAt = later(w.in.startsAt, days(1)),
                              .endsAt = later(w.in.endsAt, days(1)) };
    must(write_tx(&cx, lane_of(w.id.v), change, &w));
    go(&cx, &w, DO_RESCHEDULE, EVENT_RESCHEDULED);
    go(&cx, &w, DO_PUBLISH, EVENT_PUBLISHED);
    w.change.startsAt = later(w.change.startsAt, hours(1));
    must(!write_tx(&cx, lane_of(w.id.v), change, &w));
    must_fault(&cx, INVALID_STATE);
    store_close();
}

TEST(only_drafts_and_unsold_cancellations_are_deleted)
{
    Ctx cx = opened();
    Work draft = drafted(&cx), sold = on_sale(&cx);

    must(write_tx(&cx, lane_of(draft.id.v), delete, &draft));
    must(!read_tx(&cx, get, &draft));
    must_fault(&cx, NOT_FOUND);
    fault_clear(&cx);
    go(&cx, &sold, DO_CANCEL, EVENT_CANCELLED);
    must(!write_tx(&cx, lane_of(sold.id.v), delete, &sold));
    must_fault(&cx, INVALID_STATE);
    store_close();
}

TEST(content_is_kept_whole_and_shown_as_the_event_is)
{
    Ctx cx = opened();
    Work w = drafted(&cx), r = { .id = w.id };
    Ctx nobody = as(&cx, (UserId){ { { 0 } } }, ANYONE);

    w.content.content = S("{\"lineup\":[\"The Arenas\"]}");
    must(write_tx(&cx, lane_of(w.id.v), put_content, &w));
    must(read_tx(&cx, get_content, &r) && str_has(r.content.content, S("[\"The Arenas\"]")));
    must(!read_tx(&nobody, get_content, &r));
    must_fault(&nobody, NOT_FOUND);
    w.content.content = S("[1]");
    must(!write_tx(&cx, lane_of(w.id.v), put_content, &w));
    must_fault(&cx, VALIDATION_ERROR);
    store_close();
}

/* ---- the clock ---- */

static void tick(Ctx *cx, Instant now)
{
    Ctx clock = ctx_new(mem, (TenantId){ { { 0 } } });

    cx->now = clock.now = now;
    must(event_clock(&clock));
}

static int state_of(Ctx *cx, const Work *w)
{
    Work r = { .id = w->id };
    must(read_tx(cx, get, &r));
    return r.out.status;
}

TEST(the_clock_makes_each_move_when_its_time_has_come)
{
    Ctx cx = opened();
    Work w = planned(&cx);
    Instant start = later(cx.now, days(1)), end = later(cx.now, days(2));

    w.in.salesStartAt = start;
    w.in.salesEndAt = end;
    must(write_tx(&cx, lane_of(w.id.v), add, &w));
    tick(&cx, later(start, hours(1)));
    must(state_of(&cx, &w) == EVENT_DRAFT);       /* the clock publishes nothing */
    go(&cx, &w, DO_PUBLISH, EVENT_PUBLISHED);
    tick(&cx, earlier(start, (Span){ 1 }));
    must(state_of(&cx, &w) == EVENT_PUBLISHED);
    tick(&cx, start);
    must(state_of(&cx, &w) == EVENT_ON_SALE);
    tick(&cx, end);
    must(state_of(&cx, &w) == EVENT_SALES_PAUSED);
    tick(&cx, w.in.startsAt);
    must(state_of(&cx, &w) == EVENT_IN_PROGRESS);
    tick(&cx, w.in.endsAt);
    must(state_of(&cx, &w) == EVENT_COMPLETED);
    must(counted(&cx, count_by_clock, w.id, NULL) == 4);
    store_close();
}

TEST(a_clock_that_was_away_makes_up_for_it)
{
    Ctx cx = opened();
    Work w = on_sale(&cx);

    tick(&cx, later(w.in.endsAt, days(1)));
    must(state_of(&cx, &w) == EVENT_COMPLETED);
    store_close();
}

TEST(a_sold_out_event_begins_too_and_a_postponed_one_does_not)
{
    Ctx cx = opened();
    Work full = on_sale(&cx), later_ = on_sale(&cx);

    go(&cx, &full, DO_SOLD_OUT, EVENT_SOLD_OUT);
    go(&cx, &later_, DO_POSTPONE, EVENT_POSTPONED);
    tick(&cx, full.in.startsAt);
    must(state_of(&cx, &full) == EVENT_IN_PROGRESS);
    must(state_of(&cx, &later_) == EVENT_POSTPONED);
    store_close();
}

/* ---- the list ---- */

typedef struct { EventFilter filter; Cursor after; i64 most; Event *rows; isize n; } Listing;

static bool page(Ctx *cx, void *arg)
{
    Listing *l = arg;
    return event_list(cx, &l->filter, l->after, l->most, &l->rows, &l->n);
}

static isize listed(Ctx *cx, EventFilter filter)
{
    Listing l = { .filter = filter, .after = { INT64_MIN, { { 0 } } }, .most = 100 };
    must(read_tx(cx, page, &l));
    return l.n;
}

TEST(the_list_shows_what_the_asker_may_see_and_asks_for)
{
    Ctx cx = opened(), eve = ctx_new(mem, elsewhere);
    Work draft = drafted(&cx), sale = on_sale(&cx);
    Ctx nobody = as(&cx, (UserId){ { { 0 } } }, ANYONE);

    eve.who.role = ADMIN;
    must(listed(&cx, (EventFilter){ 0 }) == 2 && listed(&nobody, (EventFilter){ 0 }) == 1);
    must(listed(&eve, (EventFilter){ 0 }) == 0);
    must(listed(&cx, (EventFilter){ .status = S("DRAFT") }) == 1);
    must(listed(&nobody, (EventFilter){ .status = S("DRAFT") }) == 0);
    must(listed(&cx, (EventFilter){ .venue = draft.venue }) == 1);
    must(listed(&cx, (EventFilter){ .search = S("EVEN") }) == 2);
    must(listed(&cx, (EventFilter){ .search = S("%") }) == 0);
    must(listed(&cx, (EventFilter){ .search = S("ev_n") }) == 0);
    must(listed(&cx, (EventFilter){ .from = sale.in.endsAt }) == 0);
    store_close();
}

TEST(a_name_that_begins_with_a_foreign_capital_is_found_as_it_is_written)
{
    Ctx cx = opened();
    Work w = planned(&cx);

    w.in.name = S("\xC3\x9C" "ber den Wolken");
    must(write_tx(&cx, lane_of(w.id.v), add, &w));
    must(listed(&cx, (EventFilter){ .search = S("\xC3\x9C" "ber") }) == 1);
    must(listed(&cx, (EventFilter){ .search = S("WOLKEN") }) == 1);
    store_close();
}

TEST(pages_of_events_repeat_nothing_and_skip_nothing_at_one_start)
{
    Ctx cx = opened();
    Work w = planned(&cx);
    Uuid seen[7];
    isize n = 0;

    for (int i = 0; i < 7; i++) {                 /* five at one start */
        w.id = (EventId){ uuid_new(cx.now) };
        w.in.startsAt = later(cx.now, days(i < 5 ? 10 : i));
        w.in.endsAt = later(w.in.startsAt, hours(1));
        must(write_tx(&cx, lane_of(w.id.v), add, &w));
    }
    Listing l = { .after = { INT64_MIN, { { 0 } } }, .most = 3 };
    do {
        must(read_tx(&cx, page, &l));
        for (isize i = 0; i < l.n; i++)
            seen[n++] = l.rows[i].id.v;
        if (l.n > 0)
            l.after = (Cursor){ l.rows[l.n - 1].startsAt.ms, l.rows[l.n - 1].id.v };
    } while (l.n == l.most && n < 7);
    must(n == 7);
    for (isize i = 0; i < n; i++)
        for (isize k = 0; k < i; k++)
            must(!uuid_is(seen[i], seen[k]));
    store_close();
}

TEST(a_cursor_reads_back_and_garbage_does_not)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Cursor c = { -5, { { 1, 2, 3 } } }, r;

    must(cursor_read(&cx, cursor_write(mem, c), (Cursor){ 0 }, &r));
    must(r.at == -5 && uuid_is(r.id, c.id));
    must(cursor_read(&cx, (Str){ 0 }, c, &r) && r.at == -5);
    must(!cursor_read(&cx, S("abc"), c, &r));
    must_fault(&cx, INVALID_CURSOR);
}
