/* serve.c - the one way a request takes.
 *
 * Decided here: an INLINE route is answered on an io thread, so nobody is asked who
 * they are. A log line is written when the answer is ready, not when it was sent:
 * the socket is net's. Answers are no-store unless the handler says otherwise,
 * because nearly all of them are somebody's. */
#include "web/serve.h"
#include "access/guard.h"
#include "access/refusal.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/trace.h"
#include "identity/limit.h"
#include "net/origin.h"
#include "web/problem.h"
#include "web/proxy.h"
#include "web/red.h"
#include "web/routes.h"
#include <stdio.h>
#include <string.h>

static struct { Str origins, proxies; Router *router; } own;

/* ---- media types ----------------------------------------------------------- */

/* application/json or anything+json, in UTF-8 when it says a charset. */
static bool is_json(Str type)
{
    Str params = type, name = str_trim(str_cut(&params, ';'));

    if (!str_is_nocase(name, S("application/json")) &&
        !(str_starts(name, S("application/")) && str_ends(name, S("+json"))))
        return false;
    while (params.at != NULL) {
        Str value = str_trim(str_cut(&params, ';')), key = str_trim(str_cut(&value, '='));
        if (str_is_nocase(key, S("charset")) && !str_is_nocase(value, S("utf-8")) &&
            !str_is_nocase(value, S("\"utf-8\"")))
            return false;
    }
    return true;
}

static bool check_forms(Ctx *cx, const Req *rq)
{
    const Route *r = rq->route;
    Str type = req_header(rq, S("content-type")),
        coding = req_header(rq, S("content-encoding"));

    if (rq->body.len > 0 && coding.len > 0 && !str_is_nocase(coding, S("identity")))
        return fail(cx, UNSUPPORTED_MEDIA_TYPE, "content-encoding=%.*s",
                    STR_ARGS(coding));
    if (rq->body.len > 0 && !is_json(type))
        return fail(cx, UNSUPPORTED_MEDIA_TYPE, "content-type=%.*s", STR_ARGS(type));
    if (r->out == NULL && (r->is & STREAM) == 0)
        return true;
    if (req_accepts(rq, (r->is & STREAM) != 0 ? S("text/event-stream")
                                              : S("application/json"))
        || req_accepts(rq, S("application/problem+json")))
        return true;
    return fail(cx, NOT_ACCEPTABLE, "accept=%.*s", STR_ARGS(req_header(rq, S("accept"))));
}

/* ---- CORS (WHATWG Fetch 3.2) ------------------------------------------------ */

static Str methods_of(Ctx *cx, unsigned allow)
{
    Buf b = buf_in(cx->mem, 64);

    for (int m = 0; m < M_OTHER; m++) {
        bool there = (allow >> m & 1) != 0 || m == M_OPTIONS ||
                     (m == M_HEAD && (allow >> M_GET & 1) != 0);
        if (there)
            buf_fmt(&b, "%s%s", b.len > 0 ? ", " : "", method_names.at[m]);
    }
    return buf_str(&b);
}

static void put_cors(Ctx *cx, Req *rq)
{
    Str origin = req_header(rq, S("origin"));

    if (own.origins.len == 0)
        return;
    reply_header(cx, rq, S("Vary"), S("Origin"));
    if (origin.at == NULL || !origin_in(own.origins, origin))
        return;
    reply_header(cx, rq, S("Access-Control-Allow-Origin"), origin);
    reply_header(cx, rq, S("Access-Control-Allow-Credentials"), S("true"));
    reply_header(cx, rq, S("Access-Control-Expose-Headers"),
                 S("X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining,"
                   " RateLimit-Reset, Idempotency-Replayed, Location"));
}

/* An OPTIONS that no row claims: what may be done here, and a preflight's answer. */
static void answer_options(Ctx *cx, Req *rq)
{
    Str wanted = req_header(rq, S("access-control-request-method"));
    Str methods = methods_of(cx, rq->allow);

    reply_empty(rq, 204);
    reply_header(cx, rq, S("Allow"), methods);
    if (wanted.at == NULL || !origin_in(own.origins, req_header(rq, S("origin"))))
        return;
    reply_header(cx, rq, S("Access-Control-Allow-Methods"), methods);
    reply_header(cx, rq, S("Access-Control-Allow-Headers"),
                 S("Authorization, Content-Type, Idempotency-Key, X-Tenant-Id, "
                   "Last-Event-ID, traceparent"));
    reply_header(cx, rq, S("Access-Control-Max-Age"), S("600"));
}

/* ---- headers of every answer ------------------------------------------------ */

Str serve_headers(Arena *mem, const ServeConfig *config)
{
    return str_fmt(mem, "X-Content-Type-Options: nosniff\r\n"
                   "X-Frame-Options: DENY\r\n"
                   "Referrer-Policy: no-referrer\r\n"
                   "Content-Security-Policy: default-src 'none'; script-src 'self'; "
                   "style-src 'self'; img-src 'self' data:; connect-src 'self'; "
                   "form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n%s",
                   config->hsts ? "Strict-Transport-Security: max-age=31536000\r\n" : "");
}

static bool has_header(const Req *rq, Str name)
{
    for (const ReplyHeader *h = rq->reply.headers; h != NULL; h = h->next)
        if (str_is_nocase(h->name, name))
            return true;
    return false;
}

static void dress(Ctx *cx, Req *rq)
{
    put_cors(cx, rq);
    reply_header(cx, rq, S("X-Request-Id"), trace_str(cx->mem, &cx->trace));
    if (rq->reply.forward == NULL && !has_header(rq, S("Cache-Control")))
        reply_header(cx, rq, S("Cache-Control"), S("no-store"));
}

/* ---- the way of a request --------------------------------------------------- */

static bool answer(Ctx *cx, Req *rq)
{
    const Route *r = rq->route;

    if ((r->is & INLINE) == 0 &&
        (!guard_machine(cx, rq) || !limit_asker(cx, r->is, rq->peer) ||
         !guard_check(cx, rq, r->access) ||
         !limit_person(cx, r->is)))
        return false;
    return check_forms(cx, rq) && r->run(cx, rq);
}

/* All values of a header as one list (RFC 9110 5.2); absent when it did not come. */
static Str header_list(Ctx *cx, const Req *rq, Str name)
{
    Str first = { 0 };
    Buf all = { 0 };

    for (isize i = 0; i < rq->header_count; i++) {
        Str value = rq->headers[i].value;
        if (!str_is_nocase(rq->headers[i].name, name))
            continue;
        if (first.at == NULL) {
            first = value;
            continue;
        }
        if (all.len == 0) {
            all = buf_in(cx->mem, 512);
            buf_add(&all, first);
        }
        buf_byte(&all, ',');
        buf_add(&all, value);
    }
    return all.len > 0 ? buf_str(&all) : first;
}

/* The caller's trace goes on, with a span of our own. Two parents make a list, which is
 * no parent; of the state a list is what it is. */
static void join_trace(Ctx *cx, const Req *rq)
{
    trace_join(cx, header_list(cx, rq, S("traceparent")),
               header_list(cx, rq, S("tracestate")));
}

static void find_asker(Req *rq)
{
    Str asker = proxy_asker(own.proxies, rq);

    if (asker.at != rq->peer.at && rq->via.at == NULL)
        rq->via = rq->peer;
    rq->peer = asker;
}

static void serve_joined(Ctx *cx, Req *rq)
{
    if (rq->route == NULL)
        answer_options(cx, rq);
    else if (!answer(cx, rq) || rq->reply.status == 0)
        problem_reply(cx, rq);
    dress(cx, rq);
}

static void serve(Ctx *cx, Req *rq)
{
    join_trace(cx, rq);
    find_asker(rq);
    serve_joined(cx, rq);
}

static void refuse(Ctx *cx, Req *rq)
{
    if (rq->target.at != NULL) {
        join_trace(cx, rq);
        find_asker(rq);
    }
    problem_reply(cx, rq);
    dress(cx, rq);
}

/* Probes ask every second and say nothing new: only at the debug level. */
static LogLevel level_of(const Req *rq)
{
    if (rq->reply.status >= 500)
        return LOG_ERROR;
    return rq->route != NULL && (rq->route->is & (INLINE | FORWARDS)) == INLINE
           ? LOG_DEBUG
           : LOG_INFO;
}

/* By route and never by path or query: those hold ids and links' tokens. */
static void tell_trace(const Ctx *cx, const Req *rq, i64 us)
{
    char name[TRACE_NAME];
    const char *route = rq->route != NULL ? rq->route->path : "";
    const char *method = rq->target.at == NULL
                         ? "-" : method_names.at[rq->head ? M_HEAD : rq->method];
    LogField f[5] = { { 0 } };
    isize n = 0;

    snprintf(name, sizeof name, "%s%s%s", method, route[0] != '\0' ? " " : "", route);
    f[n++] = L("http.request.method", method);
    f[n++] = L("http.response.status_code", rq->reply.status);
    f[n++] = L("url.scheme", rq->secure ? "https" : "http");
    if (route[0] != '\0')
        f[n++] = L("http.route", route);
    f[n++] = L("tickettoken.tenant", uuid_str(cx->mem, cx->tenant.v));
    trace_whole(cx, us, TRACE_SERVER, name, f, n);
}

/* What a client did wrong may name people. Why a service was refused names nobody, its
 * operator reads this log, and the answer says no more than the five texts of its
 * table. */
static bool tells_why(const Ctx *cx, const Req *rq)
{
    return rq->reply.status >= 500 || cx->fault.code == INVALID_SERVICE_TOKEN;
}

static void done(Ctx *cx, const Req *rq, i64 us)
{
    static const Metric classes[] = { METRIC_HTTP_2XX, METRIC_HTTP_3XX, METRIC_HTTP_4XX,
                                      METRIC_HTTP_5XX };
    LogLevel level = level_of(rq);
    bool fault = cx->fault.code != OK;

    if (rq->reply.status >= 200 && rq->reply.status < 600)
        metric_add(classes[rq->reply.status / 100 - 2], 1);
    red_count(rq->route, rq->reply.status, cx->fault.code, us);
    refusal_note(cx, rq);
    if (cx->trace.on)
        tell_trace(cx, rq, us);
    if (!log_on(level))
        return;
    LogField f[12] = { { 0 } };
    isize n = 1;
    bool read = rq->target.at != NULL;
    f[n++] = L("method", read ? method_names.at[rq->head ? M_HEAD : rq->method] : "-");
    f[n++] = L("route", rq->route != NULL ? rq->route->path : "-");
    f[n++] = L("status", rq->reply.status);
    f[n++] = L("us", us);
    f[n++] = L("trace", trace_str(cx->mem, &cx->trace));
    f[n++] = L("tenant", uuid_str(cx->mem, cx->tenant.v));
    f[n++] = L("peer", rq->peer);
    if (fault)
        f[n++] = L("fault", fault_facts(cx->fault.code)->code);
    if (fault && tells_why(cx, rq)) {
        f[n++] = L("why", (const char *)cx->fault.why);
        f[n++] = L("at", str_fmt(cx->mem, "%s:%d", cx->fault.file, cx->fault.line));
    }
    log_line(level, "request", f, n);
}

ServerHooks serve_open(Arena *mem, const ServeConfig *config, bool test_clock)
{
    isize n;
    const Route *table = routes_table(mem, test_clock, &n);

    own.origins = config->cors_origins;
    own.proxies = config->trusted_proxies;
    own.router = router_open(table, n);
    red_open(table, n);
    return (ServerHooks){ own.router, serve, refuse, done };
}

void serve_close(void)
{
    router_close(own.router);
    red_close();
    own.router = NULL;
}

void serve_self(Ctx *cx, const SelfCall *call, int *status, Str *body)
{
    Mono start = mono_now();
    Ctx inner = ctx_new(cx->mem, TENANT_DEFAULT);
    Header *headers = make(cx->mem, Header, call->count + 1);
    Req rq = { .method = call->method, .target = call->path, .path = call->path,
               .headers = headers, .header_count = call->count + 1, .body = call->body,
               .peer = S("self") };
    RouteMatch match;

    for (isize i = 0; i < call->count; i++)
        headers[i] = call->headers[i];
    headers[call->count] = (Header){ S("Content-Type"), S("application/json") };
    Step step = trace_begin(cx);
    inner.trace = cx->trace;
    router_find(own.router, call->method, call->path, &match);
    rq.route = match.route;
    rq.param_count = match.count;
    memcpy(rq.params, match.params, sizeof rq.params);
    if (match.route != NULL)
        serve_joined(&inner, &rq);
    else {
        fail(&inner, NOT_FOUND, "self path=%.*s", STR_ARGS(call->path));
        problem_reply(&inner, &rq);
        dress(&inner, &rq);
    }
    trace_end(cx, &step, TRACE_CLIENT, "ask ourselves",
              L("http.response.status_code", rq.reply.status));
    inner.trace.on = false;                       /* the step was told        */
    done(&inner, &rq, mono_us(start, mono_now()));
    *status = rq.reply.status;
    *body = rq.reply.body;
}
