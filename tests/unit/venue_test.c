/* venue_test.c - venues, and who may do what there. */
#include "events/staff.h"
#include "unit/people.h"

static const TenantId elsewhere = { { { 9 } } };
static const UserId boss = { { { 1 } } }, anna = { { { 2 } } }, ben = { { { 3 } } };

SQL(test_person,
    "INSERT INTO person (tenant, id, email, password_hash, first_name, last_name, status, role,"
    " created_at, updated_at) VALUES ($1, $2, $3, '', 'A', 'B', 'ACTIVE', 'customer', $4, $4)");

static bool add_people(Ctx *cx, void *arg)
{
    (void)arg;
    return sql_run(cx, &test_person, NULL, V(boss.v), V("boss@a.example"), V(cx->now))
        && sql_run(cx, &test_person, NULL, V(anna.v), V("anna@a.example"), V(cx->now))
        && sql_run(cx, &test_person, NULL, V(ben.v), V("ben@a.example"), V(cx->now));
}

static Ctx opened(void)
{
    Ctx cx = with_store();

    must(write_tx(&cx, (Lane){ 0 }, add_people, NULL));
    cx.who = (Who){ .user = boss, .role = VENUE_MANAGER };
    return cx;
}

/* ---- one verb a transaction ---- */

typedef struct { VenueId id; VenueIn in; VenueChange change; Venue out; } Work;

static bool add(Ctx *cx, void *arg)
{
    Work *w = arg;
    return venue_add(cx, w->id, &w->in, &w->out);
}

static bool change(Ctx *cx, void *arg)
{
    Work *w = arg;
    return venue_change(cx, w->id, &w->change, &w->out);
}

static bool get(Ctx *cx, void *arg)
{
    Work *w = arg;
    return venue_get(cx, w->id, &w->out);
}

static Work hall(Ctx *cx)
{
    return (Work){ .id = { uuid_new(cx->now) }, .change = { .status = -1 },
                   .in = { S("Town Hall"), S("Europe/Berlin"), 500, S("DE"), S("Berlin") } };
}

static Work made(Ctx *cx)
{
    Work w = hall(cx);

    must(write_tx(cx, lane_of(w.id.v), add, &w));
    return w;
}

typedef struct { VenueId venue; StaffIn in; UserId person; Staff out; Staff *rows; isize n; } Staffing;

static bool grant(Ctx *cx, void *arg)
{
    Staffing *s = arg;
    return staff_grant(cx, s->venue, &s->in, &s->out);
}

static bool revoke(Ctx *cx, void *arg)
{
    Staffing *s = arg;
    return staff_revoke(cx, s->venue, s->person);
}

static bool list(Ctx *cx, void *arg)
{
    Staffing *s = arg;
    return staff_list(cx, s->venue, &s->rows, &s->n);
}

/* As the body gives it: counted from door-staff. */
static bool give(Ctx *cx, VenueId venue, UserId who, StaffRole role, Instant until)
{
    Staffing s = { .venue = venue, .in = { who, (int)role - (int)DOOR_STAFF, until } };
    return write_tx(cx, lane_of(venue.v), grant, &s);
}

/* ---- venues ---- */

TEST(a_venue_that_was_made_is_there)
{
    Ctx cx = opened();
    Work w = made(&cx), r = { .id = w.id };

    must(read_tx(&cx, get, &r));
    must(str_is(r.out.name, S("Town Hall")) && str_is(r.out.country, S("DE")));
    must(r.out.capacity == 500 && r.out.version == 1 && r.out.status == VENUE_ACTIVE);
    must(uuid_is(r.out.createdBy.v, boss.v) && r.out.createdAt.ms == cx.now.ms);
    store_close();
}

TEST(a_customer_makes_no_venue)
{
    Ctx cx = opened(), customer = as(&cx, anna, CUSTOMER);
    Work w = hall(&cx);

    must(!write_tx(&customer, lane_of(w.id.v), add, &w));
    must_fault(&customer, FORBIDDEN);
    store_close();
}

TEST(a_venue_with_a_wrong_zone_or_country_is_refused)
{
    Ctx cx = opened();
    Work w = hall(&cx);

    w.in.timezone = S("Europe/Atlantis");
    w.in.country = S("de");
    must(!write_tx(&cx, lane_of(w.id.v), add, &w));
    must_fault(&cx, VALIDATION_ERROR);
    must(cx.fault.fields != NULL && cx.fault.fields->next != NULL);
    store_close();
}

TEST(another_tenants_venue_is_not_there)
{
    Ctx cx = opened(), eve = ctx_new(mem, elsewhere);
    Work w = made(&cx);

    eve.who = (Who){ .user = boss, .role = ADMIN };
    must(!read_tx(&eve, get, &w));
    must_fault(&eve, NOT_FOUND);
    fault_clear(&eve);
    must(!venue_may(&eve, w.id, DOOR_SCAN));
    must_fault(&eve, NOT_FOUND);
    fault_clear(&eve);
    w.change.name = S("Stolen Hall");
    must(!write_tx(&eve, lane_of(w.id.v), change, &w));
    must_fault(&eve, NOT_FOUND);
    fault_clear(&eve);
    must(!give(&eve, w.id, anna, DOOR_STAFF, (Instant){ 0 }));
    must_fault(&eve, NOT_FOUND);
    store_close();
}

TEST(a_change_keeps_what_it_does_not_name_and_needs_the_present_version)
{
    Ctx cx = opened();
    Work w = made(&cx);

    w.change = (VenueChange){ .name = S("New Hall"), .status = -1, .version = 1 };
    must(write_tx(&cx, lane_of(w.id.v), change, &w));
    must(str_is(w.out.name, S("New Hall")) && w.out.capacity == 500 && w.out.version == 2);
    must(!write_tx(&cx, lane_of(w.id.v), change, &w));
    must_fault(&cx, CONFLICT);
    store_close();
}

/* ---- rights ---- */

TEST(a_role_at_a_venue_allows_what_its_row_of_the_table_says)
{
    static const bool may[][4] = {      /* VENUE_MANAGE EVENT_MANAGE DOOR_SCAN SALES_VIEW */
        [STAFF_NONE]    = { false, false, false, false },
        [DOOR_STAFF]    = { false, false, true,  false },
        [BOX_OFFICE]    = { false, false, true,  true },
        [STAFF_MANAGER] = { true,  true,  true,  true },
        [STAFF_OWNER]   = { true,  true,  true,  true } };
    Ctx cx = opened();
    Work w = made(&cx);

    for (int role = STAFF_NONE; role < STAFF_ROLE_COUNT; role++) {
        must(role == STAFF_NONE || give(&cx, w.id, anna, (StaffRole)role, (Instant){ 0 }));
        for (int right = VENUE_MANAGE; right <= SALES_VIEW; right++) {
            Ctx her = as(&cx, anna, CUSTOMER);
            must(venue_may(&her, w.id, (VenueRight)right) == may[role][right]);
            must(may[role][right] || her.fault.code == FORBIDDEN);
        }
    }
    store_close();
}

TEST(a_role_at_one_venue_is_none_at_another)
{
    Ctx cx = opened(), her = as(&cx, anna, CUSTOMER);
    Work one = made(&cx), two = made(&cx);

    must(give(&cx, one.id, anna, STAFF_MANAGER, (Instant){ 0 }));
    must(venue_may(&her, one.id, EVENT_MANAGE));
    must(!venue_may(&her, two.id, EVENT_MANAGE));
    must_fault(&her, FORBIDDEN);
    store_close();
}

TEST(a_role_lapses_when_its_time_is_over)
{
    Ctx cx = opened();
    Work w = made(&cx);
    Ctx her = as(&cx, anna, CUSTOMER);

    must(give(&cx, w.id, anna, DOOR_STAFF, later(cx.now, hours(1))));
    must(venue_may(&her, w.id, DOOR_SCAN));
    her.now = later(cx.now, hours(1));
    must(!venue_may(&her, w.id, DOOR_SCAN));
    must_fault(&her, FORBIDDEN);
    store_close();
}

TEST(nobody_who_is_nobody_may_anything)
{
    Ctx cx = opened(), nobody = as(&cx, (UserId){ { { 0 } } }, ANYONE);
    Work w = made(&cx);

    must(!venue_may(&nobody, w.id, DOOR_SCAN));
    must_fault(&nobody, FORBIDDEN);
    store_close();
}

TEST(a_manager_gives_no_role_above_his_own_and_takes_none)
{
    Ctx cx = opened();
    Work w = made(&cx);

    must(give(&cx, w.id, anna, STAFF_MANAGER, (Instant){ 0 }));
    Ctx her = as(&cx, anna, CUSTOMER);
    must(!give(&her, w.id, anna, STAFF_OWNER, (Instant){ 0 }));
    must_fault(&her, FORBIDDEN);
    fault_clear(&her);
    must(!write_tx(&her, lane_of(w.id.v), revoke, &(Staffing){ .venue = w.id, .person = boss }));
    must_fault(&her, FORBIDDEN);
    fault_clear(&her);
    must(give(&her, w.id, ben, BOX_OFFICE, (Instant){ 0 }));
    store_close();
}

TEST(the_last_owner_stays)
{
    Ctx cx = opened();
    Work w = made(&cx);
    Staffing s = { .venue = w.id, .person = boss };

    must(!write_tx(&cx, lane_of(w.id.v), revoke, &s));
    must_fault(&cx, INVALID_STATE);
    fault_clear(&cx);
    must(!give(&cx, w.id, boss, DOOR_STAFF, (Instant){ 0 }));
    must_fault(&cx, INVALID_STATE);
    fault_clear(&cx);
    must(give(&cx, w.id, anna, STAFF_OWNER, (Instant){ 0 }));
    must(write_tx(&cx, lane_of(w.id.v), revoke, &s));
    store_close();
}

TEST(a_stranger_to_the_tenant_gets_no_role)
{
    Ctx cx = opened();
    Work w = made(&cx);

    must(!give(&cx, w.id, (UserId){ { { 77 } } }, DOOR_STAFF, (Instant){ 0 }));
    must_fault(&cx, NOT_FOUND);
    store_close();
}

TEST(who_manages_a_venue_sees_its_staff_and_others_do_not)
{
    Ctx cx = opened(), her = as(&cx, anna, CUSTOMER);
    Work w = made(&cx);
    Staffing s = { .venue = w.id };

    must(give(&cx, w.id, anna, DOOR_STAFF, (Instant){ 0 }));
    must(read_tx(&cx, list, &s) && s.n == 2);
    must(s.rows[0].role == STAFF_OWNER && s.rows[1].role == DOOR_STAFF);
    must(!read_tx(&her, list, &s));
    must_fault(&her, FORBIDDEN);
    store_close();
}

/* ---- listing ---- */

typedef struct { VenueId before; i64 most; Venue *rows; isize n; } Listing;

static bool page(Ctx *cx, void *arg)
{
    Listing *l = arg;
    return venue_list(cx, l->before, l->most, &l->rows, &l->n);
}

TEST(pages_of_venues_repeat_nothing_and_skip_nothing)
{
    Ctx cx = opened(), eve = ctx_new(mem, elsewhere);
    Work made_[5];
    int seen = 0;

    for (int i = 0; i < 5; i++) {
        cx.now = later(cx.now, seconds(1));
        made_[i] = made(&cx);
    }
    Listing l = { .most = 2 };
    do {
        must(read_tx(&cx, page, &l));
        for (isize i = 0; i < l.n; i++)
            must(uuid_is(l.rows[i].id.v, made_[4 - seen++].id.v));
        if (l.n > 0)
            l.before = l.rows[l.n - 1].id;
    } while (l.n == l.most);
    must(seen == 5);
    l = (Listing){ .most = 10 };
    must(read_tx(&eve, page, &l) && l.n == 0);
    store_close();
}
