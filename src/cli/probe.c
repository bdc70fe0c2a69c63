/* probe.c - see probe.h. The request is written by hand: it goes to our own server on
 * this machine, and doctor must work when nothing else does. */
#include "cli/probe.h"
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define CHECK_WITHIN minutes(10)

static Probe check_open(Arena *mem, i64 version, Str *detail)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    i64 damage = 0;

    cx.deadline = mono_after(mono_now(), CHECK_WITHIN);
    if (!store_damage(&cx, &damage))
        *detail = str_fmt(mem, "can't be read: %s", cx.fault.why);
    else if (damage > 0)
        *detail = str_fmt(mem, "integrity_check finds %jd faults", (intmax_t)damage);
    else {
        *detail = str_fmt(mem, "schema %jd, %s", (intmax_t)version,
                          store_shared() ? "the role may do what is needed"
                                         : "integrity_check finds nothing");
        return PROBE_GOOD;
    }
    return PROBE_BAD;
}

/* Opening a SQLite file would make it. */
static bool is_file_absent(Arena *mem, Str url, Str *detail)
{
    Str path = str_sub(url, str_find(url, ':') + 1, url.len);
    struct stat st;

    if (!str_starts(url, S("sqlite:")) || stat(str_z(mem, path), &st) == 0)
        return false;
    *detail = str_fmt(mem, "%.*s is not there", STR_ARGS(path));
    return true;
}

Probe probe_store(Arena *mem, const StoreConfig *config, Str *detail)
{
    i64 version;

    if (is_file_absent(mem, config->url, detail))
        return PROBE_ABSENT;
    if (!store_look(mem, config, &version, detail) || !store_open(mem, config, detail))
        return PROBE_BAD;
    Probe found = check_open(mem, version, detail);
    store_close();
    return found;
}

static struct addrinfo *resolve(Arena *mem, Str host, Str port)
{
    struct addrinfo wants = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV },
                    *found;

    return getaddrinfo(str_z(mem, host), str_z(mem, port), &wants, &found) == 0
           ? found : NULL;
}

bool probe_port(Arena *mem, Str host, int port, Str *why)
{
    struct addrinfo *at = resolve(mem, host, str_fmt(mem, "%d", port));
    int fd = at == NULL ? -1 : socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0),
        on = 1;
    bool good = false;

    if (at == NULL)
        *why = str_fmt(mem, "%.*s is no address of this machine", STR_ARGS(host));
    else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        good = fd >= 0 && bind(fd, at->ai_addr, at->ai_addrlen) == 0;
        if (!good)
            *why = str_fmt(mem, "%.*s port %d: %s", STR_ARGS(host), port,
                           strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    if (at != NULL)
        freeaddrinfo(at);
    return good;
}

/* "http://host:port" or "http://[::1]:port". */
static void split(Str url, Str *host, Str *port)
{
    Str rest = str_sub(url, 7, url.len);
    isize colon = rest.len;

    while (colon > 0 && rest.at[colon - 1] != ':')
        colon--;
    *host = str_sub(rest, 0, colon - 1);
    *port = str_sub(rest, colon, rest.len);
    if (str_starts(*host, S("[")))
        *host = str_sub(*host, 1, host->len - 1);
}

int probe_ready(Arena *mem, Str url, int within_ms)
{
    static const char ask[] = "GET /health/ready HTTP/1.1\r\nHost: doctor\r\n"
                              "Connection: close\r\n\r\n";
    struct timeval patience = { within_ms / 1000, within_ms % 1000 * 1000 };
    char head[16] = "";
    int status = 0;
    Str host, port;

    split(url, &host, &port);
    struct addrinfo *at = resolve(mem, host, port);
    int fd = at == NULL ? -1 : socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (connect(fd, at->ai_addr, at->ai_addrlen) == 0 &&
            send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL) > 0 &&
            recv(fd, head, 12, MSG_WAITALL) == 12)
            sscanf(head, "HTTP/1.1 %d", &status);
        close(fd);
    }
    if (at != NULL)
        freeaddrinfo(at);
    return status;
}
