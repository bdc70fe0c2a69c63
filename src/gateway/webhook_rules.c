/* webhook_rules.c - an address in place of a name is judged here; what a name leads to is
 * judged when it is connected to (webhook_attempt), for it may change its mind. */
#include "gateway/webhook_rules.h"
#include "base/network.h"
#include "gateway/webhook_endpoint.h"

static Str host_of(Str url)
{
    Str rest = url;

    str_cut(&rest, '/');
    str_cut(&rest, '/');
    for (isize i = 0; i < rest.len; i++)
        if (rest.at[i] == '/' || rest.at[i] == '?' || rest.at[i] == '#')
            return str_sub(rest, 0, i);
    return rest;
}

static bool is_private(Str host)
{
    Address a;
    Str plain = host;

    if (str_starts(host, S("["))) {
        plain = str_sub(host, 1, host.len);
        plain = str_cut(&plain, ']');
    } else {
        plain = str_cut(&plain, ':');
    }
    return str_is_nocase(plain, S("localhost")) ||
           (address_read(plain, &a) && !address_public(&a));
}

bool endpoint_check_url(Ctx *cx, Str url)
{
    bool plain = str_starts(url, S("http://")), anyone = endpoint_reach() == REACH_ANYONE;
    Str host = host_of(url);

    for (isize i = 0; i < url.len; i++)
        if ((u8)url.at[i] <= ' ' || (u8)url.at[i] >= 0x7F || url.at[i] == '#')
            return fail_field(cx, S("url"),
                              "must be of ASCII, without blanks and fragment");
    if (!str_starts(url, S("https://")) && !(plain && anyone))
        return fail_field(cx, S("url"), "must begin with https://");
    if (host.len == 0 || str_find(host, '@') >= 0)
        return fail_field(cx, S("url"), "must name a host, without user and password");
    return anyone || !is_private(host) ||
           fail_field(cx, S("url"), "must not be an address of a private network");
}

static bool is_pattern(Str s)
{
    Str stem = str_ends(s, S(".*")) ? str_sub(s, 0, s.len - 2) : s;

    if (str_is(s, S("*")))
        return true;
    for (isize i = 0; i < stem.len; i++) {
        char c = stem.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return stem.len > 0 && s.len <= 100;
}

bool endpoint_check_types(Ctx *cx, Str types)
{
    Str why;
    const Json *list = json_read(cx->mem, types, &why);
    isize n = list != NULL && json_kind(list) == J_LIST ? json_count(list) : 0;

    if (n < 1 || n > ENDPOINT_TYPES_MOST)
        return fail_field(cx, S("eventTypes"), "must be a list of 1 to %d types",
                          ENDPOINT_TYPES_MOST);
    for (isize i = 0; i < n; i++) {
        const Json *one = json_item(list, i);
        if (json_kind(one) != J_STR || !is_pattern(json_str(one)))
            return fail_field(cx, S("eventTypes"),
                              "must be like order.paid, ticket.* or *");
    }
    return true;
}

const Json *endpoint_types(Arena *mem, Str types)
{
    Str why;
    return json_read(mem, types, &why);
}

bool endpoint_wants(const Json *list, Str type)
{
    for (isize i = 0; list != NULL && i < json_count(list); i++) {
        Str one = json_str(json_item(list, i));
        if (str_is(one, S("*")) || str_is(one, type) ||
            (str_ends(one, S(".*")) && str_starts(type, str_sub(one, 0, one.len - 1))))
            return true;
    }
    return false;
}
