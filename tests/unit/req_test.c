/* req_test.c */
#include "unit/test.h"
#include "net/req.h"

static bool accepts(const char *accept, Str type)
{
    Header h = { S("accept"), str_of(accept) };
    Req rq = { .headers = &h, .header_count = accept != NULL };
    return req_accepts(&rq, type);
}

TEST(accept_says_what_may_come)
{
    Str json = S("application/json");

    must(accepts(NULL, json));
    must(accepts("*/*", json));
    must(accepts("application/*", json));
    must(accepts("text/html, application/json;q=0.1", json));
    must(accepts("text/html;q=0, */*;q=0.1", json));
    must(!accepts("text/html", json));
    must(!accepts("application/json;q=0, */*", json));
    must(!accepts("application/json; q=0.000", json));
    must(!accepts("text/*", json));
    must(!accepts("app", json));
}

TEST(a_query_parameter_is_found_and_decoded)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Req rq = { .query = S("a=1&b=x%20y&c&a=2&limitless=1&d=") };

    must(str_is(req_query(&cx, &rq, S("a")), S("1")));
    must(str_is(req_query(&cx, &rq, S("b")), S("x y")));
    must(req_query(&cx, &rq, S("c")).at != NULL && req_query(&cx, &rq, S("c")).len == 0);
    must(req_query(&cx, &rq, S("d")).at != NULL);
    must(req_query(&cx, &rq, S("limit")).at == NULL);
    rq.query = (Str){ 0 };
    must(req_query(&cx, &rq, S("a")).at == NULL);
}

TEST(a_page_is_20_unless_it_says_1_to_100)
{
    Req rq = { 0 };
    Page page;
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);

    must(req_page(&cx, &rq, &page) && page.limit == 20 && page.cursor.at == NULL);
    rq.query = S("limit=100&cursor=abc");
    must(req_page(&cx, &rq, &page) && page.limit == 100 && str_is(page.cursor, S("abc")));
    static const char *const wrong[] = { "limit=0", "limit=101", "limit=x", "limit=-1", "limit=" };
    for (isize i = 0; i < countof(wrong); i++) {
        fault_clear(&cx);
        rq.query = str_of(wrong[i]);
        must(!req_page(&cx, &rq, &page));
        must_fault(&cx, VALIDATION_ERROR);
    }
}

TEST(a_page_ends_at_its_limit_and_says_whether_more_follow)
{
    Page page = { .limit = 3 };
    isize count = 4;

    must(page_cut(&page, &count) && count == 3);
    must(!page_cut(&page, &count) && count == 3);
    count = 0;
    must(!page_cut(&page, &count) && count == 0);
}

TEST(a_cursor_is_what_the_list_says_or_it_is_refused)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Req rq = { .query = S("cursor=0190b3f4-1111-7abc-8def-0123456789ab") };
    Page page;
    Uuid id = { { 0 } };
    i64 number = 7;

    must(req_page_id(&cx, &rq, &page, &id) && !uuid_zero(id));
    must(!req_page_number(&cx, &rq, &page, &number));
    must_fault(&cx, INVALID_CURSOR);
    fault_clear(&cx);
    rq.query = S("cursor=0");
    must(!req_page_number(&cx, &rq, &page, &number));
    fault_clear(&cx);
    must(!req_page_id(&cx, &rq, &page, &id));
    fault_clear(&cx);
    rq.query = S("limit=5");
    number = 7;
    must(req_page_number(&cx, &rq, &page, &number) && number == 7 && page.limit == 5);
}

TEST(an_id_that_is_none_is_not_found)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Req rq = { .param_count = 1 };
    Uuid id;

    rq.params[0] = (RouteParam){ "id", 2, S("0190b3f4-1111-7abc-8def-0123456789ab") };
    must(req_id(&cx, &rq, "id", &id));
    rq.params[0].value = S("42");
    must(!req_id(&cx, &rq, "id", &id));
    must_fault(&cx, NOT_FOUND);
}

typedef struct Thing { Str name; } Thing;
static const Shape thing_shape = SHAPE(Thing, TEXT(Thing, name, 1, 10, 0, ""));

static FaultCode read_as(const char *type, Str body)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Header h = { S("Content-Type"), str_of(type) };
    Req rq = { .headers = &h, .header_count = type != NULL, .body = body };
    Thing t;
    return req_read(&cx, &rq, &thing_shape, &t) ? OK : cx.fault.code;
}

TEST(a_body_must_be_json_and_say_so)
{
    Str body = S("{\"name\":\"a\"}");

    must(read_as("application/json", body) == OK);
    must(read_as("Application/JSON; charset=UTF-8", body) == OK);
    must(read_as("application/json;charset=latin1", body) == UNSUPPORTED_MEDIA_TYPE);
    must(read_as("text/plain", body) == UNSUPPORTED_MEDIA_TYPE);
    must(read_as("application/jsonx", body) == UNSUPPORTED_MEDIA_TYPE);
    must(read_as(NULL, body) == UNSUPPORTED_MEDIA_TYPE);
    must(read_as("application/json", S("")) == BAD_JSON);
    must(read_as("application/json", S("{}")) == VALIDATION_ERROR);
}

TEST(no_header_value_starts_a_header_of_its_own)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Req rq = { 0 };

    reply_header(&cx, &rq, S("Location"), S("/a\r\nSet-Cookie: b"));
    must(str_is(rq.reply.headers->value, S("/a  Set-Cookie: b")));
}

TEST(a_list_says_where_it_goes_on)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Req rq = { 0 };
    Thing things[2] = { { S("a") }, { S("b") } };

    must(reply_list(&cx, &rq, &thing_shape, things, 2, 2, S("x\"y")));
    must(str_is(rq.reply.body, S("{\"data\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"pagination\":"
                                 "{\"limit\":2,\"nextCursor\":\"x\\\"y\"}}")));
    must(reply_list(&cx, &rq, &thing_shape, NULL, 0, 20, (Str){ 0 }));
    must(str_is(rq.reply.body, S("{\"data\":[],\"pagination\":{\"limit\":20}}")));
}
