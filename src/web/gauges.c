/* gauges.c - see gauges.h. The process figures have the names that Prometheus' own
 * clients give them, so that everybody's dashboards fit. */
#include "web/gauges.h"
#include "base/file.h"
#include "base/metric.h"
#include "gateway/relay.h"
#include "proof/hasher.h"
#include "net/server.h"
#include "net/stream.h"
#include "store/outbox.h"
#include <dirent.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct Server *_Atomic server;

void gauges_of(struct Server *s) { server = s; }

static void read_server(void)
{
    struct Server *s = server;

    if (s == NULL)
        return;
    ServerCounts c = server_counts(s);
    StreamCounts t = stream_counts(s);
    metric_set(METRIC_CONNECTIONS, c.connections);
    metric_set(METRIC_HTTP_WAITING, c.queued);
    metric_is(METRIC_HTTP_REFUSED, c.refused);
    metric_is(METRIC_HTTP_TIMEOUTS, c.timeouts);
    metric_is(METRIC_TURNED_AWAY, c.turned_away);
    metric_set(METRIC_SSE_ACTIVE, t.open);
    metric_set(METRIC_SSE_TOPICS, t.topics);
    metric_is(METRIC_SSE_SENT, t.delivered);
    metric_is(METRIC_SSE_CUT, t.cut);
}

static void read_store(Ctx *cx)
{
    StoreCounts c = store_counts();

    metric_set(METRIC_LANE_WAITING, c.waiting);
    metric_is(METRIC_LANE_COMMITS, c.commits);
    metric_is(METRIC_LANE_WRITES, c.writes);
    metric_is(METRIC_LANE_REFUSED, c.refused);
    metric_set(METRIC_READERS_OPEN, c.readers_open);
    metric_set(METRIC_READERS_IDLE, c.readers_idle);
    metric_set(METRIC_STORE_UP, store_ready(cx));
    fault_clear(cx);
}

/* The oldest row that was not told yet; only the node that relays knows. */
static void read_outbox(Ctx *cx)
{
    Tiding *rows;
    isize count = 0;
    i64 last = relay_last(), age = 0;

    if (relay_is_ours() && last >= 0 && outbox_after(cx, last, 1, &rows, &count) &&
        count > 0)
        age = cx->now.ms - rows[0].at.ms;
    fault_clear(cx);
    metric_set(METRIC_OUTBOX_AGE, age > 0 ? age : 0);
}

static i64 open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    i64 n = -3;                                   /* . and .. and the folder itself */

    if (d == NULL)
        return 0;
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

/* /proc/self/statm: size resident ... in pages. */
static i64 resident(Ctx *cx)
{
    Str text;
    i64 pages;

    if (!file_read(cx->mem, S("/proc/self/statm"), 200, &text))
        return 0;
    str_cut(&text, ' ');
    return str_int(str_cut(&text, ' '), &pages) ? pages * sysconf(_SC_PAGESIZE) : 0;
}

static void read_process(Ctx *cx)
{
    struct rusage u;
    struct rlimit l;

    if (getrusage(RUSAGE_SELF, &u) == 0)
        metric_is(METRIC_CPU, (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
                              (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000);
    if (getrlimit(RLIMIT_NOFILE, &l) == 0)
        metric_set(METRIC_FDS_MOST, (i64)l.rlim_cur);
    metric_set(METRIC_FDS, open_files());
    metric_set(METRIC_RSS, resident(cx));
}

void gauges_read(Ctx *cx)
{
    cx->deadline = mono_after(mono_now(), seconds(1));
    read_server();
    read_store(cx);
    read_outbox(cx);
    read_process(cx);
    metric_set(METRIC_HASH_WAITING, hasher_waiting());
    metric_is(METRIC_NATS_HEARD, metric_get(METRIC_BUS_HEARD));
}
