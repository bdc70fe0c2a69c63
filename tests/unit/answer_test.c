/* answer_test.c - response heads, trailers, and which fields go one hop only. */
#include "unit/test.h"
#include "net/answer.h"
#include <string.h>

static AnswerHead a;

static HeadResult reads(Str text) { return answer_read(text, ASKED_BODY, &a); }

TEST(a_head_is_read_whole_or_more_of_it_is_wanted)
{
    Str all = S("HTTP/1.1 200 Fine, thanks\r\nX-A:  b \r\nContent-Length: 12\r\n\r\nbody");

    for (isize n = 0; n < all.len - 4; n++)
        must(reads(str_sub(all, 0, n)) == HEAD_MORE);
    must(reads(all) == HEAD_DONE && a.size == all.len - 4);
    must(a.status == 200 && a.count == 2 && a.length == 12 && a.body == ENDS_BY_LENGTH && !a.close);
    must(str_is(a.headers[0].value, S("b")));
    must(reads(S("HTTP/1.1 204\r\n\r\n")) == HEAD_DONE && a.body == ENDS_AT_HEAD);
}

TEST(where_the_body_ends_is_known_from_the_head)
{
    must(reads(S("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n")) == HEAD_DONE && a.body == ENDS_BY_CHUNKS);
    must(reads(S("HTTP/1.1 200 OK\r\n\r\n")) == HEAD_DONE && a.body == ENDS_AT_CLOSE && a.close);
    must(reads(S("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n")) == HEAD_DONE && a.body == ENDS_BY_LENGTH && a.close);
    must(reads(S("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) == HEAD_DONE && a.body == ENDS_AT_HEAD && !a.close);
    must(reads(S("HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n")) == HEAD_DONE && a.body == ENDS_AT_HEAD && a.length == 9);
    must(reads(S("HTTP/1.1 200 OK\r\nConnection: x, Close\r\n\r\n")) == HEAD_DONE && a.close);
    must(answer_read(S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), ASKED_HEAD, &a) == HEAD_DONE && a.body == ENDS_AT_HEAD);
}

TEST(what_is_doubtful_is_refused)
{
    static const char *const wrong[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\rXA: b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n\rHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n", "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", "HTTP/1.1 200 OK\r\nA(: b\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 100 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\nA: b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 200 OK\r\n A: b\r\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: b\r\n\r\n", "HTTP/1.1 600 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n", "HTTP/1.1 200OK\r\n\r\n", "HTTP/1.1 200 O\x01K\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n" };

    for (isize i = 0; i < countof(wrong); i++) {
        if (reads(str_of(wrong[i])) != HEAD_BAD)
            must_failed(wrong[i], __FILE__, __LINE__);
        must(a.why[0] != '\0');
    }
}

TEST(a_head_without_an_end_is_refused_in_time)
{
    char *text = make(mem, char, HEAD_MOST + 100);

    memset(text, 'a', HEAD_MOST + 100);
    memcpy(text, "HTTP/1.1 200 OK\r\nX: ", 20);
    must(reads((Str){ text, HEAD_MOST - 1 }) == HEAD_MORE);
    must(reads((Str){ text, HEAD_MOST }) == HEAD_BAD);
}

TEST(a_head_has_a_hundred_fields_at_most)
{
    Buf b = buf_in(mem, 1000);

    buf_lit(&b, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < HEADERS_MOST; i++)
        buf_lit(&b, "A: b\r\n");
    must(reads(str_fmt(mem, "%.*s\r\n", STR_ARGS(buf_str(&b)))) == HEAD_DONE && a.count == HEADERS_MOST);
    must(reads(str_fmt(mem, "%.*sA: b\r\n\r\n", STR_ARGS(buf_str(&b)))) == HEAD_BAD && a.count == HEADERS_MOST);
}

static bool all_pass(const void *of, Str name)
{
    (void)of;
    (void)name;
    return true;
}

/* RFC 9110 7.6.1, and what frames. */
TEST(each_field_of_one_hop_stays_there)
{
    static const char *const hops[] = { "Connection", "Content-Length", "Keep-Alive", "Proxy-Connection",
        "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Authentication-Info", "TE", "Trailer",
        "Transfer-Encoding", "Upgrade", "HTTP2-Settings" };
    static const char *const trailers[] = { "Host", "Authorization", "Cookie", "Set-Cookie", "Cache-Control",
        "Expect", "Max-Forwards", "Pragma", "Range", "Location", "Vary", "Content-Encoding", "Content-Type",
        "Content-Range", "Forwarded", "WWW-Authenticate", "Retry-After", "Date", "Age", "Expires",
        "X-Forwarded-For", "X-Service-Token", "X-Internal-A", "X-Tenant-Id", "X-User-Id", "X-Request-Id" };
    char to[100];

    for (isize i = 0; i < countof(hops); i++)
        must(hop_field(str_lower(mem, str_of(hops[i])), NULL, 0) &&
             trailers_filter(str_fmt(mem, "%s: a\r\n", hops[i]), all_pass, NULL, to) == 0);
    for (isize i = 0; i < countof(trailers); i++)
        must(trailers_filter(str_fmt(mem, "%s: a\r\n", trailers[i]), all_pass, NULL, to) == 0);
}

TEST(fields_of_this_connection_are_known_and_those_it_names)
{
    Header h[] = { { S("connection"), S("close, X-Mine ,te") }, { S("X-Mine"), S("1") } };

    must(hop_field(S("x-mine"), h, 2) && hop_field(S("Connection"), h, 2));
    must(hop_field(S("TRANSFER-ENCODING"), NULL, 0) && hop_field(S("Upgrade"), NULL, 0));
    must(!hop_field(S("X-Mine"), h + 1, 1) && !hop_field(S("X-Min"), h, 2));
}

static bool not_mine(const void *of, Str name) { return !str_is_nocase(name, str_of(of)); }

static Str filtered(const char *lines)
{
    char *to = make(mem, char, 1000);
    isize n = trailers_filter(str_of(lines), not_mine, "mine", to);
    return n < 0 ? S("wrong") : (Str){ to, n };
}

TEST(trailers_that_frame_route_or_prove_are_left_out)
{
    must(str_is(filtered("Digest: a\r\nContent-Length: 5\r\nHost: x\r\nAuthorization: y\r\nX-User-Id: 7\r\nX-Ok: 1\r\n"),
                S("Digest: a\r\nX-Ok: 1\r\n")));
    must(str_is(filtered("set-cookie: a\r\nx_service_token: b\r\nTransfer-Encoding: chunked\r\n"), S("")));
    must(str_is(filtered("Mine: a\r\nYours: b\r\n"), S("Yours: b\r\n")));
    must(str_is(filtered("Digest a\r\n"), S("wrong")) && str_is(filtered("A: b\r\n c\r\n"), S("wrong")));
}

TEST(trailers_are_bounded_in_number)
{
    Buf b = buf_in(mem, 1000);
    char to[1000];

    for (int i = 0; i < HEADERS_MOST; i++)
        buf_lit(&b, "a: b\r\n");
    must(trailers_filter(buf_str(&b), not_mine, "mine", to) == b.len);
    buf_lit(&b, "a: b\r\n");
    must(trailers_filter(buf_str(&b), not_mine, "mine", to) == -1);
}
