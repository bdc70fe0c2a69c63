/* client.c - see client.h. Answers are told apart by Content-Length, which our server
 * always sends; a body larger than the buffer breaks the connection and is counted. */
#include "bench/client.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 16384 };

typedef struct { int fd, target; Sent sent; bool busy; isize have; char in[ROOM]; } Conn;
typedef struct { Load *load; int ep; i64 next[TARGETS_MOST], done; char out[ROOM]; } Run;

static bool read_target(Target *t, const char *at, int len)
{
    char port[8] = "";
    i64 v;

    if (memchr(at, ':', (size_t)len) == NULL) {
        snprintf(t->host, sizeof t->host, "127.0.0.1");
        snprintf(port, sizeof port, "%.*s", len, at);
    } else if (sscanf(at, "%63[0-9.]:%7[0-9]", t->host, port) != 2) {
        return false;
    }
    bool good = str_int(str_of(port), &v) && v > 0 && v < 65536;
    t->port = good ? (int)v : 0;
    return good;
}

bool load_targets(Load *l, const char *list)
{
    l->targets = 0;
    for (const char *at = list; l->targets < TARGETS_MOST; at++) {
        int len = (int)strcspn(at, ",");
        if (!read_target(&l->target[l->targets++], at, len))
            return false;
        at += len;
        if (*at == '\0')
            return true;
    }
    return false;
}

static int dial(const Target *t)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((u16)t->port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    must(inet_pton(AF_INET, t->host, &to.sin_addr) == 1);
    must(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void send_next(Run *r, Conn *c)
{
    Load *l = r->load;

    i64 number = r->next[c->target];

    c->busy = false;
    if (number >= l->requests)
        return;
    r->next[c->target] += l->targets;
    c->sent = (Sent){ number, mono_now() };
    c->busy = true;
    c->have = 0;
    isize n = l->next(l->arg, c->sent.number, r->out, ROOM);
    if (write(c->fd, r->out, (size_t)n) != n)
        l->broken++;
}

/* Bytes of the whole answer, 0 while it is not all there. */
static isize whole(const Conn *c, int *status, Str *body)
{
    const char *end = memmem(c->in, (size_t)c->have, "\r\n\r\n", 4);
    const char *at = end == NULL ? NULL : strcasestr(c->in, "content-length:");
    isize head = end == NULL ? 0 : end + 4 - c->in, length = at == NULL ? 0 : atol(at + 15);

    if (end == NULL || c->have < head + length)
        return 0;
    *status = (int)strtol(c->in + 9, NULL, 10);
    *body = (Str){ c->in + head, length };
    return head + length;
}

static void readable(Run *r, Conn *c)
{
    Load *l = r->load;
    Str body;
    int status;
    ssize_t n = read(c->fd, c->in + c->have, (size_t)(ROOM - 1 - c->have));

    if (n <= 0) {
        l->broken++;
        r->done++;
        close(c->fd);
        c->fd = -1;
        return;
    }
    c->have += n;
    c->in[c->have] = '\0';
    if (whole(c, &status, &body) == 0)
        return;
    if (l->latency_us != NULL)
        l->latency_us[c->sent.number] = mono_us(c->sent.at, mono_now());
    l->answered(l->arg, &c->sent, status, body);
    r->done++;
    send_next(r, c);
}

void load_run(Load *l)
{
    static Run r;
    Conn *conns = calloc((size_t)l->connections, sizeof *conns);
    struct epoll_event ev[256];

    must(conns != NULL);
    must(l->targets > 0 && l->connections >= l->targets);
    l->broken = 0;
    r = (Run){ .load = l, .ep = epoll_create1(EPOLL_CLOEXEC) };
    for (int t = 0; t < l->targets; t++)
        r.next[t] = t;
    for (int i = 0; i < l->connections; i++) {
        conns[i].target = i % l->targets;
        conns[i].fd = dial(&l->target[conns[i].target]);
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = &conns[i] };
        must(epoll_ctl(r.ep, EPOLL_CTL_ADD, conns[i].fd, &e) == 0);
    }
    Mono start = mono_now();
    for (int i = 0; i < l->connections; i++)
        send_next(&r, &conns[i]);
    while (r.done < l->requests && l->broken < l->connections) {
        int n = epoll_wait(r.ep, ev, countof(ev), 10000);
        must(n > 0);                              /* ten seconds of nothing   */
        for (int i = 0; i < n; i++)
            readable(&r, ev[i].data.ptr);
    }
    l->took_us = mono_us(start, mono_now());
    for (int i = 0; i < l->connections; i++)
        if (conns[i].fd >= 0)
            close(conns[i].fd);
    close(r.ep);
    free(conns);
}

static int by_value(const void *a, const void *b)
{
    i64 x = *(const i64 *)a, y = *(const i64 *)b;
    return x < y ? -1 : x > y;
}

i64 percentile(i64 *values, i64 count, double p)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
    i64 at = (i64)((double)count * p / 100);
    return values[at < count ? at : count - 1];
}
