/* limit_test.c - how often one address or one person may ask. */
#include "unit/test.h"
#include "access/guard.h"
#include "identity/limit.h"
#include "web/routes.h"

static Ctx with_limits(bool on)
{
    Str why = { 0 };

    must(kv_open(mem, &(KvConfig){ .url = S("embedded:") }, &why));
    limit_open(&(LimitConfig){ on, 5, 3, 10, 100, 100 });
    return ctx_new(mem, TENANT_DEFAULT);
}

/* How many go through, up to 200. */
static int passes(Ctx *cx, unsigned class, const char *peer)
{
    for (int i = 0; i < 200; i++)
        if (!limit_asker(cx, class, str_of(peer))) {
            must_fault(cx, RATE_LIMIT_EXCEEDED);
            must(cx->fault.retry_after > 0);
            fault_clear(cx);
            return i;
        }
    return 200;
}

TEST(each_class_has_its_own_window_and_a_route_without_a_class_has_none)
{
    Ctx cx = with_limits(true);

    must(passes(&cx, LIMIT_LOGIN, "192.0.2.1") == 5);
    must(passes(&cx, LIMIT_REGISTER | ONCE_MAY, "192.0.2.1") == 3);
    must(passes(&cx, LIMIT_WALLET, "192.0.2.1") == 10);
    must(passes(&cx, LIMIT_DEFAULT, "192.0.2.1") == 100);
    must(passes(&cx, ONCE | LISTED, "192.0.2.1") == 200);
    must(passes(&cx, LIMIT_LOGIN, "192.0.2.2") == 5);
    cx.now = later(cx.now, seconds(60));
    must(passes(&cx, LIMIT_LOGIN, "192.0.2.1") == 5 && passes(&cx, LIMIT_REGISTER, "192.0.2.1") == 0);
    cx.now = later(cx.now, seconds(240));
    must(passes(&cx, LIMIT_REGISTER, "192.0.2.1") == 3);
    kv_close();
}

TEST(one_address_is_one_whichever_shop_it_names_and_a_64_is_one_address)
{
    Ctx cx = with_limits(true), other = cx;

    other.tenant.v = uuid_new(cx.now);
    must(passes(&cx, LIMIT_REGISTER, "2001:db8:1:2::1") == 3);
    must(passes(&other, LIMIT_REGISTER, "2001:db8:1:2:ffff::9") == 0);
    must(passes(&other, LIMIT_REGISTER, "2001:db8:1:3::1") == 3);
    kv_close();
}

TEST(a_person_is_counted_wherever_he_comes_from)
{
    Ctx cx = with_limits(true);

    cx.who.user.v = uuid_new(cx.now);
    for (int i = 0; i < 100; i++)
        must(limit_person(&cx, LIMIT_DEFAULT));
    must(!limit_person(&cx, LIMIT_DEFAULT));
    fault_clear(&cx);
    cx.who.user.v = uuid_new(cx.now);
    must(limit_person(&cx, LIMIT_DEFAULT));
    kv_close();
}

TEST(one_that_is_given_back_is_one_and_off_is_off)
{
    Ctx cx = with_limits(true);

    must(passes(&cx, LIMIT_LOGIN, "192.0.2.1") == 5);
    must(limit_give_back(&cx, LIMIT_LOGIN, S("192.0.2.1")));
    must(passes(&cx, LIMIT_LOGIN, "192.0.2.1") == 1);
    kv_close();
    cx = with_limits(false);
    must(passes(&cx, LIMIT_LOGIN, "192.0.2.1") == 200);
    kv_close();
}

/* A page costs nothing, and machines have a limit of their own (service.h). */
static bool needs_class(const Route *r)
{
    return str_starts(str_of(r->path), S("/auth/")) && (r->is & PAGE) == 0 &&
           access_of(r->access) != MACHINES && access_of(r->access) != SERVICES;
}

TEST(every_route_about_accounts_has_a_class)
{
    isize n;
    const Route *routes = routes_table(mem, false, &n);
    int asked = 0;

    for (isize i = 0; i < n; i++)
        if (needs_class(&routes[i])) {
            asked++;
            if ((routes[i].is & LIMIT_CLASS) == 0)
                must_failed(routes[i].path, __FILE__, __LINE__);
        }
    must(asked > 50);
}
