/* hold_test.c - what a hold promises: taken wholly or not at all, given back once. */
#include "unit/sale.h"
#include "events/event_clock.h"
#include "store/once.h"
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

TEST(a_hold_takes_stock_and_says_until_when)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    must(place_one(&cx, &s, 3, &h));
    must(h.status == HOLD_ACTIVE && h.totalCents == 7500 && str_is(h.currency, S("EUR")));
    must(h.expiresAt.ms == later(cx.now, minutes(10)).ms);
    TicketType t = stock(&s.cx, s.seat);
    must(t.available == 7 && t.held == 3 && t.sold == 0);
    store_close();
}

TEST(several_types_are_taken_wholly_or_not_at_all)
{
    Sale s = sale_of(10, 1);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    must(!place(&cx, s.event, (HoldLine[]){ { s.seat, 2, 0 }, { s.box, 2, 0 } }, 2, &h));
    must_fault(&cx, SOLD_OUT);
    must(stock(&s.cx, s.seat).held == 0 && stock(&s.cx, s.box).held == 0);
    fault_clear(&cx);
    must(place(&cx, s.event, (HoldLine[]){ { s.seat, 2, 0 }, { s.box, 1, 0 } }, 2, &h));
    must(h.totalCents == 15000 && h.quantity == 3);
    store_close();
}

TEST(what_is_not_on_sale_is_refused_by_its_reason)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    must(!place(&cx, s.event, (HoldLine[]){ { { uuid_new(cx.now) }, 1, 0 } }, 1, &h));
    must_fault(&cx, NOT_FOUND);
    fault_clear(&cx);
    must(!place(&cx, s.event, (HoldLine[]){ { s.seat, 1, 0 }, { s.seat, 1, 0 } }, 2, &h));
    must_fault(&cx, VALIDATION_ERROR);
    fault_clear(&cx);
    Ctx eve = ctx_new(mem, (TenantId){ { { 9 } } });
    eve.who = cx.who;
    must(!place_one(&eve, &s, 1, &h));
    must_fault(&eve, NOT_FOUND);
    store_close();
}

TEST(a_paused_sale_sells_nothing)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    must(write_tx(&s.cx, lane_of(s.event.v), move, &(Move){ s.event, DO_PAUSE_SALES }));
    must(!place_one(&cx, &s, 1, &h));
    must_fault(&cx, NOT_ON_SALE);
    store_close();
}

typedef struct { TypeId id; TypeChange change; TicketType out; } Change;
static bool change(Ctx *cx, void *arg)
{
    Change *c = arg;
    return type_change(cx, c->id, &c->change, &c->out);
}
static bool change_type(Sale *s, TypeChange c)
{
    Change w = { .id = s->seat, .change = c };
    return write_tx(&s->cx, lane_of(s->event.v), change, &w);
}
#define STAYS .priceCents = -1, .quantity = -1, .maxPerPurchase = -1, .version = -1

TEST(window_limit_and_withdrawal_of_a_type_bind)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    must(change_type(&s, (TypeChange){ STAYS, .saleStartDate = later(s.cx.now, hours(1)) }));
    must(!place_one(&cx, &s, 1, &h));
    must_fault(&cx, NOT_ON_SALE);
    fault_clear(&cx);
    cx.now = later(cx.now, hours(2));
    must(place_one(&cx, &s, 1, &h));
    must(change_type(&s, (TypeChange){ STAYS, .saleEndDate = later(s.cx.now, hours(2)) }));
    must(!place_one(&cx, &s, 1, &h));
    must_fault(&cx, NOT_ON_SALE);
    fault_clear(&cx);
    must(change_type(&s, (TypeChange){ .priceCents = -1, .quantity = -1, .version = -1,
                                       .saleEndDate = later(s.cx.now, hours(9)), .maxPerPurchase = 2 }));
    must(!place_one(&cx, &s, 3, &h));
    must_fault(&cx, VALIDATION_ERROR);
    fault_clear(&cx);
    must(change_type(&s, (TypeChange){ STAYS, .isActive = MAYBE_FALSE }));
    must(!place_one(&cx, &s, 1, &h));
    must_fault(&cx, NOT_ON_SALE);
    store_close();
}

TEST(quantity_never_shrinks_below_what_is_promised)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    must(place_one(&cx, &s, 4, &h));
    TypeChange c = { STAYS };
    c.quantity = 3;
    must(!change_type(&s, c));
    must_fault(&s.cx, VALIDATION_ERROR);
    fault_clear(&s.cx);
    c.quantity = 4;
    must(change_type(&s, c));
    must(stock(&s.cx, s.seat).available == 0);
    store_close();
}

TEST(a_version_that_no_type_will_ever_have_is_a_conflict)
{
    Sale s = sale_of(10, 5);
    TypeChange c = { STAYS };
    c.version = INT64_MAX;
    must(!change_type(&s, c));
    must_fault(&s.cx, CONFLICT);
    store_close();
}

TEST(one_customer_has_at_most_his_share)
{
    Sale s = sale_of(100, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER), other = as(&s.cx, bob, CUSTOMER);
    Hold h;
    hold_setup((HoldRules){ minutes(10), 12 });
    must(place_one(&cx, &s, 10, &h));
    must(!place_one(&cx, &s, 3, &h));
    must_fault(&cx, LIMIT_PER_CUSTOMER);
    fault_clear(&cx);
    must(place_one(&cx, &s, 2, &h) && place_one(&other, &s, 10, &h));
    store_close();
}

TEST(a_hold_ends_once_and_its_stock_comes_back_once)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    must(place_one(&cx, &s, 4, &h));
    HoldWork w = { .id = h.id, .to = HOLD_CANCELLED };
    must(write_tx(&cx, lane_of(s.event.v), do_end, &w) && w.ended);
    must(stock(&s.cx, s.seat).available == 10);
    w.to = HOLD_EXPIRED;
    must(write_tx(&cx, lane_of(s.event.v), do_end, &w) && !w.ended);
    must(stock(&s.cx, s.seat).available == 10);
    store_close();
}

TEST(the_clock_lapses_what_is_due_and_only_that)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER), late = as(&s.cx, bob, CUSTOMER);
    Ctx clock = ctx_new(mem, (TenantId){ { { 0 } } });
    Hold first, second;
    late.now = later(cx.now, minutes(5));
    must(place_one(&cx, &s, 2, &first) && place_one(&late, &s, 3, &second));
    Order o = order_of(&cx, &first);
    clock.now = later(cx.now, minutes(10));
    must(hold_clock(&clock));
    must(stock(&s.cx, s.seat).available == 7);
    must(order_get(&cx, o.id, &o) && o.status == ORDER_EXPIRED);
    clock.now = later(cx.now, minutes(16));
    must(hold_clock(&clock) && hold_clock(&clock));
    must(stock(&s.cx, s.seat).available == 10);
    store_close();
}

/* ---- an event that is called off ------------------------------------------ */

TEST(a_cancelled_event_gives_back_what_was_held_and_ends_its_orders)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER), other = as(&s.cx, bob, CUSTOMER);
    Ctx clock = ctx_new(mem, (TenantId){ { { 0 } } });
    Hold ordered, held;
    must(place_one(&cx, &s, 2, &ordered) && place_one(&other, &s, 3, &held));
    Order o = order_of(&cx, &ordered);
    must(write_tx(&s.cx, lane_of(s.event.v), move, &(Move){ s.event, DO_CANCEL }));
    must(hold_clock(&clock) && event_clock(&clock));
    must(stock(&s.cx, s.seat).available == 10);
    must(order_get(&cx, o.id, &o) && o.status == ORDER_CANCELLED);
    HoldWork w = { .id = held.id, .to = HOLD_EXPIRED };
    must(write_tx(&cx, lane_of(s.event.v), do_end, &w) && !w.ended && w.hold.status == HOLD_CANCELLED);
    must(hold_clock(&clock) && stock(&s.cx, s.seat).available == 10);
    store_close();
}

TEST(the_holds_of_other_events_outlive_a_cancellation)
{
    Sale s = sale_of(10, 5), next = s;
    Ctx cx = as(&s.cx, ann, CUSTOMER), clock = ctx_new(mem, (TenantId){ { { 0 } } });
    Hold off, on;
    next.event = (EventId){ uuid_new(s.cx.now) };
    next.venue = (VenueId){ uuid_new(s.cx.now) };
    must(write_tx(&s.cx, lane_of(next.event.v), build_sale, &(Building){ &next, 10, 5 }));
    must(place_one(&cx, &s, 2, &off) && place_one(&cx, &next, 2, &on));
    must(write_tx(&s.cx, lane_of(s.event.v), move, &(Move){ s.event, DO_CANCEL }));
    must(hold_clock(&clock));
    must(stock(&s.cx, s.seat).held == 0 && stock(&s.cx, next.seat).held == 2);
    store_close();
}

/* A hold that can't be read: its status is no name. */
SQL(test_spoil, "UPDATE ticket_type SET held = 0, quantity = available WHERE tenant = $1 AND id = $2");
static bool spoil(Ctx *cx, void *arg) { return sql_run(cx, &test_spoil, NULL, V(((TypeId *)arg)->v)); }

TEST(a_hold_that_can_not_be_ended_keeps_nobody_elses_stock)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER), clock = ctx_new(mem, (TenantId){ { { 0 } } });
    Hold box, seat;
    must(place(&cx, s.event, (HoldLine[]){ { s.box, 1, 0 } }, 1, &box) && place_one(&cx, &s, 2, &seat));
    must(write_tx(&s.cx, lane_of(s.event.v), spoil, &s.box));
    clock.now = later(cx.now, minutes(11));
    must(!hold_clock(&clock));
    must(stock(&s.cx, s.seat).available == 10);
    store_close();
}

static bool place_many(Ctx *cx, void *arg)
{
    const Sale *s = arg;
    HoldLine line = { s->seat, 1, 0 };
    for (int i = 0; i < 500; i++) {
        Hold h;
        cx->who.user = (UserId){ uuid_new(cx->now) };
        if (!hold_place(cx, &(Wish){ s->event, { &line, 1 } }, &h))
            return false;
    }
    return true;
}

TEST(ten_thousand_due_holds_lapse_in_one_pass_of_bounded_memory)
{
    Sale s = sale_of(10000, 5);
    Arena own = { 0 };
    for (int i = 0; i < 20; i++) {
        Ctx cx = ctx_new(&own, TENANT_DEFAULT);
        must(write_tx(&cx, lane_of(s.event.v), place_many, &s));
        arena_reset(&own, 0);
    }
    must(stock(&s.cx, s.seat).held == 10000);
    Ctx clock = ctx_new(&own, (TenantId){ { { 0 } } });
    clock.now = later(s.cx.now, minutes(11));
    Mono start = mono_now();
    clock.deadline = mono_after(start, minutes(5));
    must(hold_clock(&clock));
    printf("  10,000 holds lapsed in %jd ms\n", (intmax_t)(mono_us(start, mono_now()) / 1000));
    must(stock(&s.cx, s.seat).available == 10000);
    must(!arena_over(&own));
    arena_close(&own);
    store_close();
}

/* ---- crowds --------------------------------------------------------------- */

typedef struct { pthread_t thread; const Sale *s; i64 each; int tries, got, sold_out; } Buyer;

static void *buy(void *arg)
{
    Buyer *b = arg;
    for (int i = 0; i < b->tries; i++) {
        Arena own = { 0 };
        Ctx cx = ctx_new(&own, TENANT_DEFAULT);
        Hold h;
        cx.who = (Who){ .user = { uuid_new(cx.now) }, .role = CUSTOMER };
        if (place_one(&cx, b->s, b->each, &h))
            b->got++;
        else
            b->sold_out += cx.fault.code == SOLD_OUT;
        arena_close(&own);
    }
    return NULL;
}

static int crowd(const Sale *s, int buyers, i64 each, int tries)
{
    Buyer b[64];
    int got = 0;
    for (int i = 0; i < buyers; i++) {
        b[i] = (Buyer){ .s = s, .each = each, .tries = tries };
        must(pthread_create(&b[i].thread, NULL, buy, &b[i]) == 0);
    }
    for (int i = 0; i < buyers; i++) {
        pthread_join(b[i].thread, NULL);
        must(b[i].got + b[i].sold_out == tries);
        got += b[i].got;
    }
    return got;
}

/* ---- a batch with all that can be wrong in it ---- */

typedef struct {
    pthread_t thread;
    Ctx       cx;
    Placing   p;
    HoldLine  lines[2];
    Once      once;
    Answer    answer;
    bool      good;
} Wisher;

static Wisher wisher(const Sale *s, UserId who, i64 seats, i64 boxes, const char *key, const char *body)
{
    Wisher w = { .cx = as(&s->cx, who, CUSTOMER), .p = { .wish = { .eventId = s->event } } };

    w.cx.mem = make(mem, Arena, 1);               /* it works in a thread of its own */
    w.once = (Once){ .key = key == NULL ? (Str){ 0 } : str_of(key), .scope = S("POST /hold"),
                     .request = sha256(str_of(body)) };
    w.lines[0] = (HoldLine){ s->seat, seats, 0 };
    w.lines[1] = (HoldLine){ s->box, boxes, 0 };
    w.p.wish.tickets.count = boxes > 0 ? 2 : 1;
    return w;
}

static void *wish(void *arg)
{
    Wisher *w = arg;
    w->p.wish.tickets.at = w->lines;
    w->good = write_once_many(&w->cx, lane_of(w->p.wish.eventId.v), &w->once, hold_place_many, &w->p,
                              201, &hold_answer_shape, &w->p.answer, &w->answer);
    return NULL;
}

static _Atomic bool lane_held, lane_free;

static bool hold_the_lane(Ctx *cx, void *arg)
{
    (void)cx, (void)arg;
    lane_held = true;
    while (!lane_free)
        usleep(1000);
    return true;
}

static void *hold_up(void *arg)
{
    Arena own = { 0 };
    Ctx cx = ctx_new(&own, TENANT_DEFAULT);
    must(write_tx(&cx, lane_of(((const Sale *)arg)->event.v), hold_the_lane, NULL));
    arena_close(&own);
    return NULL;
}

TEST(in_one_batch_each_gets_what_he_would_get_alone)
{
    Sale s = sale_of(40, 1);
    hold_setup((HoldRules){ minutes(10), 12 });
    Wisher w[] = {
        wisher(&s, ann, 5, 0, "k1", "a"),         /* 0: gets five             */
        wisher(&s, ann, 5, 0, "k1", "a"),         /* 1: the same again        */
        wisher(&s, ann, 1, 0, "k1", "b"),         /* 2: the key, other words  */
        wisher(&s, bob, 5, 0, "k1", "c"),         /* 3: his own key           */
        wisher(&s, ann, 9, 0, NULL, "d"),         /* 4: more than his share   */
        wisher(&s, ann, 7, 0, NULL, "e"),         /* 5: just his share        */
        wisher(&s, boss, 2, 1, NULL, "f"),        /* 6: the only box          */
        wisher(&s, boss, 2, 1, "k2", "g"),        /* 7: nothing, not even the seats */
        wisher(&s, boss, 9, 0, "k3", "h"),        /* 8: after the refusal     */
    };
    pthread_t first;
    must(pthread_create(&first, NULL, hold_up, &s) == 0);
    while (!lane_held)
        usleep(1000);
    for (isize i = 0; i < countof(w); i++) {
        must(pthread_create(&w[i].thread, NULL, wish, &w[i]) == 0);
        while (store_counts().waiting <= i)       /* each behind the one before */
            usleep(1000);
    }
    lane_free = true;
    for (isize i = 0; i < countof(w); i++)
        pthread_join(w[i].thread, NULL);
    pthread_join(first, NULL);
    must(w[0].good && w[1].good && w[1].answer.replayed && str_is(w[0].answer.json, w[1].answer.json));
    must(w[3].good && !w[3].answer.replayed && w[5].good && w[6].good && w[8].good);
    must(!w[2].good && !w[4].good && !w[7].good);
    must_fault(&w[2].cx, IDEMPOTENCY_KEY_MISMATCH);
    must_fault(&w[4].cx, LIMIT_PER_CUSTOMER);
    must_fault(&w[7].cx, SOLD_OUT);
    must(stock(&s.cx, s.seat).held == 5 + 5 + 7 + 2 + 9 && stock(&s.cx, s.box).held == 1);
    must(store_counts().batch_largest >= 9);
    for (isize i = 0; i < countof(w); i++)
        arena_close(w[i].cx.mem);
    store_close();
}

TEST(ten_buyers_of_ten_get_fifty_five_times)
{
    Sale s = sale_of(50, 1);
    must(crowd(&s, 10, 10, 1) == 5);
    must(stock(&s.cx, s.seat).held == 50);
    store_close();
}

TEST(a_crowd_gets_exactly_the_tickets_there_are)
{
    Sale s = sale_of(100, 1);
    must(crowd(&s, 32, 1, 10) == 100);
    TicketType t = stock(&s.cx, s.seat);
    must(t.available == 0 && t.held == 100);
    store_close();
}
