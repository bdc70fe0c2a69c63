/* proxy_file.c - all mistakes of the file are told at once, each with its place. The name
 * of an upstream becomes a label of metrics, so it is a word. */
#include "access/scope.h"
#include "base/file.h"
#include "base/shape.h"
#include "gateway/proxy.h"
#include <errno.h>
#include <string.h>

enum { FILE_MOST = 1 << 20, URLS_MOST_LETTERS = 4000 };

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
    TEXT(RowIn, urls, 1, URLS_MOST_LETTERS, 0,
         "comma separated, alike but for host and port"),
    TEXT(RowIn, audience, 1, 100, OPTIONAL, "the service that tokens are for; the name"),
    NAME(RowIn, access, &access_names, OPTIONAL, "who may"),
    TEXT(RowIn, scope, 1, 40, OPTIONAL, "what a service or an API key needs; proxy:*"),
    TEXT(RowIn, pass, 0, 200, OPTIONAL, "of: authorization, cookie, set-cookie"),
    TEXT(RowIn, forbid, 0, 1000, OPTIONAL, "beginnings that are refused"),
    TEXT(RowIn, caFile, 0, 500, OPTIONAL, "who signs its certificate"),
    TEXT(RowIn, certFile, 0, 500, OPTIONAL, "ours, where it wants one"),
    TEXT(RowIn, keyFile, 0, 500, OPTIONAL, "and its key"),
    NUMBER(RowIn, connectMs, 1, 60000, 2000, OPTIONAL,
           "for a connection, waiting for one too"),
    NUMBER(RowIn, firstByteMs, 1, 600000, 30000, OPTIONAL, "for the head of the answer"),
    NUMBER(RowIn, idleMs, 1, 600000, 30000, OPTIONAL, "between two parts"),
    NUMBER(RowIn, keepMs, 1, 600000, 4000, OPTIONAL,
           "an idle connection; less than it does"),
    NUMBER(RowIn, bodyLimit, 0, (i64)1 << 40, 10 << 20, OPTIONAL,
           "bytes of a request's body"),
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

/* "...", too: there are systems on which each dot more is a folder up. */
static bool is_dots(Str segment)
{
    isize n = 0;

    while (n < segment.len && segment.at[n] == '.')
        n++;
    return n == segment.len;
}

bool proxy_path_plain(Str path)
{
    Str rest = path, segment;

    for (isize i = 0; i < path.len; i++) {
        char c = path.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') ||
              c == '-' || c == '_' || c == '/' || c == '.' || c == '~'))
            return false;
    }
    if (path.len == 0 || str_cut(&rest, '/').len != 0)
        return false;
    while (rest.at != NULL) {
        segment = str_cut(&rest, '/');
        if (is_dots(segment) && (segment.len > 0 || rest.at != NULL))
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
            good = fail_field(cx, place,
                              "'%.*s' is none of authorization, cookie, set-cookie",
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
            return fail_field(cx, place, "'%.*s' is no http://host:port/path",
                              STR_ARGS(one));
        if (n > 0 &&
            (urls[n].secure != urls[0].secure || !str_is(urls[n].path, urls[0].path)))
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
        .breaker = { in->breakerFailures, { in->breakerWindowMs },
                     { in->breakerOpenMs } } };
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
        good = fail_field(cx, place(cx, i, "name"),
                          "must be small letters, digits and -");
    if (!proxy_path_plain(p) || str_ends(p, S("/")) ||
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
