/* chunked_test.c */
#include "unit/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "net/head.h"

typedef struct Outcome { HeadResult result; FaultCode fault; Str body, rest; } Outcome;

/* Reads `all` in pieces of `piece` bytes, each in a block of its own size. */
static Outcome read_in_pieces(Str all, isize piece, i64 most)
{
    Chunked c = { 0 };
    char *body = make(mem, char, all.len + 1);
    isize len = 0;
    Outcome out = { .result = HEAD_MORE };

    while (all.len > 0 && out.result == HEAD_MORE) {
        isize n = all.len < piece ? all.len : piece;
        char *exact = malloc((size_t)n);
        memcpy(exact, all.at, (size_t)n);
        Str in = { exact, n };
        out.result = chunked_read(&c, &in, body, &len, most, &out.fault);
        all = str_sub(all, n - in.len, all.len);
        free(exact);
    }
    out.body = (Str){ body, len };
    out.rest = all;
    return out;
}

typedef struct Case { Str bytes; HeadResult result; Str body; isize rest; } Case;

static const Case cases[] = {
    { S("0\r\n\r\n"), HEAD_DONE, S(""), 0 },
    { S("5\r\nhello\r\n0\r\n\r\n"), HEAD_DONE, S("hello"), 0 },
    { S("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET /"), HEAD_DONE, S("hello world"), 5 },
    { S("A\r\n0123456789\r\n00\r\n\r\n"), HEAD_DONE, S("0123456789"), 0 },
    { S("005;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n"), HEAD_DONE, S("hello"), 0 },
    { S("1\r\na\r\n0\r\nX: y\r\nZ: w\r\n\r\n"), HEAD_DONE, S("a"), 0 },
    { S("5\r\nhel"), HEAD_MORE, S("hel"), 0 },
    { S("5\r\nhello\r\n0\r\n"), HEAD_MORE, S("hello"), 0 },
    { S("\r\n"), HEAD_BAD, S(""), 0 },
    { S("5\nhello\r\n0\r\n\r\n"), HEAD_BAD, S(""), 0 },
    { S("5\r\nhello0\r\n\r\n"), HEAD_BAD, S(""), 0 },
    { S("5\r\nhello\n0\r\n\r\n"), HEAD_BAD, S(""), 0 },
    { S("5\r\nhello\rX0\r\n\r\n"), HEAD_BAD, S(""), 0 },
    { S("5\rXhello\r\n0\r\n\r\n"), HEAD_BAD, S(""), 0 },
    { S("5\r\nhello\r\n0\r\n\rX"), HEAD_BAD, S(""), 0 },
    { S("5\r\nhello\r\n0\r\nX: y\rZ: a\r\n\r\n"), HEAD_BAD, S(""), 0 },
    { S("5\r\nhello\r\n0\r\nX: \x01\r\n\r\n"), HEAD_BAD, S(""), 0 },
    { S("5 \r\nhello\r\n0\r\n\r\n"), HEAD_BAD, S(""), 0 },
    { S(" 5\r\nhello\r\n0\r\n\r\n"), HEAD_BAD, S(""), 0 },
    { S("0x5\r\nhello\r\n0\r\n\r\n"), HEAD_BAD, S(""), 0 },
    { S("+5\r\nhello\r\n0\r\n\r\n"), HEAD_BAD, S(""), 0 },
    { S("-5\r\nhello\r\n0\r\n\r\n"), HEAD_BAD, S(""), 0 },
    { S("g\r\n"), HEAD_BAD, S(""), 0 },
    { S("5;a\nb\r\nhello\r\n0\r\n\r\n"), HEAD_BAD, S(""), 0 },
    { S("5\r\nhello\r\n0\r\nX: y\n\r\n"), HEAD_BAD, S(""), 0 },
    { S("5\r\nhello\r\n0\r\n X: fold\r\n\r\n"), HEAD_BAD, S(""), 0 },
    { S("10000000000000000\r\n"), HEAD_BAD, S(""), 0 },
    { S("ffffffffffffffff\r\n"), HEAD_BAD, S(""), 0 },
};

TEST(a_body_is_the_same_however_it_is_cut)
{
    for (isize i = 0; i < countof(cases); i++)
        for (isize piece = 1; piece <= cases[i].bytes.len; piece++) {
            Outcome got = read_in_pieces(cases[i].bytes, piece, 1 << 20);
            bool right = got.result == cases[i].result;
            if (right && got.result != HEAD_BAD)
                right = str_is(got.body, cases[i].body) && got.rest.len == cases[i].rest;
            if (!right)
                fprintf(stderr, "case %td in pieces of %td\n", i, piece);
            must(right);
        }
}

TEST(a_body_over_the_limit_is_413_before_it_comes)
{
    Outcome got = read_in_pieces(S("6\r\n"), 99, 5);
    must(got.result == HEAD_BAD && got.fault == CONTENT_TOO_LARGE && got.body.len == 0);
    got = read_in_pieces(S("3\r\nabc\r\n3\r\n"), 99, 5);
    must(got.result == HEAD_BAD && got.fault == CONTENT_TOO_LARGE);
    got = read_in_pieces(S("5\r\nhello\r\n0\r\n\r\n"), 99, 5);
    must(got.result == HEAD_DONE);
}

static Str padded(const char *before, isize n, const char *after)
{
    Buf b = buf_in(mem, n + 64);
    buf_add(&b, str_of(before));
    for (isize i = 0; i < n; i++)
        buf_byte(&b, 'x');
    buf_add(&b, str_of(after));
    return buf_str(&b);
}

TEST(extensions_and_trailers_have_an_end)
{
    must(read_in_pieces(padded("1;", 100, "\r\na\r\n0\r\n\r\n"), 99, 9).result == HEAD_DONE);
    must(read_in_pieces(padded("1;", 1000, "\r\na\r\n0\r\n\r\n"), 99, 9).result == HEAD_BAD);
    must(read_in_pieces(padded("0\r\nX: ", 100, "\r\n\r\n"), 99, 9).result == HEAD_DONE);
    must(read_in_pieces(padded("0\r\nX: ", 9000, "\r\n\r\n"), 99, 9).result == HEAD_BAD);
}

/* Short lines: their ends are kept too, and there is room for so many. */
TEST(trailers_that_are_kept_find_no_more_room_than_there_is)
{
    Buf b = buf_in(mem, 9000);

    buf_lit(&b, "0\r\n");
    for (int i = 0; i < TRAILERS_MOST / 5 + 1; i++)
        buf_lit(&b, "a:b\r\n");
    buf_lit(&b, "\r\n");
    for (isize n = 0; n <= 2; n++) {
        Chunked c = { .trailers = malloc(TRAILERS_MOST) };
        Str in = str_sub(buf_str(&b), 0, b.len - (n < 2 ? 0 : 7));
        char *to = make(mem, char, b.len);
        FaultCode fault = OK;
        isize len = 0;
        HeadResult got = HEAD_MORE;
        if (n == 0)                               /* nobody wants them: they are bounded all the same */
            free(c.trailers), c.trailers = NULL;
        if (n == 2)                               /* one less fits */
            in = str_sub(buf_str(&b), 0, b.len - 7);
        got = chunked_read(&c, &in, to, &len, 9, &fault);
        must(n == 1 ? got == HEAD_BAD && fault == BAD_REQUEST : got != HEAD_BAD);
        must(c.trailers_len <= TRAILERS_MOST && (n != 2 || c.trailers_len == TRAILERS_MOST / 5 * 5));
        free(c.trailers);
    }
}

TEST(a_body_may_be_put_together_where_it_stands)
{
    char text[] = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    Str in = { text, sizeof text - 1 };
    Chunked c = { 0 };
    FaultCode fault = OK;
    isize len = 0;

    must(chunked_read(&c, &in, text, &len, 99, &fault) == HEAD_DONE);
    must(str_is((Str){ text, len }, S("abcde")) && in.len == 0);
}
