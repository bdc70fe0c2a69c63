/* link.c - the plain transport. SIGPIPE is ignored by the whole process (server.c),
 * so a write to a peer that went away is an error and no signal. */
#include "net/link.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static isize outcome(ssize_t n)
{
    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EINTR ? LINK_AGAIN : LINK_GONE;
}

static isize plain_read(Link *l, char *to, isize n)
{
    isize got = outcome(recv(l->fd, to, (size_t)n, 0));

    l->dry = got > 0 && got < n;
    return got;
}

static isize plain_write(Link *l, const struct iovec *parts, int count)
{
    if (count == 1)
        return outcome(send(l->fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL));
    return outcome(writev(l->fd, parts, count));
}

static isize plain_greet(Link *l)
{
    (void)l;
    return GREETED;
}

static void plain_finish(Link *l)
{
    shutdown(l->fd, SHUT_WR);
}

static void plain_free(Link *l)
{
    close(l->fd);
}

const Transport plain_transport = { plain_read, plain_write, plain_greet, plain_finish,
                                    plain_free, .shared = false };
