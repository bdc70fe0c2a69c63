/* crowd.c - no table of addresses, but four rows of counts. A keyed hash gives an address
 * one place in each row, and the smallest of its four counts is taken for its own: never
 * less than the truth, and more only by what others have in all four places, which is
 * next to nothing (18,000 connections of others: 1 too many for three addresses in a
 * thousand) and beyond the reach of who does not know the key. So nothing is allocated,
 * locked or swept, whoever comes. */
#include "net/crowd.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/rand.h"

enum { ROWS = 4, PLACE_BITS = 16, PLACES = 1 << PLACE_BITS };
#define TELL_EVERY_NS (60 * (i64)1000000000)

static const Address mapped = { .at = { [10] = 0xff, [11] = 0xff } };

void crowd_open(Crowd *c, i64 most, Str trusted)
{
    *c = (Crowd){ .most = most, .trusted = trusted, .told_ns = INT64_MIN / 2 };
    if (most == 0)
        return;
    rand_bytes(c->key, sizeof c->key);
    must((c->rows = calloc((size_t)ROWS * PLACES, sizeof *c->rows)) != NULL);
}

void crowd_close(Crowd *c)
{
    for (int i = 0; c->rows != NULL && i < ROWS * PLACES; i++)
        must(c->rows[i] == 0);
    free(c->rows);
    c->rows = NULL;
}

static bool is_four(const Address *a) { return memcmp(a->at, mapped.at, 12) == 0; }

static Address address_of(const struct sockaddr *peer)
{
    const struct sockaddr_in6 *six = (const void *)peer;
    const struct sockaddr_in *four = (const void *)peer;
    Address a = mapped;

    if (peer->sa_family == AF_INET6)
        memcpy(a.at, &six->sin6_addr, 16);
    else
        memcpy(a.at + 12, &four->sin_addr, 4);
    return a;
}

/* The halves of a product, folded: each bit of both numbers moves many of it. */
static u64 mix(u64 a, u64 b)
{
    unsigned __int128 p = (unsigned __int128)a * b;
    return (u64)p ^ (u64)(p >> 64);
}

static u64 place_of(const Crowd *c, const Address *a)
{
    u64 net, host;

    memcpy(&net, a->at, sizeof net);
    memcpy(&host, a->at + sizeof net, sizeof host);
    if (!is_four(a))
        host = 0;                                 /* all of its /64           */
    return mix(mix(net ^ c->key[0], host ^ c->key[1]) ^ c->key[2], c->key[3] | 1);
}

static _Atomic i32 *count_at(const Crowd *c, u64 place, int row)
{
    return &c->rows[row * PLACES + (int)(place >> (row * PLACE_BITS) & (PLACES - 1))];
}

static void tell(Crowd *c, const Address *a, Mono now)
{
    i64 last = c->told_ns;
    char text[INET6_ADDRSTRLEN] = "";

    if (now.ns - last < TELL_EVERY_NS ||
        !atomic_compare_exchange_strong(&c->told_ns, &last, now.ns))
        return;
    inet_ntop(is_four(a) ? AF_INET : AF_INET6, is_four(a) ? a->at + 12 : a->at, text,
              sizeof text);
    log_warn("connections are closed: their address has CONNECTIONS_PER_ADDRESS (if it "
             "is a proxy of yours, name it in TRUSTED_PROXIES)",
             L("peer", text), L("most", c->most), L("closed", (i64)c->refused));
}

static void count_out(Crowd *c, u64 place)
{
    for (int row = 0; row < ROWS; row++)
        must((*count_at(c, place, row))-- > 0);
}

/* Its count before. */
static i32 count_in(Crowd *c, u64 place)
{
    i32 least = INT32_MAX;

    for (int row = 0; row < ROWS; row++) {
        i32 n = (*count_at(c, place, row))++;
        least = n < least ? n : least;
    }
    return least;
}

bool crowd_join(Crowd *c, const struct sockaddr *peer, Mono now, bool *counted)
{
    *counted = false;
    if (c->most == 0)
        return true;
    Address a = address_of(peer);
    if (c->trusted.len > 0 && networks_have(c->trusted, &a))
        return true;
    u64 place = place_of(c, &a);
    *counted = count_in(c, place) < c->most;
    if (*counted)
        return true;
    count_out(c, place);
    c->refused++;
    tell(c, &a, now);
    return false;
}

void crowd_leave(Crowd *c, Str peer)
{
    Address a;

    must(address_read(peer, &a));
    count_out(c, place_of(c, &a));
}
