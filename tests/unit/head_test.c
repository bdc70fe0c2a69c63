/* head_test.c - hostile requests and what each is told. HEAD_MORE stands as 0, a head
 * that is taken as 200. */
#include "unit/test.h"
#include <stdio.h>
#include <string.h>
#include "net/head.h"

typedef struct Case { const char *name; Str bytes; int status; } Case;

#define H "Host: a.example\r\n"
#define GET(fields) S("GET / HTTP/1.1\r\n" H fields "\r\n")
#define POST(fields) S("POST / HTTP/1.1\r\n" H fields "\r\n")

static const Case cases[] = {
    { "plain", GET(""), 200 },
    { "http/1.0 without host", S("GET / HTTP/1.0\r\n\r\n"), 200 },
    { "one empty line before", S("\r\nGET / HTTP/1.1\r\n" H "\r\n"), 200 },
    { "two empty lines before", S("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"), 400 },
    { "space around a value", GET("X:  a b \t\r\n"), 200 },
    { "empty value", GET("X:\r\n"), 200 },
    { "obs-text in a value", GET("X: \xc3\xa9\r\n"), 200 },

    { "two differing content-length", POST("Content-Length: 1\r\nContent-Length: 2\r\n"), 400 },
    { "the same content-length twice", POST("Content-Length: 1\r\nContent-Length: 1\r\n"), 400 },
    { "content-length list", POST("Content-Length: 1, 1\r\n"), 400 },
    { "content-length and chunked", POST("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400 },
    { "chunked and content-length", POST("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"), 400 },
    { "content-length +2", POST("Content-Length: +2\r\n"), 400 },
    { "content-length -2", POST("Content-Length: -2\r\n"), 400 },
    { "content-length 0x10", POST("Content-Length: 0x10\r\n"), 400 },
    { "content-length 1 2", POST("Content-Length: 1 2\r\n"), 400 },
    { "content-length of nothing", POST("Content-Length:\r\n"), 400 },
    { "content-length beyond 63 bits", POST("Content-Length: 99999999999999999999\r\n"), 400 },
    { "content-length with an obs-text digit", POST("Content-Length: 1\xb2\r\n"), 400 },
    { "unknown coding", POST("Transfer-Encoding: xchunked\r\n"), 400 },
    { "gzip, chunked", POST("Transfer-Encoding: gzip, chunked\r\n"), 400 },
    { "chunked, identity", POST("Transfer-Encoding: chunked, identity\r\n"), 400 },
    { "chunked twice", POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400 },
    { "chunked in quotes", POST("Transfer-Encoding: \"chunked\"\r\n"), 400 },
    { "coding of nothing", POST("Transfer-Encoding:\r\n"), 400 },
    { "vertical tab before chunked", POST("Transfer-Encoding: \x0b" "chunked\r\n"), 400 },
    { "CHUNKED", POST("Transfer-Encoding: CHUNKED\r\n"), 200 },
    { "chunked in http/1.0", S("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400 },

    { "obs-fold", GET("X: a\r\n b\r\n"), 400 },
    { "obs-fold of the first field", S("GET / HTTP/1.1\r\n " H "\r\n"), 400 },
    { "space before colon", GET("X : a\r\n"), 400 },
    { "tab before colon", GET("Content-Length\t: 1\r\n"), 400 },
    { "name with a space", GET("X Y: a\r\n"), 400 },
    { "name of nothing", GET(": a\r\n"), 400 },
    { "name with a bracket", GET("X(: a\r\n"), 400 },
    { "name with obs-text", GET("X\xc3: a\r\n"), 400 },
    { "no colon", GET("Xa\r\n"), 400 },
    { "NUL in a value", GET("X: a\0b\r\n"), 400 },
    { "CR in a value", GET("X: a\rb\r\n"), 400 },
    { "DEL in a value", GET("X: a\x7f\r\n"), 400 },
    { "bare LF after a field", GET("X: a\n"), 400 },
    { "bare LF after the line", S("GET / HTTP/1.1\n" H "\r\n"), 400 },
    { "bare LF at the end", S("GET / HTTP/1.1\r\n" H "\n"), 400 },
    { "bare CR at the end", S("GET / HTTP/1.1\r\n" H "\rX"), 400 },

    { "no host", S("GET / HTTP/1.1\r\n\r\n"), 400 },
    { "two hosts", GET("Host: b\r\n"), 400 },
    { "the same host twice", GET(H), 400 },
    { "host of nothing", S("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400 },
    { "host with a path", S("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400 },
    { "host with a user", S("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400 },
    { "host with a list", S("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400 },
    { "host with a word for a port", S("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"), 400 },
    { "host with two ports", S("GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n"), 400 },
    { "host by address", S("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"), 200 },
    { "host by ipv6", S("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"), 200 },
    { "host with half a bracket", S("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), 400 },
    { "host with a tail after the bracket", S("GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n"), 400 },

    { "http/2.0", S("GET / HTTP/2.0\r\n" H "\r\n"), 505 },
    { "http/1.9", S("GET / HTTP/1.9\r\n" H "\r\n"), 505 },
    { "http/0.9 with a version", S("GET / HTTP/0.9\r\n\r\n"), 505 },
    { "http/1.1.1", S("GET / HTTP/1.1.1\r\n" H "\r\n"), 400 },
    { "http/11", S("GET / HTTP/11\r\n" H "\r\n"), 400 },
    { "http in small letters", S("GET / http/1.1\r\n" H "\r\n"), 400 },
    { "garbage for a version", S("GET / FTP/1.1\r\n" H "\r\n"), 400 },
    { "no version", S("GET /\r\n\r\n"), 400 },
    { "two spaces before the target", S("GET  / HTTP/1.1\r\n" H "\r\n"), 400 },
    { "two spaces before the version", S("GET /  HTTP/1.1\r\n" H "\r\n"), 400 },
    { "space after the version", S("GET / HTTP/1.1 \r\n" H "\r\n"), 400 },
    { "tab for a space", S("GET\t/ HTTP/1.1\r\n" H "\r\n"), 400 },
    { "space before the method", S(" GET / HTTP/1.1\r\n" H "\r\n"), 400 },
    { "h2 preface", S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
    { "tls to a plain port", S("\x16\x03\x01\x02\x00\x01\x00"), 400 },

    { "unknown method", S("BREW / HTTP/1.1\r\n" H "\r\n"), 501 },
    { "TRACE", S("TRACE / HTTP/1.1\r\n" H "\r\n"), 501 },
    { "CONNECT", S("CONNECT a.example:80 HTTP/1.1\r\n" H "\r\n"), 501 },
    { "method in small letters", S("get / HTTP/1.1\r\n" H "\r\n"), 501 },
    { "method that is no token", S("G(T / HTTP/1.1\r\n" H "\r\n"), 400 },

    { "expect 100-continue", POST("Content-Length: 1\r\nExpect: 100-continue\r\n"), 200 },
    { "expect a miracle", POST("Content-Length: 1\r\nExpect: miracle\r\n"), 417 },

    { "absolute form of this host", S("GET http://a.example/x HTTP/1.1\r\n" H "\r\n"), 200 },
    { "absolute form of another host", S("GET http://b/x HTTP/1.1\r\n" H "\r\n"), 400 },
    { "absolute form without a path", S("GET http://a.example HTTP/1.1\r\n" H "\r\n"), 200 },
    { "authority form", S("GET a.example:80 HTTP/1.1\r\n" H "\r\n"), 400 },
    { "asterisk for OPTIONS", S("OPTIONS * HTTP/1.1\r\n" H "\r\n"), 200 },
    { "asterisk for GET", S("GET * HTTP/1.1\r\n" H "\r\n"), 400 },
    { "fragment", S("GET /a#b HTTP/1.1\r\n" H "\r\n"), 400 },
    { "obs-text in the target", S("GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n"), 400 },
    { "NUL in the target", S("GET /a\0b HTTP/1.1\r\n" H "\r\n"), 400 },
    { "bad escape", S("GET /%zz HTTP/1.1\r\n" H "\r\n"), 400 },
    { "escaped NUL", S("GET /a%00 HTTP/1.1\r\n" H "\r\n"), 400 },
    { "escaped slash", S("GET /a%2fb HTTP/1.1\r\n" H "\r\n"), 400 },
    { "over the root", S("GET /../etc HTTP/1.1\r\n" H "\r\n"), 400 },
    { "over the root, escaped", S("GET /a/%2e%2e/%2E./etc HTTP/1.1\r\n" H "\r\n"), 400 },
    { "backslash", S("GET /a\\..\\b HTTP/1.1\r\n" H "\r\n"), 400 },

    { "nothing", S(""), 0 },
    { "half a method", S("GE"), 0 },
    { "half a line", S("GET / HT"), 0 },
    { "half a field", S("GET / HTTP/1.1\r\nHos"), 0 },
    { "half an end", S("GET / HTTP/1.1\r\n" H "\r"), 0 },
};

static int status_of(Str bytes)
{
    Head *h = make(mem, Head, 1);

    switch (head_read(mem, bytes, h)) {
    case HEAD_DONE: return h->size == bytes.len ? 200 : -1;
    case HEAD_MORE: return 0;
    default:        return fault_facts(h->fault)->status;
    }
}

TEST(each_hostile_head_gets_its_status)
{
    for (isize i = 0; i < countof(cases); i++) {
        int got = status_of(cases[i].bytes);
        if (got != cases[i].status)
            fprintf(stderr, "%s: %d, not %d\n", cases[i].name, got, cases[i].status);
        must(got == cases[i].status);
    }
}

/* A head with one byte in it that may be any. */
static int status_with(const char *before, int byte, const char *after)
{
    Buf b = buf_in(mem, 100);

    buf_add(&b, str_of(before));
    buf_byte(&b, (char)byte);
    buf_add(&b, str_of(after));
    return status_of(buf_str(&b));
}

/* RFC 9110 5.6.2 and 5.5; RFC 9112 3. */
TEST(every_byte_is_taken_where_it_may_be_and_nowhere_else)
{
    for (int c = 0; c < 256; c++) {
        bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool token = letter || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
        bool text = c == '\t' || (c >= ' ' && c != 0x7f);
        bool target = c > ' ' && c < 0x7f && strchr("#%\\", c) == NULL;
        must(status_with("G", c, "T / HTTP/1.1\r\n" H "\r\n") == (token ? c == 'E' ? 200 : 501 : 400));
        must(status_with("GET / HTTP/1.1\r\n" H "X", c, "Y: a\r\n\r\n") == (token || c == ':' ? 200 : 400));
        must(status_with("GET / HTTP/1.1\r\n" H "X: a", c, "b\r\n\r\n") == (text ? 200 : 400));
        must(status_with("GET /a", c, "b HTTP/1.1\r\n" H "\r\n") == (target ? 200 : 400));
        must(status_with("POST / HTTP/1.1\r\n" H "Content-Length: 1", c, "\r\n\r\n") ==
             ((c >= '0' && c <= '9') || c == ' ' || c == '\t' ? 200 : 400));
    }
}

/* A long value is looked at eight bytes at once; neighbours may not hide a byte, nor make
 * a good one look bad. */
TEST(a_byte_in_a_long_value_counts_the_same_at_every_place)
{
    static const char among[] = { 'a', ' ', '~', '\x80', '\xff' };

    for (isize k = 0; k < countof(among); k++)
        for (int place = 0; place < 20; place++)
            for (int c = 0; c < 256; c++) {
                char value[21];
                memset(value, among[k], 20);
                value[20] = '\0';
                value[place] = '\0';
                const char *before = str_z(mem, str_fmt(mem, "GET / HTTP/1.1\r\n" H "X:b%s", value));
                const char *after = str_z(mem, str_fmt(mem, "%se\r\n\r\n", value + place + 1));
                bool text = c == '\t' || (c >= ' ' && c != 0x7f);
                must(status_with(before, c, after) == (text ? 200 : 400));
            }
}

TEST(no_beginning_of_a_good_head_is_refused)
{
    Str all = GET("X: y\r\nConnection: close\r\nAccept: */*\r\n");

    for (isize n = 0; n < all.len; n++)
        must(status_of(str_sub(all, 0, n)) == 0);
    must(status_of(all) == 200);
}

/* A copy of exact size, so that a sanitizer sees a read past the end. */
TEST(nothing_behind_the_bytes_is_read)
{
    for (isize i = 0; i < countof(cases); i++)
        for (isize n = 0; n <= cases[i].bytes.len; n++) {
            Arena own = { 0 };
            char *exact = __builtin_malloc((size_t)n + 1);
            memcpy(exact, cases[i].bytes.at, (size_t)n);
            Head *h = make(mem, Head, 1);
            (void)head_read(&own, (Str){ exact, n }, h);
            __builtin_free(exact);
            arena_close(&own);
        }
}

static Str filled(const char *before, isize n, const char *after)
{
    Buf b = buf_in(mem, n + 256);

    buf_add(&b, str_of(before));
    for (isize i = 0; i < n; i++)
        buf_byte(&b, 'a');
    buf_add(&b, str_of(after));
    return buf_str(&b);
}

TEST(a_target_over_8_kib_is_414_even_when_the_line_has_no_end)
{
    must(status_of(filled("GET /", TARGET_MOST - 1, " HTTP/1.1\r\n" H "\r\n")) == 200);
    must(status_of(filled("GET /", TARGET_MOST, " HTTP/1.1\r\n" H "\r\n")) == 414);
    must(status_of(filled("GET /", TARGET_MOST, "")) == 414);
}

TEST(a_head_over_16_kib_is_431)
{
    must(status_of(filled("GET / HTTP/1.1\r\n" H "X: ", 16000, "\r\n\r\n")) == 200);
    must(status_of(filled("GET / HTTP/1.1\r\n" H "X: ", 20000, "\r\n\r\n")) == 431);
    must(status_of(filled("GET / HTTP/1.1\r\n" H "X: ", 20000, "")) == 431);
    must(status_of(filled("GET / HTTP/1.1\r\n" H, 20000, "")) == 431);
}

static Str with_fields(int n)
{
    Buf b = buf_in(mem, 4096);

    buf_lit(&b, "GET / HTTP/1.1\r\n" H);
    for (int i = 1; i < n; i++)
        buf_fmt(&b, "X-%d: a\r\n", i);
    buf_lit(&b, "\r\n");
    return buf_str(&b);
}

TEST(a_hundred_fields_are_taken_and_one_more_is_431)
{
    must(status_of(with_fields(100)) == 200);
    must(status_of(with_fields(101)) == 431);
    must(status_of(with_fields(1000)) == 431);
}

static const Head *read_good(Str bytes)
{
    Head *h = make(mem, Head, 1);
    must(head_read(mem, bytes, h) == HEAD_DONE);
    return h;
}

TEST(what_a_head_says_is_what_it_says)
{
    const Head *h = read_good(S("POST /a/%20b/../c?q=1?2 HTTP/1.1\r\n"
                                "Host: h\r\nContent-Length: 0042\r\n"
                                "Connection: x, Close\r\nExpect: 100-Continue\r\n\r\nrest"));
    must(h->method == M_POST && str_is(h->path, S("/a/c")) && str_is(h->query, S("q=1?2")));
    must(h->length == 42 && !h->chunked && h->close && h->expect_continue);
    must(h->count == 4 && str_is(h->headers[3].name, S("Expect")));
    must(h->minor == 1);
}

TEST(http_1_0_closes_unless_it_asks_to_be_kept)
{
    must(read_good(S("GET / HTTP/1.0\r\n\r\n"))->close);
    must(!read_good(S("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"))->close);
    must(!read_good(GET(""))->close);
}
