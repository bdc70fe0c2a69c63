/* proxy.c - each proxy adds at the end the address it was asked from, so the list is read
 * from its end, and what stands left of the first stranger is that stranger's own word.
 * A load balancer may add a line of its own or lengthen the last: lines are one list. */
#include "web/proxy.h"
#include "base/network.h"

static bool is_ours(Str trusted, Str address)
{
    Address a;
    return address_read(address, &a) && networks_have(trusted, &a);
}

/* The last of a comma separated list, which it takes off. */
static Str take_last(Str *list)
{
    isize comma = list->len;

    while (comma > 0 && list->at[comma - 1] != ',')
        comma--;
    Str last = str_trim(str_sub(*list, comma, list->len));
    *list = str_sub(*list, 0, comma > 0 ? comma - 1 : 0);
    return last;
}

Str proxy_asker(Str trusted, const Req *rq)
{
    Str asker = rq->peer;
    Address a;

    if (trusted.len == 0)
        return asker;
    for (isize i = rq->header_count; i-- > 0;) {
        if (!str_is_nocase(rq->headers[i].name, S("x-forwarded-for")))
            continue;
        for (Str list = rq->headers[i].value; list.len > 0;) {
            Str said = take_last(&list);
            if (!is_ours(trusted, asker) || !address_read(said, &a))
                return asker;
            asker = said;
        }
    }
    return asker;
}
