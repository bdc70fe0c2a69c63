/* origin.c - a browser names the origin of the page, and whatever else asks names none. A
 * page of ours is known by the host alone, because a proxy before us may speak TLS. */
#include "net/origin.h"

bool origin_in(Str list, Str origin)
{
    while (list.len > 0) {
        Str o = str_trim(str_cut(&list, ','));
        if (str_ends(o, S("/")))
            o.len--;
        if (o.len > 0 && str_is_nocase(o, origin))
            return true;
    }
    return false;
}

static bool is_host_asked(const Req *rq, Str origin)
{
    Str host = req_header(rq, S("host"));

    return host.len > 0 &&
           ((str_starts(origin, S("https://")) &&
             str_is_nocase(str_sub(origin, 8, origin.len), host)) ||
            (str_starts(origin, S("http://")) &&
             str_is_nocase(str_sub(origin, 7, origin.len), host)));
}

bool origin_may_ask(Str list, const Req *rq)
{
    Str origin = req_header(rq, S("origin"));

    return origin.at == NULL || origin_in(list, origin) || is_host_asked(rq, origin);
}
