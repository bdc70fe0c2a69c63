/* listen.c - the kernel spreads connections over the sockets that share an address,
 * so no thread accepts for another. TCP_NODELAY is inherited by what is accepted. */
#include "net/listen.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static void set_on(int fd, int level, int option)
{
    int one = 1;
    must(setsockopt(fd, level, option, &one, sizeof one) == 0);
}

static int port_of(int fd)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;

    must(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                         : ((struct sockaddr_in *)&a)->sin_port);
}

typedef enum Sharing { ALONE, SHARED } Sharing;

static int open_socket(const struct addrinfo *a, Sharing sharing)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    set_on(fd, SOL_SOCKET, SO_REUSEADDR);
    if (sharing == SHARED)
        set_on(fd, SOL_SOCKET, SO_REUSEPORT);
    set_on(fd, IPPROTO_TCP, TCP_NODELAY);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
        (sharing == ALONE || listen(fd, BACKLOG) == 0))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static const char *cure(int error)
{
    switch (error) {
    case EADDRINUSE:    return "; stop what listens there, or give another PORT";
    case EADDRNOTAVAIL: return "; HOST must be an address of this machine";
    case EACCES:        return "; a PORT below 1024 needs a right that this user has not";
    default:            return "";
    }
}

static int bind_to(Arena *mem, Str host, int port, Sharing sharing, Str *why)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *found;
    const char *service = str_z(mem, str_fmt(mem, "%d", port));
    int wrong = getaddrinfo(str_z(mem, host), service, &hints, &found);

    if (wrong != 0) {
        *why = str_fmt(mem, "%.*s: %s", STR_ARGS(host), gai_strerror(wrong));
        return -1;
    }
    int fd = open_socket(found, sharing);
    if (fd < 0)
        *why = str_fmt(mem, "%.*s:%d: %s%s", STR_ARGS(host), port, strerror(errno),
                       cure(errno));
    freeaddrinfo(found);
    return fd;
}

int listen_on(Arena *mem, Str host, int *port, Str *why)
{
    int fd = bind_to(mem, host, *port, SHARED, why);

    if (fd >= 0)
        *port = port_of(fd);
    return fd;
}

bool listen_free(Arena *mem, Str host, int port, Str *why)
{
    int fd = bind_to(mem, host, port, ALONE, why);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}
