/* sale.h - a sale to test with: a venue, an event ON_SALE, two types, some people. */
#pragma once
#include "unit/people.h"
#include "events/event.h"
#include "tickets/code.h"
#include "tickets/door.h"
#include "tickets/order.h"
#include "tickets/type.h"

static const UserId boss = { { { 1 } } }, ann = { { { 2 } } }, bob = { { { 3 } } };

typedef struct Sale { Ctx cx; VenueId venue; EventId event; TypeId seat, box; } Sale;

typedef struct { Sale *s; i64 seats, boxes; } Building;

SQL(sale_person,
    "INSERT INTO person (tenant, id, email, email_verified, status, created_at, updated_at)"
    " VALUES ($1, $2, $3, TRUE, 'ACTIVE', $4, $4)");

static inline bool add_type(Ctx *cx, EventId event, const char *name, i64 price, i64 n, TypeId *id)
{
    TicketType t = { .eventId = event, .name = str_of(name), .priceCents = price,
                     .currency = S("EUR"), .quantity = n, .maxPerPurchase = 10 };
    if (!type_make(cx, &t))
        return false;
    *id = t.id;
    return true;
}

static inline bool build_people(Ctx *cx, void *unused)
{
    (void)unused;
    return sql_run(cx, &sale_person, NULL, V(boss.v), V("boss@x.org"), V(cx->now)) &&
           sql_run(cx, &sale_person, NULL, V(ann.v), V("ann@x.org"), V(cx->now)) &&
           sql_run(cx, &sale_person, NULL, V(bob.v), V("bob@x.org"), V(cx->now));
}

static inline bool build_sale(Ctx *cx, void *arg)
{
    Building *b = arg;
    Sale *s = b->s;
    VenueIn hall = { S("Town Hall"), S("Europe/Berlin"), 500, S("DE"), S("Berlin") };
    EventIn in = { .name = S("An Evening"), .venueId = s->venue, .startsAt = later(cx->now, days(10)),
                   .endsAt = later(cx->now, days(11)) };
    Venue v;
    Event e;
    return venue_add(cx, s->venue, &hall, &v) && event_add(cx, s->event, &in, &e) &&
           add_type(cx, s->event, "Seat", 2500, b->seats, &s->seat) &&
           add_type(cx, s->event, "Box", 10000, b->boxes, &s->box) &&
           event_move(cx, s->event, DO_PUBLISH, (Str){ 0 }, NULL) &&
           event_move(cx, s->event, DO_START_SALES, (Str){ 0 }, NULL);
}

/* Opens a store and sells `seats` seats and `boxes` boxes; s.cx is the organiser's. */
static inline Sale sale_of(i64 seats, i64 boxes)
{
    static u8 key[32] = { 7 };
    Sale s = { .cx = with_store() };

    code_setup((Secret){ key, 32 });
    hold_setup((HoldRules){ minutes(10), 50 });
    order_setup(0);
    s.cx.who = (Who){ .user = boss, .role = VENUE_MANAGER };
    s.venue = (VenueId){ uuid_new(s.cx.now) };
    s.event = (EventId){ uuid_new(s.cx.now) };
    must(write_tx(&s.cx, lane_of(s.event.v), build_people, NULL));
    must(write_tx(&s.cx, lane_of(s.event.v), build_sale, &(Building){ &s, seats, boxes }));
    return s;
}

/* ---- verbs, one transaction each ---- */

typedef struct { Wish wish; Hold hold; HoldId id; HoldStatus to; bool ended; } HoldWork;
static inline bool do_place(Ctx *cx, void *arg)
{
    HoldWork *w = arg;
    return hold_place(cx, &w->wish, &w->hold);
}
static inline bool do_end(Ctx *cx, void *arg)
{
    HoldWork *w = arg;
    return hold_any(cx, w->id, &w->hold) && hold_end(cx, &w->hold, w->to, &w->ended);
}

static inline bool place(Ctx *cx, EventId event, HoldLine *lines, isize n, Hold *out)
{
    HoldWork w = { .wish = { event, { lines, n } } };
    bool good = write_tx(cx, lane_of(event.v), do_place, &w);
    *out = w.hold;
    return good;
}
static inline bool place_one(Ctx *cx, const Sale *s, i64 count, Hold *out)
{
    HoldLine line = { s->seat, count, 0 };
    return place(cx, s->event, &line, 1, out);
}

typedef struct { HoldId hold; Order order; Paid paid; } OrderWork;
static inline bool do_order(Ctx *cx, void *arg)
{
    OrderWork *w = arg;
    return order_make(cx, w->hold, &w->order);
}
static inline bool do_pay(Ctx *cx, void *arg)    { return order_paid(cx, &((OrderWork *)arg)->paid); }
static inline bool do_refuse(Ctx *cx, void *arg) { return order_failed(cx, ((OrderWork *)arg)->paid.order, S("no")); }

static inline Order order_of(Ctx *cx, const Hold *h)
{
    OrderWork w = { .hold = h->id };
    must(write_tx(cx, lane_of(h->eventId.v), do_order, &w));
    return w.order;
}
static inline bool pay(Ctx *cx, const Order *o, const char *intent)
{
    OrderWork w = { .paid = { o->id, str_of(intent), o->totalCents, o->currency } };
    return write_tx(cx, lane_of(o->eventId.v), do_pay, &w);
}

static inline TicketType stock(Ctx *cx, TypeId type)
{
    TicketType t;
    must(type_get(cx, type, &t));
    must(t.quantity == t.available + t.held + t.sold + t.blocked);
    return t;
}

/* What the organiser does to the event. */
typedef struct { EventId id; EventAction action; } Move;
static inline bool move(Ctx *cx, void *arg)
{
    Move *m = arg;
    return event_move(cx, m->id, m->action, (Str){ 0 }, NULL);
}
