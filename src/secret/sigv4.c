/* sigv4.c - see sigv4.h. The order of everything is by bytes; a value's own spaces are
 * made single, as the specification asks. Keys on the way are wiped. */
#include "secret/sigv4.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUERY_MOST = 32 };

static int by_bytes(Str a, Str b)
{
    isize n = a.len < b.len ? a.len : b.len;
    int c = n > 0 ? memcmp(a.at, b.at, (size_t)n) : 0;

    return c != 0 ? c : a.len < b.len ? -1 : a.len > b.len;
}

static int by_name(const void *a, const void *b)
{
    return by_bytes(((const Header *)a)->name, ((const Header *)b)->name);
}

static int by_text(const void *a, const void *b)
{
    return by_bytes(*(const Str *)a, *(const Str *)b);
}

static Str hex_of(Arena *mem, Digest d)
{
    return hex_write(mem, d.b, SHA256_BYTES);
}

static Str time_text(Arena *mem, Instant at)
{
    time_t s = (time_t)(at.ms / 1000);
    struct tm tm;
    char text[20];

    gmtime_r(&s, &tm);
    strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &tm);
    return str_copy(mem, str_of(text));
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_' || c == '~';
}

static void put_path(Buf *b, Str path)
{
    if (path.len == 0)
        buf_byte(b, '/');
    for (isize i = 0; i < path.len; i++)
        if (is_unreserved(path.at[i]) || path.at[i] == '/')
            buf_byte(b, path.at[i]);
        else
            buf_fmt(b, "%%%02X", (u8)path.at[i]);
}

static void put_query(Buf *b, Str query)
{
    Str parts[QUERY_MOST];
    isize n = 0;

    while (query.len > 0 && n < QUERY_MOST)
        parts[n++] = str_cut(&query, '&');
    qsort(parts, (size_t)n, sizeof parts[0], by_text);
    for (isize i = 0; i < n; i++)
        buf_fmt(b, "%s%.*s%s", i > 0 ? "&" : "", STR_ARGS(parts[i]),
                str_find(parts[i], '=') < 0 ? "=" : "");
}

static void put_value(Buf *b, Str v)
{
    v = str_trim(v);
    for (isize i = 0; i < v.len; i++)
        if (v.at[i] != ' ' || v.at[i - 1] != ' ')
            buf_byte(b, v.at[i]);
}

/* The headers as they are signed, and in *names how they are called. */
static void put_headers(Arena *mem, Buf *b, const Header *all, isize n, Str *names)
{
    Header h[SIGV4_HEADERS_MOST + SIGV4_ADDS];
    Buf list = buf_in(mem, 128);

    for (isize i = 0; i < n; i++)
        h[i] = (Header){ str_lower(mem, all[i].name), all[i].value };
    qsort(h, (size_t)n, sizeof h[0], by_name);
    for (isize i = 0; i < n; i++) {
        buf_fmt(b, "%.*s:", STR_ARGS(h[i].name));
        put_value(b, h[i].value);
        buf_byte(b, '\n');
        buf_fmt(&list, "%s%.*s", i > 0 ? ";" : "", STR_ARGS(h[i].name));
    }
    *names = buf_str(&list);
}

static Digest mac(Digest key, Str text)
{
    return hmac_sha256(key.b, SHA256_BYTES, text);
}

static Digest signing_key(Arena *mem, const SigV4 *s, Str day)
{
    Str first = str_fmt(mem, "AWS4%.*s", (int)s->key.len, (const char *)s->key.at);
    Digest k = hmac_sha256(first.at, first.len, day);

    explicit_bzero((char *)(uintptr_t)first.at, (size_t)first.len);
    k = mac(k, s->region);
    k = mac(k, s->service);
    return mac(k, S("aws4_request"));
}

isize sigv4_sign(Arena *mem, const SigV4 *s, Str method, Str host, Str path, Str query,
                 const Header *headers, isize count, Str body, Header add[SIGV4_ADDS])
{
    Header all[SIGV4_HEADERS_MOST + SIGV4_ADDS];
    Str when = time_text(mem, s->at), day = str_sub(when, 0, 8), names;
    Buf b = buf_in(mem, 512);
    isize n = 0, added = 0;

    must(count <= SIGV4_HEADERS_MOST);
    for (; n < count; n++)
        all[n] = headers[n];
    add[added++] = (Header){ S("X-Amz-Date"), when };
    if (s->session.len > 0)
        add[added++] = (Header){ S("X-Amz-Security-Token"), s->session };
    for (isize i = 0; i < added; i++)
        all[n++] = add[i];
    all[n++] = (Header){ S("Host"), host };

    buf_fmt(&b, "%.*s\n", STR_ARGS(method));
    put_path(&b, path);
    buf_byte(&b, '\n');
    put_query(&b, query);
    buf_byte(&b, '\n');
    put_headers(mem, &b, all, n, &names);
    buf_fmt(&b, "\n%.*s\n%.*s", STR_ARGS(names), STR_ARGS(hex_of(mem, sha256(body))));

    Str scope = str_fmt(mem, "%.*s/%.*s/%.*s/aws4_request", STR_ARGS(day),
                        STR_ARGS(s->region), STR_ARGS(s->service));
    Str text = str_fmt(mem, "AWS4-HMAC-SHA256\n%.*s\n%.*s\n%.*s", STR_ARGS(when),
                       STR_ARGS(scope), STR_ARGS(hex_of(mem, sha256(buf_str(&b)))));
    Digest key = signing_key(mem, s, day);
    Str signature = hex_of(mem, mac(key, text));
    wipe(&key, sizeof key);
    add[added++] = (Header){ S("Authorization"),
        str_fmt(mem, "AWS4-HMAC-SHA256 Credential=%.*s/%.*s, SignedHeaders=%.*s, "
                     "Signature=%.*s",
                STR_ARGS(s->key_id), STR_ARGS(scope), STR_ARGS(names),
                STR_ARGS(signature)) };
    return added;
}
