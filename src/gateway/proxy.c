/* proxy.c - all mistakes of the file are told at once, each with its place. The name of
 * an upstream becomes a label of metrics, so it is a word.
 *
 * A table is read whole and takes the place of the one before while requests go through it;
 * a request holds its row, which lives as long as the row's upstream does.
 *
 * A forbidden beginning is compared without case and without a segment's end: /admin also
 * keeps /Admin.json and /admin-tools away. */
#include "gateway/proxy.h"
#include "access/scope.h"
#include "base/file.h"
#include "base/shape.h"
#include "base/lock.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 1 << 20, URLS_MOST_LETTERS = 4000 };

static struct { Lock lock; ProxyTable *now; } own = { .lock = LOCK_OF(RANK_BUS) };

/* ---- the file ------------------------------------------------------------------- */

/* A row as it is written. */
typedef struct RowIn {
    Str name, prefix, urls, audience, scope, pass, forbid, caFile, certFile, keyFile;
    int access;
    i64 connectMs, firstByteMs, idleMs, keepMs, bodyLimit, connections;
    i64 breakerFailures, breakerWindowMs, breakerOpenMs;
} RowIn;
typedef struct FileIn { List upstreams; } FileIn;

static const char *const access_words[] = { "signed-in", "open" };
static const Names access_names = { access_words, countof(access_words) };

static const Shape row_shape = SHAPE(RowIn,
    TEXT(RowIn, name, 1, 40, 0, "small letters, digits and -"),
    TEXT(RowIn, prefix, 1, 200, 0, "/api or a path below it"),
    TEXT(RowIn, urls, 1, URLS_MOST_LETTERS, 0, "comma separated, alike but for host and port"),
    TEXT(RowIn, audience, 1, 100, OPTIONAL, "the service that tokens are for; the name"),
    NAME(RowIn, access, &access_names, OPTIONAL, "who may"),
    TEXT(RowIn, scope, 1, 40, OPTIONAL, "what a service or an API key needs; proxy:*"),
    TEXT(RowIn, pass, 0, 200, OPTIONAL, "of: authorization, cookie, set-cookie"),
    TEXT(RowIn, forbid, 0, 1000, OPTIONAL, "beginnings that are refused"),
    TEXT(RowIn, caFile, 0, 500, OPTIONAL, "who signs its certificate"),
    TEXT(RowIn, certFile, 0, 500, OPTIONAL, "ours, where it wants one"),
    TEXT(RowIn, keyFile, 0, 500, OPTIONAL, "and its key"),
    NUMBER(RowIn, connectMs, 1, 60000, 2000, OPTIONAL, "for a connection, waiting for one too"),
    NUMBER(RowIn, firstByteMs, 1, 600000, 30000, OPTIONAL, "for the head of the answer"),
    NUMBER(RowIn, idleMs, 1, 600000, 30000, OPTIONAL, "between two parts"),
    NUMBER(RowIn, keepMs, 1, 600000, 4000, OPTIONAL, "an idle connection; less than it does"),
    NUMBER(RowIn, bodyLimit, 0, (i64)1 << 40, 10 << 20, OPTIONAL, "bytes of a request's body"),
    NUMBER(RowIn, connections, 1, 10000, 256, OPTIONAL, "at most, from this node"),
    NUMBER(RowIn, breakerFailures, 1, 1000000, 5, OPTIONAL, "that open the breaker"),
    NUMBER(RowIn, breakerWindowMs, 100, 600000, 10000, OPTIONAL, "within"),
    NUMBER(RowIn, breakerOpenMs, 10, 600000, 5000, OPTIONAL, "until a probe"));

static const Shape file_shape = SHAPE(FileIn,
    LIST(FileIn, upstreams, &row_shape, 0, UPSTREAMS_MOST, 0, "the table"));

static bool is_word(Str s)
{
    for (isize i = 0; i < s.len; i++)
        if (!((s.at[i] >= 'a' && s.at[i] <= 'z') || (s.at[i] >= '0' && s.at[i] <= '9') ||
              s.at[i] == '-'))
            return false;
    return true;
}

/* RFC 3986's unreserved letters and the slash; no segment is empty or dots. */
static bool is_plain(Str path)
{
    Str rest = path, segment;

    for (isize i = 0; i < path.len; i++) {
        char c = path.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_' || c == '/' || c == '.' || c == '~'))
            return false;
    }
    if (path.len == 0 || str_cut(&rest, '/').len != 0)
        return false;
    while (rest.at != NULL) {
        segment = str_cut(&rest, '/');
        if ((segment.len == 0 && rest.at != NULL) || str_is(segment, S(".")) ||
            str_is(segment, S("..")))
            return false;
    }
    return true;
}

static bool read_pass(Ctx *cx, Str place, Str words, unsigned *out)
{
    static const char *const known[] = { "authorization", "cookie", "set-cookie" };
    bool good = true;

    while (words.len > 0) {
        Str w = str_trim(str_cut(&words, ','));
        int bit = -1;
        for (int i = 0; i < (int)countof(known); i++)
            if (str_is(w, str_of(known[i])))
                bit = i;
        if (bit < 0)
            good = fail_field(cx, place, "'%.*s' is none of authorization, cookie, set-cookie",
                              STR_ARGS(w));
        else
            *out |= 1u << bit;
    }
    return good;
}

static bool read_urls(Ctx *cx, Str place, Str text, UpstreamConfig *c)
{
    Url *urls = make(cx->mem, Url, ENDPOINTS_MOST);
    int n = 0;

    while (text.len > 0) {
        Str one = str_trim(str_cut(&text, ','));
        if (n == ENDPOINTS_MOST)
            return fail_field(cx, place, "has more than %d", ENDPOINTS_MOST);
        if (!url_read(cx->mem, one, &urls[n]))
            return fail_field(cx, place, "'%.*s' is no http://host:port/path", STR_ARGS(one));
        if (n > 0 && (urls[n].secure != urls[0].secure || !str_is(urls[n].path, urls[0].path)))
            return fail_field(cx, place, "must be alike but for host and port");
        n++;
    }
    c->urls = urls;
    c->url_count = n;
    return n > 0 || fail_field(cx, place, "names none");
}

static UpstreamConfig config_of(const RowIn *in)
{
    return (UpstreamConfig){
        .name = in->name, .ca_file = in->caFile, .cert_file = in->certFile,
        .key_file = in->keyFile, .connect_within = { in->connectMs },
        .first_within = { in->firstByteMs }, .idle_within = { in->idleMs },
        .kept = { in->keepMs }, .lines_most = in->connections,
        .breaker = { in->breakerFailures, { in->breakerWindowMs }, { in->breakerOpenMs } } };
}

static Str place(Ctx *cx, int i, const char *what)
{
    return str_fmt(cx->mem, "upstreams[%d].%s", i, what);
}

static bool check_row(Ctx *cx, const ProxyRow *rows, int i, const RowIn *in)
{
    bool good = true;
    Str p = in->prefix;

    if (!is_word(in->name))
        good = fail_field(cx, place(cx, i, "name"), "must be small letters, digits and -");
    if (!is_plain(p) || str_ends(p, S("/")) ||
        !(str_is(p, S("/api")) || str_starts(p, S("/api/"))))
        good = fail_field(cx, place(cx, i, "prefix"), "must be /api or a path below it");
    if ((in->certFile.len > 0) != (in->keyFile.len > 0))
        good = fail_field(cx, place(cx, i, "certFile"), "goes with keyFile");
    for (int k = 0; k < i; k++) {
        if (str_is(rows[k].name, in->name))
            good = fail_field(cx, place(cx, i, "name"), "is there twice");
        if (str_is(rows[k].prefix, p))
            good = fail_field(cx, place(cx, i, "prefix"), "is there twice");
    }
    return good;
}

static bool read_row(Ctx *cx, ProxyRow *rows, int i, const RowIn *in)
{
    ProxyRow *row = &rows[i];
    bool good = check_row(cx, rows, i, in);

    *row = (ProxyRow){ .name = in->name, .prefix = in->prefix, .urls = in->urls,
        .audience = in->audience.len > 0 ? in->audience : in->name,
        .forbid = in->forbid.at != NULL ? in->forbid : S("/admin, /internal"),
        .access = (ProxyAccess)in->access, .body_most = in->bodyLimit,
        .config = config_of(in) };
    row->scope = in->scope.at == NULL ? MAY_PROXY : scope_find(in->scope);
    if (row->scope == 0)
        good = fail_field(cx, place(cx, i, "scope"), "is no scope");
    good &= read_pass(cx, place(cx, i, "pass"), in->pass, &row->pass);
    return read_urls(cx, place(cx, i, "urls"), in->urls, &row->config) && good;
}

static Str mistakes(Ctx *cx, Str file)
{
    Buf b = buf_in(cx->mem, 200);

    buf_fmt(&b, "PROXY_FILE %.*s", STR_ARGS(file));
    for (const FieldError *e = cx->fault.fields; e != NULL; e = e->next)
        buf_fmt(&b, "%s %.*s %.*s", e == cx->fault.fields ? ":" : ";", STR_ARGS(e->field),
                STR_ARGS(e->message));
    if (cx->fault.fields == NULL)
        buf_fmt(&b, ": %s", cx->fault.why);
    return buf_str(&b);
}

ProxyRow *proxy_read(Arena *mem, Str file, int *count, Str *why)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    FileIn in = { 0 };
    Str text;

    *count = 0;
    if (file.len == 0)
        return make(mem, ProxyRow, 1);
    if (!file_read(mem, file, FILE_MOST, &text)) {
        *why = str_fmt(mem, "PROXY_FILE %.*s: %s", STR_ARGS(file), strerror(errno));
        return NULL;
    }
    bool good = shape_read(&cx, &file_shape, text, &in);
    ProxyRow *rows = make(mem, ProxyRow, in.upstreams.count + 1);
    for (int i = 0, n = good ? (int)in.upstreams.count : 0; i < n; i++)
        good &= read_row(&cx, rows, i, (const RowIn *)in.upstreams.at + i);
    if (!good) {
        *why = mistakes(&cx, file);
        return NULL;
    }
    *count = (int)in.upstreams.count;
    return rows;
}

/* ---- the table in use ---------------------------------------------------------- */

/* A file that can't be read is found when its upstream is opened. */
static void add_file(Arena *raw, Buf *b, Str path)
{
    Str text = S("");

    if (path.len > 0 && !file_read(raw, path, FILE_MOST, &text))
        text = S("");
    buf_fmt(b, "%.*s %td ", STR_ARGS(path), text.len);
    buf_add(b, text);
}

static Digest mark_of(const ProxyRow *r)
{
    const UpstreamConfig *c = &r->config;
    const Str texts[] = { r->name, r->prefix, r->urls, r->audience, r->forbid };
    const i64 numbers[] = { r->access, r->scope, r->pass, r->body_most, c->connect_within.ms,
        c->first_within.ms, c->idle_within.ms, c->kept.ms, c->lines_most, c->breaker.failures,
        c->breaker.window.ms, c->breaker.open.ms };
    Arena raw = { 0 };                            /* a private key is among it */
    Buf b = buf_in(&raw, 1024);

    for (isize i = 0; i < countof(texts); i++)
        buf_fmt(&b, "%td %.*s ", texts[i].len, STR_ARGS(texts[i]));
    for (isize i = 0; i < countof(numbers); i++)
        buf_fmt(&b, "%jd ", (intmax_t)numbers[i]);
    add_file(&raw, &b, c->ca_file);
    add_file(&raw, &b, c->cert_file);
    add_file(&raw, &b, c->key_file);
    Digest d = sha256(buf_str(&b));
    arena_wipe(&raw);
    return d;
}

/* The row of the table in use that says the same, held. */
static ProxyRow *take_same(const Digest *mark)
{
    ProxyRow *row = NULL;

    lock(&own.lock);
    for (int i = 0; own.now != NULL && i < own.now->count && row == NULL; i++)
        if (same_bytes(own.now->rows[i]->mark.b, mark->b, SHA256_BYTES))
            row = own.now->rows[i];
    if (row != NULL)
        upstream_hold(row->up);
    unlock(&own.lock);
    return row;
}

static ProxyRow *open_row(Arena *mem, const ProxyRow *read, Str *why)
{
    Str reason = { 0 };
    Upstream *up = upstream_open(mem, &read->config, &reason);

    if (up == NULL) {
        *why = str_fmt(mem, "PROXY_FILE: upstream %.*s: %.*s", STR_ARGS(read->name),
                       STR_ARGS(reason));
        return NULL;
    }
    ProxyRow *row = make(&up->mem, ProxyRow, 1);
    Str *texts[] = { &row->name, &row->prefix, &row->urls, &row->audience, &row->forbid };
    *row = *read;
    for (isize i = 0; i < countof(texts); i++)
        *texts[i] = str_copy(&up->mem, *texts[i]);
    row->config = up->config;
    row->up = up;
    return row;
}

void proxy_drop(ProxyTable *t)
{
    for (int i = 0; t != NULL && i < t->count; i++)
        upstream_let_go(t->rows[i]->up);
    free(t);
}

ProxyTable *proxy_table(Arena *mem, Str file, Str *why)
{
    int n;
    ProxyRow *read = proxy_read(mem, file, &n, why);
    ProxyTable *t = read == NULL ? NULL : calloc(1, sizeof *t);

    if (read == NULL)
        return NULL;
    must(t != NULL);
    for (int i = 0; i < n; i++) {
        read[i].mark = mark_of(&read[i]);
        ProxyRow *row = take_same(&read[i].mark);
        if (row == NULL && (row = open_row(mem, &read[i], why)) == NULL) {
            proxy_drop(t);
            return NULL;
        }
        t->rows[t->count++] = row;
    }
    return t;
}

static bool is_in(const ProxyTable *t, const ProxyRow *row)
{
    for (int i = 0; t != NULL && i < t->count; i++)
        if (t->rows[i] == row)
            return true;
    return false;
}

ProxyChange proxy_use(ProxyTable *t)
{
    ProxyChange c = { 0 };

    lock(&own.lock);
    ProxyTable *old = own.now;
    own.now = t;
    unlock(&own.lock);
    for (int i = 0; old != NULL && i < old->count; i++) {
        bool kept = is_in(t, old->rows[i]);
        c.kept += kept;
        c.ended += !kept;
        (kept ? upstream_let_go : upstream_retire)(old->rows[i]->up);
    }
    c.opened = t == NULL ? 0 : t->count - c.kept;
    free(old);
    upstreams_start();
    return c;
}

bool proxy_open(Arena *mem, Str file, Str *why)
{
    ProxyTable *t = proxy_table(mem, file, why);

    if (t != NULL)
        proxy_use(t);
    return t != NULL;
}

void proxy_close(void)
{
    upstreams_close();
    proxy_use(NULL);
}

const ProxyRow **proxy_rows(Arena *mem, int *count)
{
    const ProxyRow **rows = make(mem, const ProxyRow *, UPSTREAMS_MOST);

    *count = 0;
    lock(&own.lock);
    for (int i = 0; own.now != NULL && i < own.now->count; i++) {
        rows[i] = own.now->rows[i];
        upstream_hold(rows[i]->up);
        *count = i + 1;
    }
    unlock(&own.lock);
    return rows;
}

void proxy_rows_done(const ProxyRow **rows, int count)
{
    for (int i = 0; i < count; i++)
        proxy_done(rows[i]);
}

/* ---- paths ----------------------------------------------------------------------- */

static bool has_prefix(Str path, Str prefix)
{
    return str_starts(path, prefix) && (path.len == prefix.len || path.at[prefix.len] == '/');
}

const ProxyRow *proxy_take(Str path)
{
    const ProxyRow *best = NULL;

    lock(&own.lock);
    for (int i = 0; own.now != NULL && i < own.now->count; i++) {
        const ProxyRow *row = own.now->rows[i];
        if (has_prefix(path, row->prefix) && (best == NULL || row->prefix.len > best->prefix.len))
            best = row;
    }
    if (best != NULL)
        upstream_hold(best->up);
    unlock(&own.lock);
    return best;
}

bool proxy_any(void)
{
    lock(&own.lock);
    bool any = own.now != NULL && own.now->count > 0;
    unlock(&own.lock);
    return any;
}

void proxy_done(const ProxyRow *row) { upstream_let_go(row->up); }

/* What had to be settled to find a route is not what would be passed on. The target is
 * the path itself, or ends in it where it is a whole address. */
bool proxy_path_check(Ctx *cx, const Req *rq)
{
    Str target = rq->target, raw = str_cut(&target, '?');
    bool same = raw.len > 0 && raw.at[0] == '/' ? str_is(raw, rq->path)
                                                 : str_ends(raw, rq->path);

    return (same && is_plain(rq->path)) ||
           fail(cx, INVALID_PATH, "path=%.*s", (int)(raw.len < 100 ? raw.len : 100), raw.at);
}

static bool starts_nocase(Str s, Str with)
{
    return str_is_nocase(str_sub(s, 0, with.len), with);
}

bool proxy_path_rest(Ctx *cx, const ProxyRow *row, Str path, Str *rest)
{
    Str forbidden = row->forbid;

    *rest = str_sub(path, row->prefix.len, path.len);
    while (forbidden.len > 0) {
        Str f = str_trim(str_cut(&forbidden, ','));
        if (f.len > 0 && starts_nocase(*rest, f))
            return fail(cx, FORBIDDEN_PATH, "%.*s forbids %.*s", STR_ARGS(row->name),
                        STR_ARGS(f));
    }
    return true;
}
