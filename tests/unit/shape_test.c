/* shape_test.c - one description reads, refuses and writes. */
#include "unit/test.h"
#include "base/shape.h"

typedef struct Line { Uuid id; i64 count; } Line;
typedef struct Order {
    Uuid    id;
    Str     name, mail, password, extra;
    i64     count;
    bool    gift;
    Instant at;
    int     state;
    Line    first;
    List    lines;
} Order;

static const char *const states[] = { "OPEN", "PAID" };
static const Names state_names = { states, 2 };

static const Shape line_shape = SHAPE(Line,
    ID(Line, id, 0, "id"),
    NUMBER(Line, count, 1, 10, 0, 0, "how many"));

static const Shape order_shape = SHAPE(Order,
    ID(Order, id, OPTIONAL, "id"),
    TEXT(Order, name, 2, 5, 0, "name"),
    TEXT(Order, mail, 3, 50, EMAIL | OPTIONAL, "mail"),
    TEXT(Order, password, 1, 50, WRITEONLY | OPTIONAL, "password"),
    RAW(Order, extra, OPTIONAL, "anything"),
    NUMBER(Order, count, -5, 5, 3, OPTIONAL, "count"),
    BOOL(Order, gift, OPTIONAL, "gift"),
    TIME(Order, at, OPTIONAL, "when"),
    NAME(Order, state, &state_names, OPTIONAL, "state"),
    OBJECT(Order, first, &line_shape, OPTIONAL, "first"),
    LIST(Order, lines, &line_shape, 1, 2, OPTIONAL, "lines"));

static Ctx cx;

static bool reads(const char *json, Order *o)
{
    cx = ctx_new(mem, TENANT_DEFAULT);
    return shape_read(&cx, &order_shape, str_of(json), o);
}

static bool refuses(const char *json, const char *field)
{
    Order o;
    if (reads(json, &o) || cx.fault.code != VALIDATION_ERROR)
        return false;
    for (const FieldError *e = cx.fault.fields; e != NULL; e = e->next)
        if (str_is(e->field, str_of(field)))
            return true;
    return false;
}

TEST(a_body_is_read_by_its_shape)
{
    Order o;
    must(reads("{\"name\":\"abc\",\"unknown\":1,\"count\":-5,\"gift\":true,\"state\":\"PAID\","
               "\"at\":\"2026-11-22T07:30:00Z\",\"extra\":{\"b\":1,\"a\":2},"
               "\"lines\":[{\"id\":\"00000000-0000-0000-0000-00000000000a\",\"count\":2}]}", &o));
    must(str_is(o.name, S("abc")) && o.count == -5 && o.gift && o.state == 1);
    must(o.lines.count == 1 && ((Line *)o.lines.at)->count == 2);
    must(str_is(o.extra, S("{\"a\":2,\"b\":1}")));
}

TEST(what_is_left_out_has_its_default_and_null_is_left_out)
{
    Order o;
    must(reads("{\"name\":\"ab\",\"count\":null,\"mail\":null}", &o));
    must(o.count == 3 && !o.gift && o.mail.at == NULL && o.state == 0 && o.lines.at == NULL);
}

TEST(every_mistake_is_told_with_its_place)
{
    Order o;
    must(!reads("{\"count\":9,\"gift\":1,\"state\":\"LOST\",\"mail\":\"x\",\"lines\":"
                "[{\"id\":\"no\",\"count\":1},{\"count\":0}]}", &o));
    must_fault(&cx, VALIDATION_ERROR);
    int n = 0;
    for (const FieldError *e = cx.fault.fields; e != NULL; e = e->next)
        n++;
    must(n == 8);            /* name, mail, count, gift, state, id; id and count again */
    must(refuses("{\"name\":\"ab\",\"lines\":[{\"id\":\"no\",\"count\":1}]}", "lines[0].id"));
    must(refuses("{\"name\":\"ab\",\"first\":{\"count\":99}}", "first.count"));
}

TEST(bounds_hold_at_their_edges)
{
    Order o;
    must(refuses("{\"name\":\"a\"}", "name") && refuses("{\"name\":\"abcdef\"}", "name"));
    must(reads("{\"name\":\"\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\"}", &o));   /* letters */
    must(refuses("{\"name\":\"ab\",\"count\":6}", "count") && refuses("{\"name\":\"ab\",\"count\":1.0}", "count"));
    must(refuses("{\"name\":\"ab\",\"lines\":[]}", "lines") && refuses("{\"name\":7}", "name"));
    must(refuses("{\"name\":\"ab\",\"at\":\"yesterday\"}", "at") && refuses("[]", "body"));
}

TEST(emails_look_like_emails)
{
    static const char *const bad[] = { "abc", "@a.b", "a@b", "a@.b", "a@b.", "a b@c.d", "a@b@c.d",
                                       "a@b..c", "a,b@c.d", "a@b.c\\n" };
    for (isize i = 0; i < countof(bad); i++)
        must(refuses(str_fmt(mem, "{\"name\":\"ab\",\"mail\":\"%s\"}", bad[i]).at, "mail"));
    Order o;
    must(reads("{\"name\":\"ab\",\"mail\":\"o'neil+x@a-b.example\"}", &o));
}

TEST(what_cannot_be_read_is_bad_json)
{
    Order o;
    must(!reads("{\"name\":", &o));
    must_fault(&cx, BAD_JSON);
}

TEST(writing_leaves_out_what_is_absent_and_what_is_secret)
{
    Buf b = buf_in(mem, 256);
    Order o = { .name = S("a\"b"), .password = S("hunter2"), .count = 1, .state = 1 };
    shape_write(&b, &order_shape, &o);
    must(str_is(buf_str(&b), S("{\"name\":\"a\\\"b\",\"count\":1,\"gift\":false,\"state\":\"PAID\"}")));
}

TEST(what_was_written_reads_the_same)
{
    Order o = { .name = S("abc"), .count = 2, .at = { 1795332600123 }, .extra = S("[1]") }, again;
    Line lines[2] = { { .count = 1 }, { .count = 2 } };
    Buf b = buf_in(mem, 256);

    o.id = lines[0].id = lines[1].id = o.first.id = uuid_new(o.at);
    o.first.count = 4;
    o.lines = (List){ lines, 2 };
    shape_write(&b, &order_shape, &o);
    must(reads(str_z(mem, buf_str(&b)), &again));
    must(uuid_is(again.id, o.id) && again.at.ms == o.at.ms && again.first.count == 4);
    must(again.lines.count == 2 && str_is(again.extra, S("[1]")));
}

TEST(names_and_numbers_find_each_other)
{
    must(names_find(&state_names, S("PAID")) == 1 && names_find(&state_names, S("paid")) == -1);
    must(str_is(names_str(&state_names, 0), S("OPEN")));
}
