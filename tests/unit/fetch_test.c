/* fetch_test.c - the client against our own server, and against a peer that says what no
 * server should. */
#include "net/fetch.h"
#include "base/network.h"
#include "unit/peer.h"
#include "unit/sayer.h"

static Ctx work(void) { return ctx_new(mem, TENANT_DEFAULT); }

static Fetch ask(Server *s, Method method, const char *path)
{
    return (Fetch){ .method = method, .plain = true, .reach = FETCH_ANYONE,
                    .url = str_fmt(mem, "http://127.0.0.1:%d%s", server_port(s), path) };
}

TEST(a_request_is_answered_with_status_headers_and_body)
{
    Server *s = house_open(house_config());
    Ctx cx = work();
    Fetched got;

    Fetch f = ask(s, M_GET, "/health");
    must(fetch(&cx, &f, &got));
    must(got.status == 200 && got.body.len > 0 && got.us > 0);
    must(str_is(fetched_header(&got, S("content-length")), str_fmt(mem, "%td", got.body.len)));
    must(fetched_header(&got, S("x-none")).at == NULL);

    f = ask(s, M_POST, "/echo");
    f.body = S("what is sent");
    must(fetch(&cx, &f, &got) && str_is(got.body, S("what is sent")));

    f = ask(s, M_GET, "/nowhere");
    must(fetch(&cx, &f, &got) && got.status == 404);
    house_close(s);
}

TEST(a_customers_url_reaches_no_private_address)
{
    Server *s = house_open(house_config());
    Ctx cx = work();
    Fetched got;
    Fetch f = ask(s, M_GET, "/health");

    must(fetch(&cx, &f, &got));                   /* the control: it is there, and known */
    f.reach = FETCH_PUBLIC;
    must(!fetch(&cx, &f, &got));
    must_fault(&cx, BAD_GATEWAY);
    cx = work();
    f.url = str_fmt(mem, "http://localhost:%d/health", server_port(s));
    must(!fetch(&cx, &f, &got));
    must_fault(&cx, BAD_GATEWAY);
    house_close(s);
}

TEST(an_answer_longer_than_wanted_is_refused_or_cut)
{
    Server *s = house_open(house_config());
    Ctx cx = work();
    Fetched got;
    Fetch f = ask(s, M_GET, "/big");

    must(!fetch(&cx, &f, &got));
    must_fault(&cx, BAD_GATEWAY);
    cx = work();
    f.most = 1000;
    f.too_long = FETCH_CUT;
    must(fetch(&cx, &f, &got) && got.status == 200 && got.body.len == 1000);
    house_close(s);
}

TEST(who_answers_too_late_is_given_up)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof a;
    int deaf = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    Ctx cx = work();
    Fetched got;

    must(bind(deaf, (struct sockaddr *)&a, size) == 0 && listen(deaf, 8) == 0);
    must(getsockname(deaf, (struct sockaddr *)&a, &size) == 0);
    Fetch f = { .method = M_GET, .plain = true, .reach = FETCH_ANYONE, .within = { 150 },
                .url = str_fmt(mem, "http://127.0.0.1:%d/", ntohs(a.sin_port)) };
    Mono from = mono_now();
    must(!fetch(&cx, &f, &got));
    must_fault(&cx, GATEWAY_TIMEOUT);
    must(mono_us(from, mono_now()) < 3000000);
    close(deaf);
}

static Fetch ask_sayer(const Sayer *s)
{
    return (Fetch){ .method = M_GET, .plain = true, .reach = FETCH_ANYONE,
                    .url = str_fmt(mem, "http://127.0.0.1:%d/", s->port) };
}

static Str answer_with(int fields, const char *field)
{
    Buf b = buf_in(mem, 65536);

    buf_lit(&b, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n");
    for (int i = 0; i < fields; i++)
        buf_add(&b, str_of(field));
    buf_lit(&b, "\r\nok");
    return buf_str(&b);
}

TEST(nobody_sends_us_elsewhere)
{
    Sayer s = { 0 };
    Ctx cx = work();
    Fetched got;

    sayer_open(&s);
    s.answer = str_fmt(mem, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/inner\r\n"
                       "Connection: close\r\nContent-Length: 0\r\n\r\n", s.port);
    Fetch f = ask_sayer(&s);
    must(fetch(&cx, &f, &got) && got.status == 302 && s.asked == 1);
    sayer_close(&s);
}

TEST(an_answers_head_takes_no_more_room_than_there_is)
{
    Sayer s = { 0 };
    Ctx cx = work();
    Fetched got;

    sayer_open(&s);
    Fetch f = ask_sayer(&s);
    s.answer = answer_with(200, "A: b\r\n");
    must(fetch(&cx, &f, &got) && got.header_count == HEADERS_MOST && str_is(got.body, S("ok")));
    s.answer = answer_with(6000, "A: b\r\n");
    must(!fetch(&cx, &f, &got));
    must_fault(&cx, BAD_GATEWAY);
    s.answer = str_fmt(mem, "HTTP/1.1 103 Hints\r\nX-Early: 1\r\n\r\n%.*s", STR_ARGS(answer_with(1, "X-Late: 1\r\n")));
    cx = work();
    must(fetch(&cx, &f, &got) && str_is(fetched_header(&got, S("x-late")), S("1")));
    must(fetched_header(&got, S("x-early")).at == NULL);
    sayer_close(&s);
}

TEST(no_proxy_of_the_environment_is_used)
{
    static const char *const names[] = { "http_proxy", "all_proxy", "ALL_PROXY" };
    Server *s = house_open(house_config());
    Ctx cx = work();
    Fetched got;
    Fetch f = ask(s, M_GET, "/health");

    for (isize i = 0; i < countof(names); i++)
        must(setenv(names[i], "http://127.0.0.1:1", 1) == 0);
    must(fetch(&cx, &f, &got) && got.status == 200);
    for (isize i = 0; i < countof(names); i++)
        must(unsetenv(names[i]) == 0);
    house_close(s);
}

TEST(what_can_not_be_asked_is_refused_before_anything_is_sent)
{
    static const char *const bad[] = {
        "", "ftp://x/", "file:///etc/passwd", "http://", "https://", "https://a@b/", "https:///",
        "https://u:p@127.0.0.1/", "https://x/\r\nHost: y", "https://x?@y/", "https://x\\@y/", "javascript:1", "//x/", "http://x/",
    };
    Header split = { S("X-A"), S("b\r\nX-C: d") }, colon = { S("X:A"), S("b") };
    Ctx cx;
    Fetched got;

    for (isize i = 0; i < (isize)countof(bad); i++) {
        Fetch f = { .method = M_GET, .url = str_of(bad[i]), .reach = FETCH_ANYONE };
        cx = work();
        must(!fetch(&cx, &f, &got));
        must_fault(&cx, VALIDATION_ERROR);
    }
    for (int i = 0; i < 2; i++) {
        Fetch f = { .method = M_GET, .url = S("https://x/"), .headers = i == 0 ? &split : &colon,
                    .header_count = 1 };
        cx = work();
        must(!fetch(&cx, &f, &got));
        must_fault(&cx, VALIDATION_ERROR);
    }
}

static bool public(const char *text)
{
    Address a;

    must(address_read(str_of(text), &a));
    return address_public(&a);
}

TEST(only_addresses_of_the_internet_are_public)
{
    static const char *const ours[] = {
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "224.0.0.1",
        "169.254.169.254", "100.64.0.1", "198.18.0.1", "192.0.2.1", "255.255.255.255", "::", "::1",
        "fe80::1", "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1::", "2001:db8::1", "::7f00:1", "192.0.0.170",
        "192.88.99.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "239.255.255.255", "0.1.2.3",
        "100.127.255.255", "2001:1ff:ffff::1", "3fff::1", "64:ff9b:1::a00:1", "::ffff:0:7f00:1", "5f00::1",
        "4000::1", "1000::1", "::ffff:100.64.0.1",
    };
    static const char *const theirs[] = {
        "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "2a00:1450::1",
        "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "126.255.255.255", "128.0.0.0", "169.253.0.1",
        "169.255.0.1", "172.15.255.255", "192.0.1.1", "192.167.255.255", "192.169.0.0", "198.17.255.255",
        "198.20.0.0", "223.255.255.255", "2001:200::1", "2003::1",
    };

    for (isize i = 0; i < (isize)countof(ours); i++)
        must(!public(ours[i]));
    for (isize i = 0; i < (isize)countof(theirs); i++)
        must(public(theirs[i]));
}
