/* metrics.c - being on this machine is no reason to be let in: behind a proxy that runs
 * here everybody seems to be. */
#include "web/metrics.h"
#include "access/guard.h"
#include "base/file.h"
#include "base/histogram.h"
#include "base/metric.h"
#include "gateway/proxy.h"
#include "web/gauges.h"
#include "web/red.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { TOKEN_LEAST = 24, TOKEN_MOST = 500 };

/* Its group may read it: that is how a Prometheus under another user gets the same
 * file. */
static bool read_token(Arena *mem, Str path, Str *token, Str *why)
{
    struct stat st;

    if (stat(str_z(mem, path), &st) != 0 || !file_read(mem, path, TOKEN_MOST, token))
        *why = str_fmt(mem, "METRICS_TOKEN_FILE %.*s: %s", STR_ARGS(path),
                       strerror(errno));
    else if ((st.st_mode & 07) != 0)
        *why = str_fmt(mem, "METRICS_TOKEN_FILE %.*s: others can read it; chmod 640 it",
                       STR_ARGS(path));
    else if ((*token = str_trim(str_cut(token, '\n'))).len < TOKEN_LEAST)
        *why = str_fmt(mem,
                       "METRICS_TOKEN_FILE %.*s: must hold %d letters or more; make it"
                       " with: openssl rand -base64 32", STR_ARGS(path), TOKEN_LEAST);
    else
        return true;
    return false;
}

bool metrics_token(Arena *mem, Str token_file, Str *token, Str *why)
{
    *token = (Str){ 0 };
    return token_file.len == 0 || read_token(mem, token_file, token, why);
}

bool metrics_open(Arena *mem, Str token_file, Str *why)
{
    Str token;

    if (!metrics_token(mem, token_file, &token, why))
        return false;
    guard_operator(token);
    metric_set(METRIC_BUILD, 1);
    metric_set(METRIC_STARTED, time_now().ms);
    return true;
}

bool metrics_show(Ctx *cx, Req *rq)
{
    Buf b = buf_in(cx->mem, 64 << 10);

    gauges_read(cx);
    metric_write(&b);
    proxy_metrics(cx->mem, &b);
    histogram_write(&b);
    red_write(&b);
    return reply_text(rq, 200, S("text/plain; version=0.0.4; charset=utf-8"),
                      buf_str(&b));
}
