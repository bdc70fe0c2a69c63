/* streams.c - a crowd that listens: opens COUNT streams of one server and says when all of
 * them have heard an event.
 *
 *   streams PORT COUNT SLOW [FILE] < commands
 *
 * It asks for the path in $STREAM_PATH, $STREAM_RUSH (64) streams at a time. FILE has header
 * lines, of which the streams take one each, in turns. SLOW of them never read. It says "open"
 * when all have their head; then "hear K" answers "ready", and when each stream that reads has
 * K events more "MEDIAN LAST", moments of CLOCK_MONOTONIC in nanoseconds. An event is what
 * holds one '~'. "lost" says how many streams were refused or ended by the server; nobody
 * waits for those. "end" or the end of input ends it. */
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

enum { LINES_MOST = 20000 };
static struct { char *at[LINES_MOST]; int count; } headers;

typedef struct Ear { int fd, heard; bool begun; } Ear;

static struct {
    Ear  *ears;
    int   count, slow, begun, epoll, port, wanted, done, lost;
    i64  *when;                                   /* of who heard enough, in order */
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

/* Nobody waits for it any more: neither for its head nor for what it lacks. */
static void lose(Ear *ear)
{
    all.begun += !ear->begun;
    ear->begun = true;
    all.lost++;
    close(ear->fd);
}

static void take(Ear *ear, const char *text, isize n)
{
    const char *end = text + n;

    if (!ear->begun) {
        if (strncmp(text, "HTTP/1.1 200", 12) != 0) {
            lose(ear);
            return;
        }
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
    if (n <= 0) {
        lose(ear);
        return;
    }
    text[n] = '\0';
    take(ear, text, n);
}

/* Reads until that many have begun, or those that are left have heard enough. */
static void listen_until(const int *count, int enough)
{
    struct epoll_event events[256];

    while (*count < enough - (count == &all.done ? all.lost : 0)) {
        int n = epoll_wait(all.epoll, events, 256, 60000);
        need(n > 0, "nothing comes");
        for (int i = 0; i < n; i++)
            read_ear(&all.ears[events[i].data.u32]);
    }
}

static void hear(int wanted)
{
    int reading = all.count - all.slow, last;

    for (int i = 0; i < all.count; i++)
        all.ears[i].heard = 0;
    all.wanted = wanted;
    all.done = 0;
    puts("ready");
    fflush(stdout);
    listen_until(&all.done, reading);
    last = all.done - 1;
    need(last >= 0, "all streams ended");
    printf("%jd %jd\n", (intmax_t)all.when[last / 2], (intmax_t)all.when[last]);
}

static void read_headers(const char *path)
{
    FILE *f = fopen(path, "r");
    size_t room = 0;

    need(f != NULL, path);
    for (char **at = headers.at; headers.count < LINES_MOST; headers.count++, at++) {
        isize n = getline(at, &room, f);
        if (n <= 0)
            break;
        (*at)[n - 1] = '\0';
        room = 0;
    }
    fclose(f);
}

static const char *header_of(int i)
{
    return headers.count == 0 ? "" : headers.at[i % headers.count];
}

int main(int argc, char **argv)
{
    struct rlimit files;
    char line[64];
    int wanted, rush = getenv("STREAM_RUSH") != NULL ? atoi(getenv("STREAM_RUSH")) : 64;

    if (argc < 4 || getenv("STREAM_PATH") == NULL)
        return 2;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (argc > 4)
        read_headers(argv[4]);
    all.port = atoi(argv[1]);
    all.count = atoi(argv[2]);
    all.slow = atoi(argv[3]);
    all.ears = calloc((size_t)all.count, sizeof *all.ears);
    all.when = calloc((size_t)all.count, sizeof *all.when);
    all.epoll = epoll_create1(EPOLL_CLOEXEC);
    need(all.ears != NULL && all.when != NULL && all.epoll >= 0, "memory");
    for (int i = 0; i < all.count; i++) {
        open_ear(i, getenv("STREAM_PATH"), header_of(i));
        if (i % rush == rush - 1)
            listen_until(&all.begun, i - rush + 1);
    }
    listen_until(&all.begun, all.count);
    puts("open");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL && strncmp(line, "end", 3) != 0) {
        if (sscanf(line, "hear %d", &wanted) == 1)
            hear(wanted);
        else if (strncmp(line, "lost", 4) == 0)
            printf("%d\n", all.lost);
        fflush(stdout);
    }
    return 0;
}
