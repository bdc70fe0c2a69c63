/* sigv4_test.c - the values that AWS publishes: its test suite, and the documentation's
 * request of IAM. */
#include "unit/test.h"
#include "secret/sigv4.h"

/* 2015-08-30T12:36:00Z */
static SigV4 example(Str service)
{
    Str key = S("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");

    return (SigV4){ S("AKIDEXAMPLE"), { (u8 *)(uintptr_t)key.at, key.len }, { 0 }, S("us-east-1"),
                    service, { 1440938160000 } };
}

static Str sign(const SigV4 *s, Str method, Str host, Str path, Str query, const Header *h,
                isize n, Str body, isize *added)
{
    Header add[SIGV4_ADDS];

    *added = sigv4_sign(mem, s, method, host, path, query, h, n, body, add);
    must(str_is(add[*added - 1].name, S("Authorization")));
    must(str_is(add[0].value, S("20150830T123600Z")));
    return add[*added - 1].value;
}

static void must_sign(Str method, Str path, Str query, const Header *h, isize n, Str body,
                      Str names, Str signature)
{
    SigV4 s = example(S("service"));
    isize added;
    Str got = sign(&s, method, S("example.amazonaws.com"), path, query, h, n, body, &added);

    must(added == 2);
    must(str_is(got, str_fmt(mem, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
        "service/aws4_request, SignedHeaders=%.*s, Signature=%.*s", STR_ARGS(names),
        STR_ARGS(signature))));
}

TEST(the_published_suite_is_signed_as_published)
{
    Str plain = S("host;x-amz-date");

    must_sign(S("GET"), S("/"), S(""), NULL, 0, S(""), plain,                /* get-vanilla */
        S("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"));
    must_sign(S("POST"), S("/"), S(""), NULL, 0, S(""), plain,               /* post-vanilla */
        S("5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"));
    must_sign(S("GET"), S("/"), S("Param2=value2&Param1=value1"), NULL, 0, S(""), plain,
        S("b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"));
    const Header form = { S("Content-Type"), S("application/x-www-form-urlencoded") };
    must_sign(S("POST"), S("/"), S(""), &form, 1, S("Param1=value1"),
        S("content-type;host;x-amz-date"),
        S("ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"));
}

TEST(the_documented_request_of_iam_is_signed_as_documented)
{
    SigV4 s = example(S("iam"));
    const Header h = { S("Content-Type"), S("application/x-www-form-urlencoded; charset=utf-8") };
    isize added;
    Str got = sign(&s, S("GET"), S("iam.amazonaws.com"), S("/"),
                   S("Action=ListUsers&Version=2010-05-08"), &h, 1, S(""), &added);

    must(str_has(got, S("SignedHeaders=content-type;host;x-amz-date, Signature="
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")));
}

TEST(credentials_that_end_are_sent_and_signed)
{
    SigV4 s = example(S("service"));
    Header add[SIGV4_ADDS];

    s.session = S("the session's token");
    must(sigv4_sign(mem, &s, S("GET"), S("example.amazonaws.com"), S("/"), S(""), NULL, 0, S(""),
                    add) == 3);
    must(str_is(add[1].name, S("X-Amz-Security-Token")) && str_is(add[1].value, s.session));
    must(str_has(add[2].value, S("host;x-amz-date;x-amz-security-token")));
}
