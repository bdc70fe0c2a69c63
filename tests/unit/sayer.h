/* sayer.h - a server that tests write the answer of. */
#pragma once
#include "unit/peer.h"

/* A server of one line of thought: says `answer` to everybody who asks, or what is `now`
 * in its place. */
typedef struct Sayer {
    int fd, port;
    Str answer;
    const Str *_Atomic now;
    pthread_t thread;
    _Atomic int asked;
} Sayer;

static inline void *say(void *arg)
{
    Sayer *s = arg;
    char piece[4096];
    int fd;

    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        if (recv(fd, piece, sizeof piece, 0) > 0) {
            s->asked++;
            peer_send(fd, s->now != NULL ? *s->now : s->answer);
        }
        shutdown(fd, SHUT_WR);
        while (recv(fd, piece, sizeof piece, 0) > 0)
            ;
        close(fd);
    }
    return NULL;
}

static inline void sayer_open(Sayer *s)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof a;

    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(s->fd, (struct sockaddr *)&a, size) == 0 && listen(s->fd, 8) == 0);
    must(getsockname(s->fd, (struct sockaddr *)&a, &size) == 0);
    s->port = ntohs(a.sin_port);
    must(pthread_create(&s->thread, NULL, say, s) == 0);
}

static inline void sayer_close(Sayer *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
}
