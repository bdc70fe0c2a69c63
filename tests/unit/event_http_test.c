/* event_http_test.c - the bodies that outside clients rely on, through the handlers. */
#include "events/event_http.h"
#include "events/venue_http.h"
#include "unit/with_store.h"
#include <string.h>

static const UserId boss = { { { 1 } } };
static const Header json = { { "Content-Type", 12 }, { "application/json", 16 } };

typedef struct Answered { int status; const Json *body; FaultCode fault; } Answered;

/* Calls a handler with a body and up to two path parameters. */
static Answered call_(const Ctx *base, Handler *handler, Str body, Str query, Str id, Str second)
{
    static const Route route = { .path = "/test/:id" };
    Ctx cx = ctx_new(mem, base->tenant);
    Req rq = { .route = &route, .headers = &json, .header_count = 1, .body = body,
               .query = query, .param_count = 2,
               .params = { { "id", 2, id }, { "personId", 8, second } } };
    Str why;

    cx.who = base->who;
    cx.now = base->now;
    bool good = handler(&cx, &rq);
    must(good == (cx.fault.code == OK) && cx.db == NULL);
    return (Answered){ rq.reply.status, good && rq.reply.body.len > 0
                       ? json_read(mem, rq.reply.body, &why) : NULL, cx.fault.code };
}
#define call(cx, handler, body, id)  call_(cx, handler, body, (Str){ 0 }, id, (Str){ 0 })

static Str get(const Answered *a, const char *object, const char *member)
{
    const Json *o = json_member(a->body, object);
    Str s = { 0 };

    must(o != NULL && json_get_str(o, member, &s));
    return s;
}

static Ctx opened(void)
{
    Ctx cx = with_store();

    cx.who = (Who){ .user = boss, .role = VENUE_MANAGER };
    return cx;
}

static Str venue(Ctx *cx)
{
    Answered a = call(cx, venue_create, S("{\"name\":\"Town Hall\",\"timezone\":\"Europe/Berlin\","
                      "\"capacity\":500,\"country\":\"DE\",\"city\":\"Berlin\"}"), (Str){ 0 });
    must(a.status == 201);
    return get(&a, "venue", "id");
}

static Str event_body(Ctx *cx, Str venue_id)
{
    Buf b = buf_in(mem, 512);

    buf_fmt(&b, "{\"name\":\"An Evening\",\"venueId\":\"%.*s\",\"startsAt\":\"", STR_ARGS(venue_id));
    time_write(&b, later(cx->now, days(3)));
    buf_lit(&b, "\",\"endsAt\":\"");
    time_write(&b, later(cx->now, days(4)));
    buf_lit(&b, "\"}");
    return buf_str(&b);
}

static Str event(Ctx *cx)
{
    Answered a = call(cx, event_create, event_body(cx, venue(cx)), (Str){ 0 });

    must(a.status == 201 && str_is(get(&a, "event", "status"), S("DRAFT")));
    return get(&a, "event", "id");
}

TEST(an_organiser_goes_from_venue_to_sale)
{
    Ctx cx = opened();
    Str id = event(&cx);
    Answered a = call(&cx, event_publish, (Str){ 0 }, id);

    must(a.status == 200 && str_is(get(&a, "event", "status"), S("PUBLISHED")));
    a = call(&cx, event_transition, S("{\"action\":\"START_SALES\"}"), id);
    must(a.status == 200 && str_is(get(&a, "event", "status"), S("ON_SALE")));
    a = call(&cx, event_transition, S("{\"action\":\"START_SALES\"}"), id);
    must(a.fault == INVALID_STATE);
    a = call(&cx, event_transition, S("{\"action\":\"EXPLODE\"}"), id);
    must(a.fault == VALIDATION_ERROR);
    a = call(&cx, event_cancel, S("{}"), id);
    must(a.fault == VALIDATION_ERROR);
    a = call(&cx, event_cancel, S("{\"reason\":\"rain\"}"), id);
    must(a.status == 200 && str_is(get(&a, "event", "status"), S("CANCELLED")));
    must(json_member(json_member(a.body, "event"), "statusReason") == NULL);
    must(json_member(json_member(a.body, "event"), "createdBy") == NULL);
    store_close();
}

TEST(a_person_without_a_role_is_refused_and_another_tenant_finds_nothing)
{
    Ctx cx = opened();
    Str id = event(&cx);
    Ctx customer = cx, eve = cx;

    customer.who = (Who){ .user = { { { 5 } } }, .role = CUSTOMER };
    eve.tenant = (TenantId){ { { 9 } } };
    eve.who.role = SUPER_ADMIN;
    must(call(&customer, event_publish, (Str){ 0 }, id).fault == NOT_FOUND);
    must(call(&customer, event_show, (Str){ 0 }, id).fault == NOT_FOUND);
    must(call(&eve, event_show, (Str){ 0 }, id).fault == NOT_FOUND);
    must(call(&cx, event_publish, (Str){ 0 }, id).status == 200);
    must(call(&customer, event_show, (Str){ 0 }, id).status == 200);
    must(call(&customer, event_cancel, S("{\"reason\":\"envy\"}"), id).fault == FORBIDDEN);
    must(call(&eve, event_cancel, S("{\"reason\":\"envy\"}"), id).fault == NOT_FOUND);
    must(call(&cx, event_show, (Str){ 0 }, S("no-uuid")).fault == NOT_FOUND);
    store_close();
}

TEST(an_update_answers_the_new_version_and_an_old_one_conflicts)
{
    Ctx cx = opened();
    Str id = event(&cx);
    Answered a = call(&cx, event_update, S("{\"name\":\"A Night\",\"version\":1}"), id);
    i64 version;

    must(a.status == 200 && str_is(get(&a, "event", "name"), S("A Night")));
    must(json_get_int(json_member(a.body, "event"), "version", &version) && version == 2);
    must(call(&cx, event_update, S("{\"name\":\"A Day\",\"version\":1}"), id).fault == CONFLICT);
    must(call(&cx, event_remove, (Str){ 0 }, id).status == 204);
    must(call(&cx, event_show, (Str){ 0 }, id).fault == NOT_FOUND);
    store_close();
}

TEST(lists_go_on_where_they_ended)
{
    Ctx cx = opened();
    Str hall = venue(&cx), cursor = { 0 };
    isize seen = 0, pages = 0;

    for (int i = 0; i < 5; i++)
        must(call(&cx, event_create, event_body(&cx, hall), (Str){ 0 }).status == 201);
    do {
        Str query = cursor.len == 0 ? S("limit=2") : str_fmt(mem, "limit=2&cursor=%.*s", STR_ARGS(cursor));
        Answered a = call_(&cx, event_index, (Str){ 0 }, query, (Str){ 0 }, (Str){ 0 });
        must(a.status == 200);
        seen += json_count(json_member(a.body, "data"));
        pages++;
        if (!json_get_str(json_member(a.body, "pagination"), "nextCursor", &cursor))
            cursor = (Str){ 0 };
    } while (cursor.len > 0);
    must(seen == 5 && pages == 3);
    must(call_(&cx, event_index, (Str){ 0 }, S("status=LOST&venueId=x&from=now"), (Str){ 0 },
               (Str){ 0 }).fault == VALIDATION_ERROR);
    must(call_(&cx, event_index, (Str){ 0 }, S("cursor=x"), (Str){ 0 }, (Str){ 0 }).fault ==
         INVALID_CURSOR);
    store_close();
}

TEST(content_comes_back_as_it_was_put)
{
    Ctx cx = opened();
    Str id = event(&cx);
    Answered a = call(&cx, content_show, (Str){ 0 }, id);

    must(a.status == 200 && json_count(json_member(a.body, "content")) == 0);
    a = call(&cx, content_update, S("{\"content\":{\"lineup\":[\"The Arenas\"]}}"), id);
    must(a.status == 200);
    a = call(&cx, content_show, (Str){ 0 }, id);
    must(json_count(json_member(json_member(a.body, "content"), "lineup")) == 1);
    store_close();
}

TEST(a_venue_is_shown_changed_and_listed)
{
    Ctx cx = opened(), nobody;
    Str id = venue(&cx);

    nobody = cx;
    nobody.who = (Who){ 0 };
    must(call(&nobody, venue_show, (Str){ 0 }, id).status == 200);
    must(call(&nobody, venue_update, S("{\"name\":\"Mine\"}"), id).fault == FORBIDDEN);
    Answered a = call(&cx, venue_update, S("{\"status\":\"CLOSED\"}"), id);
    must(a.status == 200 && str_is(get(&a, "venue", "status"), S("CLOSED")));
    must(str_is(get(&a, "venue", "name"), S("Town Hall")));
    a = call(&cx, venue_update, S("{\"capacity\":9}"), id);
    must(str_is(get(&a, "venue", "status"), S("CLOSED")));
    must(call(&cx, event_create, event_body(&cx, id), (Str){ 0 }).fault == INVALID_STATE);
    a = call_(&cx, venue_index, (Str){ 0 }, (Str){ 0 }, (Str){ 0 }, (Str){ 0 });
    must(a.status == 200 && json_count(json_member(a.body, "data")) == 1);
    must(call(&cx, staff_index, (Str){ 0 }, id).status == 200);
    must(call_(&cx, staff_remove, (Str){ 0 }, (Str){ 0 }, id,
               S("00000000-0000-7000-8000-000000000099")).fault == NOT_FOUND);
    store_close();
}
