/* path_test.c */
#include "unit/test.h"
#include "net/head.h"

static bool gives(Str raw, Str wanted)
{
    Str got;
    return path_settle(mem, raw, &got) && str_is(got, wanted);
}

static bool refused(Str raw)
{
    Str got;
    return !path_settle(mem, raw, &got);
}

TEST(a_settled_path_is_not_copied)
{
    Str raw = S("/api/v1/events/42/types"), got;
    must(path_settle(mem, raw, &got) && got.at == raw.at && got.len == raw.len);
}

TEST(dot_segments_are_removed)
{
    must(gives(S("/a/./b"), S("/a/b")));
    must(gives(S("/a/../b"), S("/b")));
    must(gives(S("/a/b/../../c"), S("/c")));
    must(gives(S("/a/b/.."), S("/a/")));
    must(gives(S("/a/b/."), S("/a/b/")));
    must(gives(S("/."), S("/")));
    must(gives(S("/.well-known/jwks.json"), S("/.well-known/jwks.json")));
    must(gives(S("/..a/b..c/..."), S("/..a/b..c/...")));
    must(gives(S("/a//b"), S("/a//b")));
}

TEST(escapes_are_decoded_before_the_dots)
{
    must(gives(S("/%61/%2e%2E/%c3%a9"), S("/\xc3\xa9")));
    must(gives(S("/a%20b"), S("/a b")));
    must(gives(S("/%252e"), S("/%2e")));
}

TEST(what_leaves_the_root_is_refused)
{
    must(refused(S("/..")));
    must(refused(S("/../a")));
    must(refused(S("/a/../../b")));
    must(refused(S("/%2e%2e/b")));
    must(refused(S("/a/./../..")));
}

TEST(what_has_two_readings_is_refused)
{
    must(refused(S("/a%2Fb")));
    must(refused(S("/a%5cb")));
    must(refused(S("/a\\b")));
    must(refused(S("/a%00")));
    must(refused(S("/a%0d%0ab")));
    must(refused(S("/a%7f")));
    must(refused(S("/%")));
    must(refused(S("/%4")));
    must(refused(S("/%g0")));
    must(refused(S("/%+1")));
    must(refused(S("/%ff")));
    must(refused(S("/%c0%af")));
    must(refused(S("a")));
    must(refused(S("")));
}

static bool reads(Str raw, Str wanted)
{
    Str got;
    return query_decode(mem, raw, &got) && str_is(got, wanted);
}

TEST(a_query_is_decoded_as_forms_write_it)
{
    Str got;

    must(reads(S("a+b%20c"), S("a b c")));
    must(reads(S("100%"), S("100%")));
    must(reads(S("%zz%4"), S("%zz%4")));
    must(reads(S("%c3%a9%2B"), S("\xc3\xa9+")));
    must(!query_decode(mem, S("a%00"), &got));
    must(!query_decode(mem, S("%ff"), &got));
}
