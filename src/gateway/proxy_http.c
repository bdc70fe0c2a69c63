/* proxy_http.c - the service behind believes what we say about who asks, so nothing that
 * looks like it may come from outside: such fields are dropped, also where an underscore
 * stands for the dash (CGI and its heirs read both as one). So are those by which some
 * frameworks let a request name another path or method than its own.
 *
 * The guard reads the token from memory and asks no database: this runs on an io thread. A
 * worker looks up whom it does not remember. */
#include "gateway/proxy_http.h"
#include "access/guard.h"
#include "access/service.h"
#include "gateway/pace.h"
#include "gateway/proxy.h"
#include "net/forward.h"

/* ---- fields -------------------------------------------------------------------- */

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c == '_' ? '-' : c;
}

/* Whether `name` is `known`, or begins with it where that ends in a dash. */
static bool is_called(Str name, Str known)
{
    bool all = known.at[known.len - 1] != '-';

    if (all ? name.len != known.len : name.len < known.len)
        return false;
    for (isize i = 0; i < known.len; i++)
        if (folded(name.at[i]) != known.at[i])
            return false;
    return true;
}

/* Nearly every name is told from nearly all of the list by its first letter. */
static bool is_among(Str name, const Str *known, isize count)
{
    char first = name.len > 0 ? folded(name.at[0]) : '\0';

    for (isize i = 0; i < count; i++)
        if (known[i].at[0] == first && is_called(name, known[i]))
            return true;
    return false;
}

static bool goes_up(const void *of, Str name)
{
    const ProxyRow *row = of;
    static const Str ours[] = {
        S("host"), S("x-host"), S("expect"), S("x-forwarded-"), S("forwarded"), S("x-real-ip"),
        S("x-client-"), S("true-client-ip"), S("cf-connecting-"), S("fastly-client-ip"),
        S("x-cluster-client-ip"), S("client-ip"), S("proxy-"), S("wl-proxy-"), S("fly-client-ip"),
        S("x-originating-"), S("x-azure-"), S("x-scheme"), S("x-url-scheme"), S("front-end-https"),
        S("x-http-host-override"), S("x-script-name"), S("x-webauth-"), S("x-goog-iap-"),
        S("x-goog-authenticated-"), S("x-ms-client-"), S("x-ms-token-"),
        S("x-amzn-oidc-"), S("impersonate-"), S("x-scope-"), S("x-scopes"), S("x-role"),
        S("x-roles"), S("x-jwt-"), S("x-envoy-"), S("x-service-"), S("x-internal-"), S("x-tenant-"),
        S("x-user-"), S("x-remote-"), S("remote-"), S("x-authenticated-"), S("x-auth-request-"),
        S("x-ssl-"), S("ssl-"), S("x-request-id"), S("traceparent"), S("tracestate"),
        S("x-original-"), S("x-rewrite-"), S("x-http-method-"), S("x-http-method"),
        S("x-method-override"), S("proxy"), S("x-accel-"), S("x-sendfile") };
    /* CGI and its heirs read these with an underscore too. */
    static const Str framing[] = { S("content-length"), S("transfer-encoding"), S("trailer"),
                                   S("te"), S("upgrade"), S("connection") };

    if (is_among(name, ours, countof(ours)) || is_among(name, framing, countof(framing)))
        return false;
    if (is_called(name, S("authorization")) || is_called(name, S("x-api-key")))
        return (row->pass & PASS_AUTHORIZATION) != 0;
    return !is_called(name, S("cookie")) || (row->pass & PASS_COOKIE) != 0;
}

static void put(Buf *b, Str name, Str value)
{
    buf_add(b, name);
    buf_lit(b, ": ");
    buf_add(b, value);
    buf_lit(b, "\r\n");
}

/* A node of RFC 7239: an IPv6 address is quoted and in brackets. */
static void put_node(Buf *b, Str address)
{
    bool six = str_find(address, ':') >= 0;

    buf_add(b, six ? S("\"[") : S(""));
    buf_add(b, address);
    buf_add(b, six ? S("]\"") : S(""));
}

/* The word of a load balancer of ours (req->via) goes before what we see ourselves. */
static void put_asker(Buf *b, const Req *rq)
{
    bool ours = rq->via.at != NULL;
    Str proto = ours ? req_header(rq, S("x-forwarded-proto")) : (Str){ 0 };
    Str host = ours ? req_header(rq, S("x-forwarded-host")) : (Str){ 0 };

    if (!str_is(proto, S("http")) && !str_is(proto, S("https")))
        proto = rq->secure ? S("https") : S("http");
    if (host.len == 0 || str_find(host, '"') >= 0 || str_find(host, '\\') >= 0)
        host = req_header(rq, S("host"));
    buf_lit(b, "X-Forwarded-For: ");
    buf_add(b, rq->peer);
    buf_add(b, ours ? S(", ") : S(""));
    buf_add(b, ours ? rq->via : S(""));
    buf_lit(b, "\r\nForwarded: for=");
    put_node(b, rq->peer);
    buf_lit(b, ";proto=");
    buf_add(b, proto);
    buf_lit(b, ";host=\"");
    buf_add(b, host);
    buf_lit(b, "\"");
    if (ours) {
        buf_lit(b, ", for=");
        put_node(b, rq->via);
    }
    buf_lit(b, "\r\n");
    put(b, S("X-Forwarded-Proto"), proto);
    if (host.len > 0)
        put(b, S("X-Forwarded-Host"), host);
}

/* That it is us who ask, for this tenant and person; and the trace, with our span as the
 * parent. The client says himself what he is. */
static void put_trust(Ctx *cx, Buf *b, const ProxyRow *row)
{
    Header h[SERVICE_HEADERS];
    int n = service_headers(cx, row->audience, cx->trace.state, h);

    for (int i = 0; i < n; i++)
        if (!str_is(h[i].name, S("User-Agent")))
            put(b, h[i].name, h[i].value);
}

static Str fields_up(Ctx *cx, const ProxyRow *row, const Req *rq)
{
    Buf b = buf_in(cx->mem, 2048);

    for (isize i = 0; i < rq->header_count; i++)
        if (!hop_field(rq->headers[i].name, rq->headers, rq->header_count) &&
            goes_up(row, rq->headers[i].name))
            put(&b, rq->headers[i].name, rq->headers[i].value);
    put_asker(&b, rq);
    put_trust(cx, &b, row);
    return buf_str(&b);
}

/* ---- what comes back ------------------------------------------------------------- */

/* Where the service behind says that something is, as seen from outside. */
static Str location(Arena *mem, const ProxyRow *row, Str value)
{
    Str path = value, base = row->config.urls[0].path;

    for (int i = 0; i < row->config.url_count; i++) {
        const Url *u = &row->config.urls[i];
        Str whole = str_fmt(mem, "%s://%.*s", u->secure ? "https" : "http", STR_ARGS(u->authority));
        if (str_starts(value, whole) && value.len > whole.len && value.at[whole.len] == '/')
            path = str_sub(value, whole.len, value.len);
    }
    if (path.len == 0 || path.at[0] != '/' || str_starts(path, S("//")) ||
        !str_starts(path, base) || (path.len > base.len && path.at[base.len] != '/'))
        return value;
    Str rest = str_sub(path, base.len, path.len);
    return str_fmt(mem, "%.*s%.*s", STR_ARGS(row->prefix), STR_ARGS(rest));
}

static bool comes_down(const void *of, Str name)
{
    static const Str ours[] = {
        S("server"), S("x-powered-by"), S("access-control-"), S("alt-svc"),
        S("strict-transport-security"), S("x-request-id"), S("x-service-"), S("x-internal-"),
        S("x-content-type-options"), S("x-frame-options"), S("referrer-policy"),
        S("content-security-policy"), S("clear-site-data"), S("traceparent"), S("tracestate"),
        S("x-accel-"), S("x-sendfile") };
    const ProxyRow *row = of;

    if (is_among(name, ours, countof(ours)))
        return false;
    return !is_called(name, S("set-cookie")) || (row->pass & PASS_SET_COOKIE) != 0;
}

static bool settle_field(Arena *mem, const ForwardWish *w, Header *h)
{
    if (is_called(h->name, S("location")) || is_called(h->name, S("content-location")))
        h->value = location(mem, w->of, h->value);
    return comes_down(w->of, h->name);
}

/* ---- the handler ------------------------------------------------------------------ */

/* h2c is offered by clients that don't mind (RFC 9113 3.1 took it away); whoever wants
 * another protocol than HTTP is told that there is none. */
static bool check_upgrade(Ctx *cx, const Req *rq)
{
    Str wanted = req_header(rq, S("upgrade"));

    return wanted.len == 0 || str_is_nocase(wanted, S("h2c")) ||
           fail(cx, NOT_IMPLEMENTED, "upgrade=%.*s", (int)(wanted.len < 40 ? wanted.len : 40),
                wanted.at);
}

static bool check_length(Ctx *cx, const ProxyRow *row, const Req *rq)
{
    i64 length = 0;
    Str said = req_header(rq, S("content-length"));

    return said.at == NULL || (str_int(said, &length) && length <= row->body_most) ||
           fail(cx, CONTENT_TOO_LARGE, "length=%.*s", STR_ARGS(said));
}

static Str request_line(Ctx *cx, const ProxyRow *row, const Req *rq, Str rest)
{
    Str base = row->config.urls[0].path;
    bool root = base.len + rest.len == 0;
    Buf b = buf_in(cx->mem, 64 + base.len + rest.len + rq->query.len);

    buf_add(&b, str_of(method_names.at[rq->head ? M_HEAD : rq->method]));
    buf_byte(&b, ' ');
    buf_add(&b, root ? S("/") : base);
    buf_add(&b, rest);
    if (rq->query.at != NULL) {
        buf_byte(&b, '?');
        buf_add(&b, rq->query);
    }
    buf_lit(&b, " HTTP/1.1\r\n");
    return buf_str(&b);
}

static bool is_idempotent(Method m)
{
    return m == M_GET || m == M_PUT || m == M_DELETE;
}

/* Who can't be found is nobody there. */
static bool learn_if_can(Ctx *cx, const Req *rq)
{
    if (!guard_learn(cx, rq))
        fault_clear(cx);
    return true;
}

/* One token is not nobody's at first and somebody's later. */
static bool check_open(Ctx *cx, Req *rq)
{
    if (!guard_pass(cx, rq, OPEN))
        return false;
    if (rq->looked_up || !guard_unsure(cx, rq))
        return true;
    rq->reply.learn = learn_if_can;
    return fail(cx, BUSY, "foreign token: not seen within the last minute");
}

/* Who is not remembered is looked up by a worker, and then this is asked again. */
static bool check_asker(Ctx *cx, Req *rq, const ProxyRow *row)
{
    if (row->access == PROXY_OPEN)
        return check_open(cx, rq);
    if (guard_pass(cx, rq, SIGNED_IN | row->scope))
        return true;
    if (cx->fault.code == BUSY)
        rq->reply.learn = guard_learn;
    return false;
}

static bool pass(Ctx *cx, Req *rq, const ProxyRow *row)
{
    Str rest;

    if (!pace_address(cx, rq->peer) || !check_asker(cx, rq, row) ||
        !pace_person(cx) ||
        !proxy_path_rest(cx, row, rq->path, &rest) || !check_upgrade(cx, rq) ||
        !check_length(cx, row, rq))
        return false;
    ForwardWish wish = {
        .to = row->up, .line = request_line(cx, row, rq, rest),
        .fields = fields_up(cx, row, rq), .again = is_idempotent(rq->method),
        .body_most = row->body_most, .no_cache_said = S("no-store"), .passes = settle_field,
        .trailer_up = goes_up, .trailer_down = comes_down, .of = row };
    return reply_forward(cx, rq, &wish);
}

bool proxy_pass(Ctx *cx, Req *rq)
{
    if (!proxy_any())
        return fail(cx, NOT_FOUND, "no PROXY_FILE");
    if (!proxy_path_check(cx, rq))
        return false;
    const ProxyRow *row = proxy_take(rq->path);
    if (row == NULL)
        return fail(cx, NOT_FOUND, "no upstream has this path");
    bool good = pass(cx, rq, row);
    proxy_done(row);
    return good;
}

/* ---- breakers ---------------------------------------------------------------------- */

static const char *const state_words[] = { [BREAKER_CLOSED] = "closed", [BREAKER_OPEN] = "open",
                                           [BREAKER_HALF_OPEN] = "half-open" };
static const Names state_names = { state_words, countof(state_words) };

const Shape breaker_out_shape = SHAPE(BreakerOut,
    TEXT(BreakerOut, name, 1, 40, 0, "the upstream"),
    TEXT(BreakerOut, prefix, 1, 200, 0, "whose paths it has"),
    NAME(BreakerOut, state, &state_names, 0, "closed: it is asked; open: it is not; half-open: one probe is out"),
    NUMBER(BreakerOut, failures, 0, INT64_MAX, 0, 0, "within the present window"),
    NUMBER(BreakerOut, successes, 0, INT64_MAX, 0, 0, "within the present window"),
    NUMBER(BreakerOut, opened, 0, INT64_MAX, 0, 0, "times that it opened since the start"),
    NUMBER(BreakerOut, retryAfterMs, 0, INT64_MAX, 0, 0, "until it is probed"),
    NUMBER(BreakerOut, connections, 0, INT64_MAX, 0, 0, "to it, idle ones too"),
    NUMBER(BreakerOut, waiting, 0, INT64_MAX, 0, 0, "requests that wait for a connection"));

const Shape breaker_reset_shape = SHAPE(BreakerReset,
    TEXT(BreakerReset, name, 1, 40, OPTIONAL, "one upstream; all without it"));
const Shape breakers_reset_shape = SHAPE(BreakersReset,
    NUMBER(BreakersReset, reset, 0, UPSTREAMS_MOST, 0, 0, "breakers that were closed"));

bool breaker_index(Ctx *cx, Req *rq)
{
    int n;
    const ProxyRow **rows = proxy_rows(cx->mem, &n);
    BreakerOut *out = make(cx->mem, BreakerOut, n + 1);

    for (int i = 0; i < n; i++) {
        Upstream *up = rows[i]->up;
        BreakerView v = breaker_view(&up->breaker, mono_now());
        out[i] = (BreakerOut){ rows[i]->name, rows[i]->prefix, (int)v.state, v.bad, v.good,
                               v.opened, v.wait_ms, up->counts.open, up->counts.waiting };
    }
    bool good = reply_list(cx, rq, &breaker_out_shape, out, n, UPSTREAMS_MOST, (Str){ 0 });
    proxy_rows_done(rows, n);
    return good;
}

bool breaker_reset_http(Ctx *cx, Req *rq)
{
    int n;
    BreakerReset in = { 0 };
    BreakersReset out = { 0 };

    if (rq->body.len > 0 && !req_read(cx, rq, &breaker_reset_shape, &in))
        return false;
    const ProxyRow **rows = proxy_rows(cx->mem, &n);
    for (int i = 0; i < n; i++) {
        if (in.name.at != NULL && !str_is(in.name, rows[i]->name))
            continue;
        breaker_reset(&rows[i]->up->breaker);
        out.reset++;
    }
    proxy_rows_done(rows, n);
    if (in.name.at != NULL && out.reset == 0)
        return fail(cx, NOT_FOUND, "no such upstream");
    return reply(cx, rq, 200, &breakers_reset_shape, &out);
}
