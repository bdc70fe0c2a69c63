/* door_test.c - each ticket enters once; what dies with a transfer. */
#include "unit/sale.h"
#include <pthread.h>

static Ticket bought(Sale *s, UserId who)
{
    Ctx cx = as(&s->cx, who, CUSTOMER);
    Hold h;
    must(place_one(&cx, s, 1, &h));
    Order o = order_of(&cx, &h);
    must(pay(&cx, &o, str_z(mem, uuid_str(mem, o.id.v))));
    must(order_get(&cx, o.id, &o) && o.tickets.count == 1);
    return *(const Ticket *)o.tickets.at;
}

static Str code_of(const Sale *s, const Ticket *t, Instant now)
{
    CodeKey key = code_key(s->cx.tenant, s->event);
    return code_write(mem, &key, s->cx.tenant, s->event,
                      &(Code){ t->id, (int)(t->generation & 63), code_step(now) });
}

static Verdict scan(Ctx *cx, const Sale *s, Str code)
{
    Verdict v;
    must(door_scan(cx, &(Scan){ code, s->event, S("North"), S("dev-1") }, &v));
    return v;
}

static void must_deny(Verdict v, const char *reason)
{
    must(v.result == SCAN_DENY && str_is(v.reason, str_of(reason)));
}

TEST(a_ticket_enters_once)
{
    Sale s = sale_of(10, 1);
    Ticket t = bought(&s, ann);
    Str code = code_of(&s, &t, s.cx.now);
    Verdict v = scan(&s.cx, &s, code);
    must(v.result == SCAN_ALLOW && v.ticket.status == TICKET_USED && v.reason.at == NULL);
    must_deny(scan(&s.cx, &s, code), "ALREADY_USED");
    store_close();
}

TEST(stale_forged_and_foreign_codes_are_denied)
{
    Sale s = sale_of(10, 1);
    Ticket t = bought(&s, ann);
    must_deny(scan(&s.cx, &s, code_of(&s, &t, earlier(s.cx.now, minutes(2)))), "CODE_EXPIRED");
    must_deny(scan(&s.cx, &s, S("HELLO")), "INVALID_CODE");
    Ticket ghost = t;
    ghost.id.v = uuid_new(s.cx.now);
    must_deny(scan(&s.cx, &s, code_of(&s, &ghost, s.cx.now)), "INVALID_CODE");
    must(scan(&s.cx, &s, code_of(&s, &t, s.cx.now)).result == SCAN_ALLOW);
    store_close();
}

TEST(who_is_no_door_staff_may_not_scan)
{
    Sale s = sale_of(10, 1);
    Ticket t = bought(&s, ann);
    Ctx cx = as(&s.cx, bob, CUSTOMER);
    Verdict v;
    Str code = code_of(&s, &t, s.cx.now);
    must(!door_scan(&cx, &(Scan){ code, s.event, { 0 }, { 0 } }, &v));
    must_fault(&cx, FORBIDDEN);
    Ctx eve = ctx_new(mem, (TenantId){ { { 9 } } });
    eve.who = (Who){ .user = boss, .role = ADMIN };
    must(!door_scan(&eve, &(Scan){ code, s.event, { 0 }, { 0 } }, &v));
    must_fault(&eve, NOT_FOUND);
    store_close();
}

typedef struct { Handover in; Ticket out; } Handing;
static bool hand_over(Ctx *cx, void *arg)
{
    Handing *h = arg;
    return ticket_hand_over(cx, &h->in, &h->out);
}

TEST(a_transfer_kills_the_last_owners_code_and_makes_a_new_one)
{
    Sale s = sale_of(10, 1);
    Ticket t = bought(&s, ann);
    Ctx cx = as(&s.cx, ann, CUSTOMER), to = as(&s.cx, bob, CUSTOMER);
    Str old = code_of(&s, &t, s.cx.now);
    Handing h = { .in = { .ticketId = t.id, .toEmail = S("Bob@x.org") } };
    must(write_tx(&cx, lane_of(s.event.v), hand_over, &h));
    must_deny(scan(&s.cx, &s, old), "OLD_OWNER");
    must(!ticket_get(&cx, t.id, &t));
    must_fault(&cx, NOT_FOUND);
    must(ticket_get(&to, h.in.ticketId, &t) && t.status == TICKET_TRANSFERRED && t.generation == 1);
    must(scan(&s.cx, &s, code_of(&s, &t, s.cx.now)).result == SCAN_ALLOW);
    store_close();
}

TEST(a_ticket_is_handed_over_only_by_its_owner_to_somebody_else_and_unused)
{
    Sale s = sale_of(10, 1);
    Ticket t = bought(&s, ann);
    Ctx cx = as(&s.cx, ann, CUSTOMER), thief = as(&s.cx, bob, CUSTOMER);
    Handing h = { .in = { .ticketId = t.id, .toUserId = bob } };
    must(!write_tx(&thief, lane_of(s.event.v), hand_over, &h));
    must_fault(&thief, NOT_FOUND);
    h.in.toUserId = ann;
    must(!write_tx(&cx, lane_of(s.event.v), hand_over, &h));
    must_fault(&cx, VALIDATION_ERROR);
    fault_clear(&cx);
    h.in.toUserId = (UserId){ uuid_new(cx.now) };
    must(!write_tx(&cx, lane_of(s.event.v), hand_over, &h));
    must_fault(&cx, NOT_FOUND);
    fault_clear(&cx);
    must(scan(&s.cx, &s, code_of(&s, &t, s.cx.now)).result == SCAN_ALLOW);
    h.in.toUserId = bob;
    must(!write_tx(&cx, lane_of(s.event.v), hand_over, &h));
    must_fault(&cx, INVALID_STATE);
    store_close();
}

typedef struct { pthread_t thread; Sale *s; Str code; int allowed; } Gate;

static void *open_gate(void *arg)
{
    Gate *g = arg;
    Arena own = { 0 };
    Ctx cx = ctx_new(&own, TENANT_DEFAULT);
    Verdict v;
    cx.who = g->s->cx.who;
    must(door_scan(&cx, &(Scan){ g->code, g->s->event, { 0 }, { 0 } }, &v));
    g->allowed = v.result == SCAN_ALLOW;
    arena_close(&own);
    return NULL;
}

TEST(two_gates_at_the_same_instant_let_in_one)
{
    Sale s = sale_of(100, 1);
    for (int round = 0; round < 20; round++) {
        Ticket t = bought(&s, ann);
        Gate g[4];
        int allowed = 0;
        for (int i = 0; i < 4; i++) {
            g[i] = (Gate){ .s = &s, .code = code_of(&s, &t, s.cx.now) };
            must(pthread_create(&g[i].thread, NULL, open_gate, &g[i]) == 0);
        }
        for (int i = 0; i < 4; i++) {
            pthread_join(g[i].thread, NULL);
            allowed += g[i].allowed;
        }
        must(allowed == 1);
    }
    store_close();
}
