/* with_nats.h - a bus for tests: the one that TEST_BUS names; the shared NATS server of
 * TEST_NATS_URL with an empty stream; or a server of one's own that can be killed.
 *   with_bus();  ...  bus_close();
 *   if (!nats_there()) return;                   says so once when there is none
 *   nats_wipe();  ...                            the shared one
 *   OwnNats own = nats_own();  nats_kill(&own);  nats_again(&own);  nats_kill(&own); */
#pragma once
#include "base/file.h"
#include "bus/bus.h"
#include "unit/test.h"
#include <arpa/inet.h>
#include <nats/nats.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static inline const char *nats_url(void)
{
    const char *url = getenv("TEST_NATS_URL");
    return url != NULL && url[0] != '\0' ? url : NULL;
}

static inline bool nats_there(void)
{
    static bool told;

    if (nats_url() == NULL && !told) {
        printf("    no TEST_NATS_URL: not asked of NATS\n");
        told = true;
    }
    return nats_url() != NULL;
}

/* ---- a client that is not ours ---- */

typedef struct RawNats { natsConnection *nc; jsCtx *js; } RawNats;

static inline RawNats nats_raw(const char *url)
{
    RawNats r = { 0 };

    must(natsConnection_ConnectTo(&r.nc, url) == NATS_OK);
    must(natsConnection_JetStream(&r.js, r.nc, NULL) == NATS_OK);
    return r;
}

static inline void nats_raw_close(RawNats *r)
{
    jsCtx_Destroy(r->js);
    natsConnection_Destroy(r->nc);
}

static inline void nats_wipe(void)
{
    RawNats r = nats_raw(nats_url());
    natsStatus s = js_DeleteStream(r.js, "EVENTS", NULL, NULL);

    must(s == NATS_OK || s == NATS_NOT_FOUND);
    nats_raw_close(&r);
}

/* ---- the bus under what is tested ---- */

/* Opens the bus that TEST_BUS names: embedded, or nats with nothing in it. */
static inline void with_bus(void)
{
    const char *bus = getenv("TEST_BUS");
    BusConfig config = { S("embedded:"), hours(24), 64 << 20, { 10 } };
    Str why = { 0 };

    if (bus != NULL && strcmp(bus, "nats") == 0) {
        must(nats_url() != NULL);
        nats_wipe();
        config.url = str_of(nats_url());
    }
    if (!bus_open(mem, &config, &why))
        must_failed(str_z(mem, why), __FILE__, __LINE__);
}

/* Waits until everything up to `id` has been told. */
static inline bool settles(i64 id)
{
    for (int i = 0; i < 12000 && bus_heard() < id; i++)
        usleep(5000);
    return bus_heard() == id;
}

/* ---- a server of one's own ---- */

enum { NATS_ARGS_MOST = 6 };
typedef struct OwnNats {
    pid_t       pid;
    int         port;
    const char *folder, *log, *url;
    const char *more[NATS_ARGS_MOST];             /* arguments, up to the first NULL */
} OwnNats;

static inline int free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    must(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    must(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    close(fd);
    return ntohs(a.sin_port);
}

static inline void nats_again(OwnNats *o)
{
    const char *argv[11 + NATS_ARGS_MOST] = {
        "nats-server", "-js", "-sd", o->folder, "-a", "127.0.0.1", "-p",
        str_z(mem, str_fmt(mem, "%d", o->port)), "-l", o->log };
    Str log = { 0 };

    for (int i = 0; i < NATS_ARGS_MOST && o->more[i] != NULL; i++)
        argv[10 + i] = o->more[i];
    unlink(o->log);
    must(posix_spawnp(&o->pid, argv[0], NULL, NULL, (char *const *)argv, environ) == 0);
    for (int i = 0; i < 6000 && !str_has(log, S("Server is ready")); i++) {
        usleep(10000);
        if (!file_read(mem, str_of(o->log), 1 << 20, &log))
            log = (Str){ 0 };
    }
    must(str_has(log, S("Server is ready")));
}

/* Not started yet. */
static inline OwnNats nats_planned(void)
{
    Str name = uuid_str(mem, uuid_new(time_now()));
    OwnNats o = { .port = free_port(), .folder = temp_path(str_z(mem, name)) };

    o.log = str_z(mem, str_fmt(mem, "%s.log", o.folder));
    o.url = str_z(mem, str_fmt(mem, "nats://127.0.0.1:%d", o.port));
    return o;
}

static inline OwnNats nats_own(void)
{
    OwnNats o = nats_planned();

    nats_again(&o);
    return o;
}

static inline void nats_kill(OwnNats *o)
{
    must(kill(o->pid, SIGKILL) == 0);
    must(waitpid(o->pid, NULL, 0) == o->pid);
    o->pid = 0;
}
