/* order_test.c - a sale from hold to tickets, and every way in which it may not be one. */
#include "unit/sale.h"
#include <pthread.h>

TEST(paying_completes_the_order_and_issues_its_tickets)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    must(place(&cx, s.event, (HoldLine[]){ { s.seat, 2, 0 }, { s.box, 1, 0 } }, 2, &h));
    Order o = order_of(&cx, &h);
    must(o.status == ORDER_PENDING && o.totalCents == 15000 && str_starts(o.orderNumber, S("ORD-")));
    must(pay(&cx, &o, "pi_1"));
    must(order_get(&cx, o.id, &o) && o.status == ORDER_COMPLETED && o.tickets.count == 3);
    const Ticket *t = o.tickets.at;
    must(t[0].status == TICKET_SOLD && str_starts(t[0].ticketNumber, S("TKT-")));
    TicketType seat = stock(&s.cx, s.seat), box = stock(&s.cx, s.box);
    must(seat.sold == 2 && seat.held == 0 && box.sold == 1 && box.held == 0);
    store_close();
}

TEST(the_same_payment_twice_changes_nothing)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    must(place_one(&cx, &s, 2, &h));
    Order o = order_of(&cx, &h);
    must(pay(&cx, &o, "pi_1") && pay(&cx, &o, "pi_1"));
    must(order_get(&cx, o.id, &o) && o.tickets.count == 2 && stock(&s.cx, s.seat).sold == 2);
    store_close();
}

TEST(a_wrong_amount_is_refused_and_changes_nothing)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    must(place_one(&cx, &s, 2, &h));
    Order o = order_of(&cx, &h), wrong = o;
    wrong.totalCents = 1;
    must(!pay(&cx, &wrong, "pi_1"));
    must_fault(&cx, VALIDATION_ERROR);
    fault_clear(&cx);
    must(order_get(&cx, o.id, &o) && o.status == ORDER_PENDING);
    store_close();
}

TEST(a_failed_payment_gives_the_stock_back_once)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    must(place_one(&cx, &s, 2, &h));
    Order o = order_of(&cx, &h);
    OrderWork w = { .paid = { .order = o.id } };
    must(write_tx(&cx, lane_of(s.event.v), do_refuse, &w));
    must(write_tx(&cx, lane_of(s.event.v), do_refuse, &w));
    must(order_get(&cx, o.id, &o) && o.status == ORDER_PAYMENT_FAILED);
    must(stock(&s.cx, s.seat).available == 10);
    store_close();
}

SQL(test_payment, "SELECT count(*) FROM payment WHERE tenant = $1 AND intent = $2 AND status = 'REFUND_DUE'");
static bool count_due(Ctx *cx, void *arg) { return sql_int(cx, &test_payment, (i64 *)arg, V("pi_1")); }

TEST(a_payment_that_comes_too_late_revives_nothing_and_is_due_back)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER), clock = ctx_new(mem, (TenantId){ { { 0 } } });
    Hold h;
    i64 due = 0;
    must(place_one(&cx, &s, 2, &h));
    Order o = order_of(&cx, &h);
    clock.now = later(cx.now, minutes(11));
    must(hold_clock(&clock) && pay(&cx, &o, "pi_1"));
    must(order_get(&cx, o.id, &o) && o.status == ORDER_EXPIRED && o.tickets.count == 0);
    must(read_tx(&cx, count_due, &due) && due == 1);
    must(stock(&s.cx, s.seat).available == 10);
    store_close();
}

TEST(one_hold_makes_one_order_of_its_own_person)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER), other = as(&s.cx, bob, CUSTOMER);
    Hold h;
    must(place_one(&cx, &s, 2, &h));
    OrderWork w = { .hold = h.id };
    must(!write_tx(&other, lane_of(s.event.v), do_order, &w));
    must_fault(&other, NOT_FOUND);
    Order o = order_of(&cx, &h);
    must(!write_tx(&cx, lane_of(s.event.v), do_order, &w));
    must_fault(&cx, CONFLICT);
    fault_clear(&other);
    must(!order_get(&other, o.id, &o));
    must_fault(&other, NOT_FOUND);
    store_close();
}

TEST(a_lapsed_hold_can_not_be_ordered)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    must(place_one(&cx, &s, 2, &h));
    cx.now = later(cx.now, minutes(10));
    OrderWork w = { .hold = h.id };
    must(!write_tx(&cx, lane_of(s.event.v), do_order, &w));
    must_fault(&cx, RESERVATION_EXPIRED);
    store_close();
}

static bool add_free(Ctx *cx, void *arg)
{
    Sale *s = arg;
    return add_type(cx, s->event, "Guest", 0, 5, &s->seat);
}

TEST(a_free_order_is_complete_at_once)
{
    Sale s = sale_of(1, 1);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    must(write_tx(&s.cx, lane_of(s.event.v), add_free, &s));
    must(place_one(&cx, &s, 2, &h));
    Order o = order_of(&cx, &h);
    must(o.status == ORDER_COMPLETED && o.tickets.count == 2);
    store_close();
}

TEST(fees_are_floored_and_add_up)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    order_setup(290);
    must(place_one(&cx, &s, 1, &h));
    Order o = order_of(&cx, &h);
    must(o.subtotalCents == 2500 && o.feeCents == 72 && o.totalCents == 2572);
    store_close();
}

static bool see(Ctx *cx, void *arg) { return event_get(cx, ((Event *)arg)->id, arg); }

TEST(the_last_ticket_sold_makes_the_event_sold_out)
{
    Sale s = sale_of(1, 1);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    Event e = { .id = s.event };
    must(place(&cx, s.event, (HoldLine[]){ { s.seat, 1, 0 }, { s.box, 1, 0 } }, 2, &h));
    Order o = order_of(&cx, &h);
    must(read_tx(&cx, see, &e) && e.status == EVENT_ON_SALE);
    must(pay(&cx, &o, "pi_1"));
    e.id = s.event;
    must(read_tx(&cx, see, &e) && e.status == EVENT_SOLD_OUT);
    must(!place_one(&cx, &s, 1, &h));
    must_fault(&cx, SOLD_OUT);
    store_close();
}

/* ---- odd orders of calls -------------------------------------------------- */

TEST(a_hold_of_a_cancelled_event_can_not_be_ordered)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    must(place_one(&cx, &s, 2, &h));
    must(write_tx(&s.cx, lane_of(s.event.v), move, &(Move){ s.event, DO_CANCEL }));
    OrderWork w = { .hold = h.id };
    must(!write_tx(&cx, lane_of(s.event.v), do_order, &w));
    must_fault(&cx, RESERVATION_EXPIRED);
    store_close();
}

TEST(a_payment_for_a_cancelled_event_issues_nothing_and_is_due_back)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER), clock = ctx_new(mem, (TenantId){ { { 0 } } });
    Hold h;
    i64 due = 0;
    must(place_one(&cx, &s, 2, &h));
    Order o = order_of(&cx, &h);
    must(write_tx(&s.cx, lane_of(s.event.v), move, &(Move){ s.event, DO_CANCEL }));
    must(pay(&cx, &o, "pi_1"));
    must(order_get(&cx, o.id, &o) && o.status == ORDER_CANCELLED && o.tickets.count == 0);
    must(read_tx(&cx, count_due, &due) && due == 1);
    must(hold_clock(&clock) && stock(&s.cx, s.seat).available == 10);
    store_close();
}

TEST(one_payment_pays_one_order)
{
    Sale s = sale_of(10, 5);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold a, b;
    must(place_one(&cx, &s, 1, &a) && place_one(&cx, &s, 1, &b));
    Order first = order_of(&cx, &a), second = order_of(&cx, &b);
    must(pay(&cx, &first, "pi_1") && !pay(&cx, &second, "pi_1"));
    must_fault(&cx, CONFLICT);
    fault_clear(&cx);
    must(order_get(&cx, second.id, &second) && second.status == ORDER_PENDING);
    must(pay(&cx, &second, "pi_2"));
    store_close();
}

typedef struct { pthread_t thread; const Order *order; const char *intent; bool good; } Payer;

static void *pay_alone(void *arg)
{
    Payer *p = arg;
    Arena own = { 0 };
    Ctx cx = ctx_new(&own, TENANT_DEFAULT);
    p->good = pay(&cx, p->order, p->intent);
    arena_close(&own);
    return NULL;
}

/* Another event whose writes another lane does. */
static Sale other_sale(const Sale *s)
{
    Sale other = *s;
    other.venue = (VenueId){ uuid_new(s->cx.now) };
    do
        other.event = (EventId){ uuid_new(s->cx.now) };
    while (lane_of(other.event.v).v % 64 % 3 == lane_of(s->event.v).v % 64 % 3);
    must(write_tx(&other.cx, lane_of(other.event.v), build_sale, &(Building){ &other, 50, 5 }));
    return other;
}

/* Both look before either has written. */
TEST(one_payment_pays_one_order_of_two_events_at_once)
{
    Sale s = sale_of(50, 5), other = other_sale(&s);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    for (int i = 0; i < 20; i++) {
        Hold a, b;
        must(place_one(&cx, &s, 1, &a) && place_one(&cx, &other, 1, &b));
        Order one = order_of(&cx, &a), two = order_of(&cx, &b);
        const char *intent = str_z(mem, str_fmt(mem, "pi_%d", i));
        Payer p[2] = { { .order = &one, .intent = intent }, { .order = &two, .intent = intent } };
        for (int k = 0; k < 2; k++)
            must(pthread_create(&p[k].thread, NULL, pay_alone, &p[k]) == 0);
        for (int k = 0; k < 2; k++)
            pthread_join(p[k].thread, NULL);
        must(p[0].good + p[1].good == 1);
    }
    store_close();
}

typedef struct { TypeId id; TypeChange change; TicketType out; } Change;
static bool change(Ctx *cx, void *arg)
{
    Change *c = arg;
    return type_change(cx, c->id, &c->change, &c->out);
}
static EventState state_of(Sale *s)
{
    Event e = { .id = s->event };
    must(read_tx(&s->cx, see, &e));
    return (EventState)e.status;
}
static bool add_more(Ctx *cx, void *arg)
{
    Sale *s = arg;
    TypeId id;
    return add_type(cx, s->event, "More", 100, 5, &id);
}

TEST(an_event_sold_out_is_on_sale_again_when_stock_returns)
{
    Sale s = sale_of(2, 1);
    Ctx cx = as(&s.cx, ann, CUSTOMER);
    Hold h;
    Change c = { .id = s.box, .change = { .priceCents = -1, .quantity = -1, .maxPerPurchase = -1,
                                          .isActive = MAYBE_FALSE, .version = -1 } };
    must(write_tx(&s.cx, lane_of(s.event.v), change, &c));        /* the box is withdrawn */
    must(place_one(&cx, &s, 2, &h));
    Order o = order_of(&cx, &h);
    must(pay(&cx, &o, "pi_1") && state_of(&s) == EVENT_SOLD_OUT);
    c.change.isActive = MAYBE_TRUE;
    must(write_tx(&s.cx, lane_of(s.event.v), change, &c) && state_of(&s) == EVENT_ON_SALE);
    c.change.isActive = MAYBE_FALSE;
    must(write_tx(&s.cx, lane_of(s.event.v), change, &c) && state_of(&s) == EVENT_SOLD_OUT);
    c = (Change){ .id = s.seat, .change = { .priceCents = -1, .quantity = 3, .maxPerPurchase = -1, .version = -1 } };
    must(write_tx(&s.cx, lane_of(s.event.v), change, &c) && state_of(&s) == EVENT_ON_SALE);
    c.change.quantity = 2;
    must(write_tx(&s.cx, lane_of(s.event.v), change, &c) && state_of(&s) == EVENT_SOLD_OUT);
    must(write_tx(&s.cx, lane_of(s.event.v), add_more, &s) && state_of(&s) == EVENT_ON_SALE);
    store_close();
}
