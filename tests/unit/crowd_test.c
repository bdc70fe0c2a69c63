/* crowd_test.c - one address can't take all connections, and nobody else notices. That
 * each connection is counted out once, however it ends, is checked at the end of every
 * server of the tests beside this one: crowd_close finds all counts at zero, or dies. */
#include <arpa/inet.h>
#include "net/crowd.h"
#include "unit/peer.h"

#define NOW(ms) ((Mono){ (i64)(ms) * 1000000 })

typedef struct sockaddr_storage From;

static From from(const char *text)
{
    From out = { 0 };
    struct sockaddr_in *four = (void *)&out;
    struct sockaddr_in6 *six = (void *)&out;

    if (strchr(text, ':') != NULL) {
        six->sin6_family = AF_INET6;
        must(inet_pton(AF_INET6, text, &six->sin6_addr) == 1);
    } else {
        four->sin_family = AF_INET;
        must(inet_pton(AF_INET, text, &four->sin_addr) == 1);
    }
    return out;
}

static bool joins(Crowd *c, const char *text)
{
    From f = from(text);
    bool counted;
    bool good = crowd_join(c, (struct sockaddr *)&f, NOW(0), &counted);

    must(good == counted || c->most == 0 || c->trusted.len > 0);
    return good;
}

static void leaves(Crowd *c, const char *text) { crowd_leave(c, str_of(text)); }

TEST(an_address_has_as_many_as_it_may_and_room_again_when_one_leaves)
{
    Crowd c;

    crowd_open(&c, 3, S(""));
    for (int i = 0; i < 3; i++)
        must(joins(&c, "192.0.2.7"));
    for (int i = 0; i < 5; i++)
        must(!joins(&c, "192.0.2.7"));
    must(c.refused == 5);
    must(!joins(&c, "::ffff:192.0.2.7"));     /* the same, as a socket for both says */
    must(joins(&c, "192.0.2.8"));
    leaves(&c, "192.0.2.8");
    leaves(&c, "192.0.2.7");
    must(joins(&c, "::ffff:192.0.2.7"));
    must(!joins(&c, "192.0.2.7"));
    for (int i = 0; i < 3; i++)
        leaves(&c, "192.0.2.7");
    crowd_close(&c);
}

TEST(addresses_of_one_slash_64_are_one_and_those_of_two_are_two)
{
    static const char *const taken[] = { "2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff",
                                         "2001:db8:0:2::1", "::1" };
    Crowd c;

    crowd_open(&c, 2, S(""));
    for (isize i = 0; i < countof(taken); i++)
        must(joins(&c, taken[i]));
    must(!joins(&c, "2001:db8:0:1:1234::9") && joins(&c, "2001:db8:0:2:1234::9"));
    leaves(&c, "2001:db8:0:2:1234::9");
    for (isize i = 0; i < countof(taken); i++)
        leaves(&c, taken[i]);
    crowd_close(&c);
}

TEST(a_trusted_proxy_is_not_bound_and_without_a_bound_nobody_is)
{
    Crowd c;

    crowd_open(&c, 1, S("10.0.0.0/24, fd00::/64"));
    for (int i = 0; i < 100; i++)
        must(joins(&c, "10.0.0.9") && joins(&c, "fd00::1") && joins(&c, "::ffff:10.0.0.1"));
    must(joins(&c, "10.0.1.9") && !joins(&c, "10.0.1.9"));
    leaves(&c, "10.0.1.9");
    crowd_close(&c);
    crowd_open(&c, 0, S(""));
    for (int i = 0; i < 100; i++)
        must(joins(&c, "10.0.1.9"));
    must(c.rows == NULL);
    crowd_close(&c);
}

enum { FULL = 100, MANY = 18000 };

static const char *big(int a) { return str_z(mem, str_fmt(mem, "198.51.100.%d", a)); }
static const char *small(int a) { return str_z(mem, str_fmt(mem, "10.%d.%d.1", a / 250, a % 250)); }

/* A hundred machines that have all they may take no place from eighteen thousand. */
TEST(full_addresses_are_full_for_nobody_else)
{
    Crowd c;
    int got[FULL] = { 0 };

    crowd_open(&c, FULL, S(""));
    for (int a = 0; a < FULL; a++) {
        while (joins(&c, big(a)))
            got[a]++;
        must(got[a] >= FULL - 2 && got[a] <= FULL);
    }
    for (int a = 0; a < MANY; a++)
        must(joins(&c, small(a)));
    must(c.refused == FULL && !joins(&c, big(1)));
    for (int a = 0; a < FULL; a++)
        while (got[a]-- > 0)
            leaves(&c, big(a));
    for (int a = 0; a < MANY; a++)
        leaves(&c, small(a));
    crowd_close(&c);
}

/* ---- at a server ------------------------------------------------------------- */

static int connect_from(const char *own_address, int port)
{
    From f = from(own_address);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((u16)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0 && bind(fd, (struct sockaddr *)&f, sizeof(struct sockaddr_in)) == 0);
    must(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

static bool is_served(int fd)
{
    peer_send(fd, S("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
    return status_of(peer_read(fd, 1, 5000)) == 200;
}

/* Reset or ended, and not a byte was said. */
static bool is_turned_away(int fd)
{
    struct pollfd p = { fd, POLLIN, 0 };
    char byte;

    must(poll(&p, 1, 5000) == 1);
    return recv(fd, &byte, 1, 0) <= 0;
}

static Server *watched;
static bool connections_are(i64 n) { return server_counts(watched).connections == n; }

TEST(who_has_enough_connections_is_turned_away_and_others_are_served)
{
    ServerConfig c = house_config();
    c.address_most = 4;
    c.io_threads = 3;                   /* counted together */
    Server *s = watched = house_open(c);
    int fd[4], other;

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++) {
            fd[i] = connect_from("127.0.0.7", server_port(s));
            must(is_served(fd[i]));
        }
        for (int i = 0; i < 6; i++) {
            int over = connect_from("127.0.0.7", server_port(s));
            must(is_turned_away(over));
            close(over);
        }
        other = connect_from("127.0.0.8", server_port(s));
        must(is_served(other) && is_served(fd[0]));
        must(server_counts(s).turned_away == 6 * (round + 1));
        close(other);
        for (int i = 0; i < 4; i++)
            close(fd[i]);
        must(eventually(connections_are, 0, 5000));
    }
    house_close(s);
}

TEST(one_that_comes_through_a_trusted_proxy_is_never_turned_away)
{
    ServerConfig c = house_config();
    c.address_most = 1;
    c.trusted_proxies = S("127.0.0.9");
    Server *s = house_open(c);
    int fd[8];

    for (int i = 0; i < 8; i++)
        must(is_served(fd[i] = connect_from("127.0.0.9", server_port(s))));
    must(server_counts(s).turned_away == 0);
    for (int i = 0; i < 8; i++)
        close(fd[i]);
    house_close(s);
}
