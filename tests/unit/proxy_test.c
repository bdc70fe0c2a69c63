/* proxy_test.c */
#include "unit/test.h"
#include "base/network.h"
#include "web/proxy.h"

static Str asker(const char *trusted, const char *peer, const char *first, const char *second)
{
    Header lines[] = { { S("X-Forwarded-For"), str_of(first) }, { S("Accept"), S("*/*") },
                       { S("x-forwarded-for"), str_of(second) } };
    Req rq = { .peer = str_of(peer), .headers = lines,
               .header_count = first == NULL ? 0 : second == NULL ? 1 : 3 };
    return proxy_asker(str_of(trusted), &rq);
}

TEST(a_stranger_is_not_believed)
{
    must(str_is(asker("", "192.0.2.1", "1.2.3.4", NULL), S("192.0.2.1")));
    must(str_is(asker("10.0.0.0/24", "192.0.2.1", "1.2.3.4", NULL), S("192.0.2.1")));
    must(str_is(asker("10.0.0.0/24", "10.0.1.1", "1.2.3.4", NULL), S("10.0.1.1")));
}

TEST(a_load_balancer_says_who_asks)
{
    must(str_is(asker("10.0.0.0/24", "10.0.0.9", "1.2.3.4", NULL), S("1.2.3.4")));
    must(str_is(asker("::1, 10.0.0.9", "::1", "2001:db8::7", NULL), S("2001:db8::7")));
    must(str_is(asker("10.0.0.0/24", "10.0.0.9", NULL, NULL), S("10.0.0.9")));
}

TEST(what_the_asker_wrote_before_it_is_his_own_word)
{
    must(str_is(asker("10.0.0.9", "10.0.0.9", "6.6.6.6, 1.2.3.4", NULL), S("1.2.3.4")));
    must(str_is(asker("10.0.0.9", "10.0.0.9", "6.6.6.6", "1.2.3.4"), S("1.2.3.4")));
    must(str_is(asker("10.0.0.0/8", "10.0.0.9", "6.6.6.6, 1.2.3.4, 10.7.0.1", NULL),
                 S("1.2.3.4")));
    must(str_is(asker("10.0.0.9", "10.0.0.9", "1.2.3.4, nonsense", NULL), S("10.0.0.9")));
    must(str_is(asker("10.0.0.9", "10.0.0.9", "1.2.3.4,", NULL), S("10.0.0.9")));
}

TEST(networks_are_read_to_the_bit_or_not_at_all)
{
    Address in, out;

    must(address_read(S("10.1.2.129"), &in) && address_read(S("10.1.2.127"), &out));
    must(networks_have(S("10.1.2.128/25"), &in) && !networks_have(S("10.1.2.128/25"), &out));
    must(networks_have(S("0.0.0.0/0"), &in) && !networks_have(S("10.1.2.129/33"), &in));
    must(!networks_have(S("10.1.2.129/-1"), &in) && str_is(networks_bad(S("::/129")), S("::/129")));
    must(networks_bad(S(" 10.0.0.0/8, ::1 ,fd00::/8")).at == NULL);
    must(str_is(networks_bad(S("::1,10.0.0/8")), S("10.0.0/8")));
    must(str_is(networks_bad(S("10.0.0.0/33")), S("10.0.0.0/33")));
    must(str_is(networks_bad(S("10.0.0.0/")), S("10.0.0.0/")));
    must(str_is(networks_bad(S("all")), S("all")));
    must(!address_read(S("010.1.2.3"), &in) && !address_read(S("1.2.3"), &in));
}
