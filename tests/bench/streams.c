/* streams.c - a crowd that listens: opens COUNT streams of one server and says when all of
 * them have heard an event.
 *
 *   streams PORT COUNT SLOW [HEADER...] < commands
 *
 * It asks for the path in $STREAM_PATH; of several headers, each on a line of its own, the
 * streams take turns. SLOW of them never read. It says "open" when all have their head; then
 * "hear K" answers "ready", and when each stream that reads has K events more "MEDIAN LAST",
 * moments of CLOCK_MONOTONIC in nanoseconds. An event is what holds one '~'. "size" says
 * how many bytes came, "end" or the end of input ends it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/ctx.h"

typedef struct Ear { int fd, heard; bool begun; } Ear;

static struct {
    Ear  *ears;
    int   count, slow, begun, epoll, port, wanted, done;
    i64  *when;                                   /* of who heard enough, in order */
    i64   bytes;
} all;

static void need(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "streams: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void open_ear(int i, const char *path, const char *header)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((u16)all.port) };
    struct epoll_event e = { .events = EPOLLIN, .data.u32 = (u32)i };
    char text[4096];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), little = 4096;
    int len = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                       "Accept: text/event-stream\r\n%s%s\r\n", path, all.port, header,
                       header[0] != '\0' ? "\r\n" : "");

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    need(fd >= 0, "socket");
    if (i < all.slow)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    need(connect(fd, (struct sockaddr *)&to, sizeof to) == 0, "connect");
    need(send(fd, text, (size_t)len, 0) == len, "send");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    all.ears[i].fd = fd;
    need(epoll_ctl(all.epoll, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
}

static void take(Ear *ear, const char *text, isize n)
{
    const char *end = text + n;

    all.bytes += n;
    if (!ear->begun) {
        need(strncmp(text, "HTTP/1.1 200", 12) == 0, text);
        ear->begun = true;
        all.begun++;
        if (ear - all.ears < all.slow)
            epoll_ctl(all.epoll, EPOLL_CTL_DEL, ear->fd, NULL);
    }
    for (const char *p = text; (p = memchr(p, '~', (size_t)(end - p))) != NULL; p++)
        if (++ear->heard == all.wanted)
            all.when[all.done++] = mono_now().ns;
}

static void read_ear(Ear *ear)
{
    static char text[(64 << 10) + 1];
    isize n = recv(ear->fd, text, sizeof text - 1, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    need(n > 0, "a stream ended");
    text[n] = '\0';
    take(ear, text, n);
}

/* Reads until that many have begun, or have heard enough. */
static void listen_until(const int *count, int enough)
{
    struct epoll_event events[256];

    while (*count < enough) {
        int n = epoll_wait(all.epoll, events, 256, 60000);
        need(n > 0, "nothing comes");
        for (int i = 0; i < n; i++)
            read_ear(&all.ears[events[i].data.u32]);
    }
}

static void hear(int wanted)
{
    int reading = all.count - all.slow;

    for (int i = 0; i < all.count; i++)
        all.ears[i].heard = 0;
    all.wanted = wanted;
    all.done = 0;
    puts("ready");
    fflush(stdout);
    listen_until(&all.done, reading);
    printf("%jd %jd\n", (intmax_t)all.when[reading / 2], (intmax_t)all.when[reading - 1]);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    char line[64];
    int wanted;

    if (argc < 4 || getenv("STREAM_PATH") == NULL)
        return 2;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    all.port = atoi(argv[1]);
    all.count = atoi(argv[2]);
    all.slow = atoi(argv[3]);
    all.ears = calloc((size_t)all.count, sizeof *all.ears);
    all.when = calloc((size_t)all.count, sizeof *all.when);
    all.epoll = epoll_create1(EPOLL_CLOEXEC);
    need(all.ears != NULL && all.when != NULL && all.epoll >= 0, "memory");
    for (int i = 0; i < all.count; i++) {
        open_ear(i, getenv("STREAM_PATH"), argc > 4 ? argv[4 + i % (argc - 4)] : "");
        if (i % 64 == 63)
            listen_until(&all.begun, i - 63);
    }
    listen_until(&all.begun, all.count);
    puts("open");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL && strncmp(line, "end", 3) != 0) {
        if (sscanf(line, "hear %d", &wanted) == 1)
            hear(wanted);
        else if (strncmp(line, "size", 4) == 0)
            printf("%jd\n", (intmax_t)all.bytes);
        fflush(stdout);
    }
    return 0;
}
