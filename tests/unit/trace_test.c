/* trace_test.c - who is followed, whose child is whose, and what is dropped. */
#include "unit/peer.h"
#include "base/metric.h"
#include "base/trace.h"
#include "net/fetch.h"

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"

static Ctx work(void) { return ctx_new(mem, TENANT_DEFAULT); }

static void open_with(TraceSampler sampler, double ratio)
{
    trace_open(&(TraceConfig){ sampler, ratio, 4 });
}

static isize take(TraceRecord *out, isize most)
{
    return trace_take(out, most, 1, mono_now());
}

TEST(only_a_well_formed_parent_is_one)
{
    static const char *const wrong[] = { "", "00", PARENT, PARENT "1", PARENT "011", PARENT "01-x",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", PARENT "0G",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319-b7ad6b71692033311-01",
        "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", " " PARENT "01",
        "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01" };
    Trace t;

    for (isize i = 0; i < countof(wrong); i++)
        must(!trace_read(str_of(wrong[i]), &t));
    must(trace_read(S(PARENT "01"), &t) && t.flags == 1 && t.id[0] == 0x0a && t.span[7] == 0x31);
    must(trace_read(S(PARENT "ff"), &t) && t.flags == 3);       /* what nobody knows is dropped */
    must(trace_read(S("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more"), &t));
    must(str_is(trace_parent(mem, &t), S(PARENT "00")));
}

TEST(a_state_is_kept_whole_or_not_at_all)
{
    Buf many = buf_in(mem, 512);

    must(trace_state_good(S("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")));
    must(trace_state_good(S("a@b=1, 1x=2,,\tk_-*/=v w")));
    must(!trace_state_good(S("")) && !trace_state_good(S("novalue")) && !trace_state_good(S("=v")));
    must(!trace_state_good(S("Key=v")) && !trace_state_good(S("k=a=b")) && !trace_state_good(S(",")));
    must(!trace_state_good(S("k=caf\xc3\xa9")) && !trace_state_good(S("k=\r\nx: y")));
    for (int i = 0; i < 33; i++)
        buf_fmt(&many, "%sk%d=v", i > 0 ? "," : "", i);
    must(!trace_state_good(buf_str(&many)));
}

TEST(a_state_is_512_letters_at_most)
{
    Buf b = buf_in(mem, 600);

    for (int i = 0; i < 2; i++)
        buf_fmt(&b, "%sk%d=%0250d", i > 0 ? "," : "", i, 0);
    must(b.len == 507 && trace_state_good(buf_str(&b)));
    buf_lit(&b, ",a=bcd");
    must(b.len == 513 && !trace_state_good(buf_str(&b)));
}

TEST(when_it_is_off_the_caller_is_passed_on_and_nothing_is_recorded)
{
    Ctx cx = work();

    trace_join(&cx, S(PARENT "01"), S("a=b"));
    Step s = trace_begin(&cx);
    trace_end(&cx, &s, TRACE_CLIENT, "nothing");
    must(!s.on && !cx.trace.on && trace_kept(mem, &cx.trace).at == NULL);
    must(str_is(trace_parent(mem, &cx.trace), S(PARENT "01")) && str_is(cx.trace.state, S("a=b")));
}

TEST(the_parent_decides_and_else_the_ratio)
{
    Ctx cx = work();
    int followed = 0;

    open_with(SAMPLE_PARENT_RATIO, 0.25);
    trace_join(&cx, S(PARENT "01"), (Str){ 0 });
    must(cx.trace.on && (cx.trace.flags & 1) == 1);
    trace_join(&cx, S(PARENT "00"), (Str){ 0 });
    must(!cx.trace.on && (cx.trace.flags & 1) == 0);
    for (int i = 0; i < 4000; i++) {
        Ctx one = work();
        trace_join(&one, (Str){ 0 }, S("ignored=yes"));
        must(one.trace.state.at == NULL && (one.trace.flags & 2) == 2);
        followed += one.trace.on;
    }
    must(followed > 850 && followed < 1150);
    trace_close();
    open_with(SAMPLE_OFF, 1);
    trace_join(&cx, S(PARENT "01"), (Str){ 0 });
    must(!cx.trace.on);
    trace_close();
}

TEST(what_is_done_meanwhile_is_a_child)
{
    TraceRecord r[4];
    Ctx cx = work();

    open_with(SAMPLE_PARENT_ON, 1);
    trace_join(&cx, S(PARENT "01"), (Str){ 0 });
    Trace whole = cx.trace;
    Step outer = trace_begin(&cx);
    Step inner = trace_begin(&cx);
    fail(&cx, DATABASE_TIMEOUT, "too slow");
    trace_end(&cx, &inner, TRACE_CLIENT, "inner", L("rows", 3), L("password", "hunter2"),
              L("table", "shelf"));
    fault_clear(&cx);
    trace_end(&cx, &outer, TRACE_INTERNAL, "outer");
    must(memcmp(&cx.trace, &whole, sizeof whole) == 0);
    trace_whole(&cx, 1000, TRACE_SERVER, "GET /", NULL, 0);

    must(take(r, 4) == 3);
    must(memcmp(r[0].parent, r[1].span, 8) == 0 && memcmp(r[1].parent, r[2].span, 8) == 0);
    must(r[2].parent[7] == 0x31 && r[2].id[0] == 0x0a && r[2].to_ns - r[2].from_ns == 1000000);
    must(r[0].failed && !r[1].failed && r[0].from_ns >= r[1].from_ns && r[0].to_ns <= r[1].to_ns);
    must(r[0].attr_count == 3);                   /* what the log masks is left out */
    must(strcmp(r[0].attrs[0].key, "error.type") == 0 && strcmp(r[0].attrs[1].key, "rows") == 0);
    must(strcmp(r[0].attrs[2].key, "table") == 0);
    trace_close();
}

TEST(a_full_line_drops_and_counts)
{
    i64 lost = metric_get(METRIC_TRACE_LOST_LINE);
    TraceRecord r[8];
    Ctx cx = work();

    open_with(SAMPLE_ON, 1);
    trace_join(&cx, (Str){ 0 }, (Str){ 0 });
    for (int i = 0; i < 6; i++)
        trace_whole(&cx, 1, TRACE_INTERNAL, "one", NULL, 0);
    must(metric_get(METRIC_TRACE_LOST_LINE) - lost == 2 && take(r, 8) == 4 && take(r, 8) == 0);
    trace_close();
}

TEST(too_long_a_text_is_cut)
{
    char name[200], text[400];
    TraceRecord r;
    Ctx cx = work();

    memset(name, 'n', sizeof name);
    memset(text, 't', sizeof text);
    name[sizeof name - 1] = '\0';
    open_with(SAMPLE_ON, 1);
    trace_join(&cx, (Str){ 0 }, (Str){ 0 });
    Step s = trace_begin(&cx);
    trace_end(&cx, &s, TRACE_INTERNAL, name, L("one", ((Str){ text, sizeof text })), L("two", "x"));
    must(take(&r, 1) == 1 && strlen(r.name) == TRACE_NAME - 1);
    must(r.attrs[0].len == TRACE_TEXT && r.attrs[1].len == 0);
    trace_close();
}

/* (An attribute that ends in "address" is one of those that are never told.) */
TEST(who_was_asked_is_told_without_the_password_in_his_address)
{
    Fetch f = { .method = M_GET, .url = S("https://user:secret@x.example/y") };
    Fetched got;
    TraceRecord r;
    Ctx cx = work();

    open_with(SAMPLE_ON, 1);
    trace_join(&cx, (Str){ 0 }, (Str){ 0 });
    must(!fetch(&cx, &f, &got) && take(&r, 1) == 1);
    Str told = { r.text, r.text_used };
    must(str_has(told, S("x.example")) && !str_has(told, S("secret")) && !str_has(told, S("user")));
    trace_close();
}

TEST(a_step_has_eight_attributes_at_most)
{
    LogField many[TRACE_ATTRS + 4];
    TraceRecord r[2];
    Ctx cx = work();

    for (isize i = 0; i < countof(many); i++)
        many[i] = L("key", "0123456789");
    open_with(SAMPLE_ON, 1);
    trace_join(&cx, (Str){ 0 }, (Str){ 0 });
    trace_whole(&cx, 1, TRACE_INTERNAL, "one", many, countof(many));
    trace_whole(&cx, 1, TRACE_INTERNAL, "two", many, 1);
    must(take(r, 2) == 2 && r[0].attr_count == TRACE_ATTRS && r[1].attr_count == 1);
    trace_close();
}

TEST(a_server_of_ours_is_told_and_a_customers_is_not)
{
    Server *s = house_open(house_config());
    Ctx cx = work();
    Fetched got;
    Fetch f = { .method = M_GET, .plain = true, .reach = FETCH_ANYONE,
                .url = str_fmt(mem, "http://127.0.0.1:%d/headers", server_port(s)) };
    TraceRecord r[4];

    open_with(SAMPLE_ON, 1);
    trace_join(&cx, S(PARENT "01"), S("a=b"));
    must(fetch(&cx, &f, &got) && take(r, 4) == 1);
    must(r[0].kind == TRACE_CLIENT && strcmp(r[0].name, "GET") == 0);
    Str told = str_fmt(mem, "traceparent: 00-0af7651916cd43dd8448eb211c80319c-%.*s-01",
                       STR_ARGS(hex_write(mem, r[0].span, 8)));
    must(str_has(got.body, told) && str_has(got.body, S("tracestate: a=b")));
    cx.trace.on = false;
    must(fetch(&cx, &f, &got) && !str_has(got.body, S("traceparent")));
    trace_close();
    house_close(s);
}
