/* network.c - see network.h. inet_pton is the reader, because it takes no shortened and
 * no octal forms: what two programs read differently is how a list like this is
 * tricked. */
#include "base/network.h"
#include <arpa/inet.h>
#include <string.h>

enum { BITS = 128, MAPPED_BITS = 96 };

typedef struct Network { Address address; int bits; } Network;

bool address_read(Str s, Address *out)
{
    static const u8 mapped[12] = { [10] = 0xff, [11] = 0xff };
    char z[INET6_ADDRSTRLEN];

    if (s.len <= 0 || s.len >= (isize)sizeof z)
        return false;
    memcpy(z, s.at, (size_t)s.len);
    z[s.len] = '\0';
    if (inet_pton(AF_INET6, z, out->at) == 1)
        return true;
    memcpy(out->at, mapped, sizeof mapped);
    return inet_pton(AF_INET, z, out->at + sizeof mapped) == 1;
}

static bool network_read(Str s, Network *out)
{
    Str rest = s, address = str_cut(&rest, '/');
    bool four = str_find(address, ':') < 0;
    i64 bits = four ? BITS - MAPPED_BITS : BITS;

    if (!address_read(address, &out->address))
        return false;
    if (rest.at != NULL &&
        (!str_int(rest, &bits) || bits < 0 || bits > (four ? 32 : BITS)))
        return false;
    out->bits = (int)bits + (four ? MAPPED_BITS : 0);
    return true;
}

static bool network_has(const Network *n, const Address *a)
{
    int whole = n->bits / 8, rest = n->bits % 8;
    u8 mask = (u8)(0xff << (8 - rest));

    return memcmp(n->address.at, a->at, (size_t)whole) == 0 &&
           (rest == 0 || ((n->address.at[whole] ^ a->at[whole]) & mask) == 0);
}

bool networks_have(Str list, const Address *a)
{
    Network n;

    while (list.len > 0) {
        Str entry = str_trim(str_cut(&list, ','));
        if (network_read(entry, &n) && network_has(&n, a))
            return true;
    }
    return false;
}

Str networks_bad(Str list)
{
    Network n;

    while (list.len > 0) {
        Str entry = str_trim(str_cut(&list, ','));
        if (entry.len > 0 && !network_read(entry, &n))
            return entry;
    }
    return (Str){ 0 };
}

/* IPv6 has one block for the internet, 2000::/3; what is not of it is special already. */
bool address_public(const Address *a)
{
    static const Address mapped = { .at = { [10] = 0xff, [11] = 0xff } };
    Str four = S("0.0.0.0/8,10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,169.254.0.0/16,172.16.0.0/12,"
                 "192.0.0.0/24,192.0.2.0/24,192.88.99.0/24,192.168.0.0/16,198.18.0.0/15,"
                 "198.51.100.0/24,203.0.113.0/24,224.0.0.0/3");
    Str six = S("2001::/23,2001:db8::/32,2002::/16,3fff::/20");

    if (memcmp(a->at, mapped.at, MAPPED_BITS / 8) == 0)
        return !networks_have(four, a);
    return networks_have(S("2000::/3"), a) && !networks_have(six, a);
}
