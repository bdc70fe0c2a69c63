/* network.h - an address of the internet, and the networks that a setting names.
 *
 * IPv4 is kept as IPv6 keeps it (::ffff:a.b.c.d), so both compare alike.
 * Needs: str.  Used by: config, web/proxy, net/fetch. */
#pragma once
#include "base/str.h"

typedef struct Address { u8 at[16]; } Address;

/* "192.0.2.7" or "2001:db8::7", nothing around it. */
CHECKED bool address_read(Str s, Address *out);

/* Whether a comma separated list of addresses and networks ("10.0.0.0/8", "::1") has
 * this one. An entry that can't be read has nobody. */
bool networks_have(Str list, const Address *a);

/* The first entry that can't be read; absent when all can. */
Str networks_bad(Str list);

/* Whether it is an address of the internet at large: none of this machine, of a private
 * or link-local network, and none that is translated into such (RFC 6890 and IANA's
 * registries of special-purpose addresses). */
bool address_public(const Address *a);
