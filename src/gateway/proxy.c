/* proxy.c - a table is read whole and takes the place of the one before while requests go
 * through it; a request holds its row, which lives as long as the row's upstream does.
 *
 * A forbidden beginning is compared without case and without a segment's end: /admin also
 * keeps /Admin.json and /admin-tools away. */
#include "gateway/proxy.h"
#include "base/file.h"
#include "base/lock.h"
#include <stdlib.h>
#include <string.h>

enum { TLS_FILE_MOST = 1 << 20 };

static struct {
    Lock lock;
    ProxyTable *now;
    _Atomic bool any;
} own = { .lock = LOCK_OF(RANK_BUS) };

/* ---- the table in use ---------------------------------------------------------- */

/* A file that can't be read is found when its upstream is opened. */
static void add_file(Arena *raw, Buf *b, Str path)
{
    Str text = S("");

    if (path.len > 0 && !file_read(raw, path, TLS_FILE_MOST, &text))
        text = S("");
    buf_fmt(b, "%.*s %td ", STR_ARGS(path), text.len);
    buf_add(b, text);
}

static Digest mark_of(const ProxyRow *r)
{
    const UpstreamConfig *c = &r->config;
    const Str texts[] = { r->name, r->prefix, r->urls, r->audience, r->forbid };
    const i64 numbers[] = { r->access, r->scope, r->pass, r->body_most,
                            c->connect_within.ms,
        c->first_within.ms, c->idle_within.ms, c->kept.ms, c->lines_most,
        c->breaker.failures, c->breaker.window.ms, c->breaker.open.ms };
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
    own.any = t != NULL && t->count > 0;
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
    return str_starts(path, prefix) &&
           (path.len == prefix.len || path.at[prefix.len] == '/');
}

const ProxyRow *proxy_take(Str path)
{
    const ProxyRow *best = NULL;

    lock(&own.lock);
    for (int i = 0; own.now != NULL && i < own.now->count; i++) {
        const ProxyRow *row = own.now->rows[i];
        if (has_prefix(path, row->prefix) &&
            (best == NULL || row->prefix.len > best->prefix.len))
            best = row;
    }
    if (best != NULL)
        upstream_hold(best->up);
    unlock(&own.lock);
    return best;
}

bool proxy_any(void) { return own.any; }

void proxy_done(const ProxyRow *row) { upstream_let_go(row->up); }

/* What had to be settled to find a route is not what would be passed on. The target is
 * the path itself, or ends in it where it is a whole address. */
bool proxy_path_check(Ctx *cx, const Req *rq)
{
    Str target = rq->target, raw = str_cut(&target, '?');
    bool same = raw.len > 0 && raw.at[0] == '/' ? str_is(raw, rq->path)
                                                 : str_ends(raw, rq->path);

    return (same && proxy_path_plain(rq->path)) ||
           fail(cx, INVALID_PATH, "path=%.*s", (int)(raw.len < 100 ? raw.len : 100),
                raw.at);
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
