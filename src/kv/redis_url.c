/* redis_url.c - see redis_url.h. The part before the first '@' is secret, so a raw '@' in
 * a password is refused as a wrong host and not guessed at. */
#include "kv/redis_url.h"

enum { PORT_USUAL = 6379, DB_MOST = 65535 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool percent_decode(Arena *mem, Str s, Str *out)
{
    char *to = make(mem, char, s.len + 1);
    isize n = 0;

    for (isize i = 0; i < s.len; i++) {
        if (s.at[i] != '%') {
            to[n++] = s.at[i];
            continue;
        }
        int high = i + 2 < s.len ? hex_digit(s.at[i + 1]) : -1;
        int low = i + 2 < s.len ? hex_digit(s.at[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        to[n++] = (char)(high << 4 | low);
        i += 2;
    }
    *out = (Str){ to, n };
    return true;
}

static bool read_db(Str s, i64 *db)
{
    return str_int(s, db) && *db >= 0 && *db <= DB_MOST;
}

/* "user:password@": cuts it off what is left. */
static bool read_who(Arena *mem, Str *left, RedisAddress *a)
{
    isize at = str_find(*left, '@');

    if (at < 0)
        return true;
    Str password = str_sub(*left, 0, at), user = str_cut(&password, ':');
    *left = str_sub(*left, at + 1, left->len);
    if (password.len == 0 || !percent_decode(mem, password, &a->password))
        return false;
    return user.len == 0 || percent_decode(mem, user, &a->user);
}

static bool read_place(Str place, RedisAddress *a)
{
    bool bracketed = str_starts(place, S("["));
    Str port = place, host = str_cut(&port, bracketed ? ']' : ':');
    i64 n = PORT_USUAL;

    a->host = bracketed ? str_sub(host, 1, host.len) : host;
    if (bracketed && port.at == NULL)
        return false;
    if (bracketed && port.len > 0) {
        if (port.at[0] != ':')
            return false;
        port = str_sub(port, 1, port.len);
    }
    if (port.len > 0 && (!str_int(port, &n) || n < 1 || n > 65535))
        return false;
    a->port = (int)n;
    return a->host.len > 0 && str_find(a->host, '@') < 0;
}

static bool read_options(Arena *mem, Str options, RedisAddress *a)
{
    while (options.len > 0) {
        Str value = str_cut(&options, '&'), name = str_cut(&value, '=');
        if (str_is(name, S("db")) && a->port == 0 && read_db(value, &a->db))
            continue;
        if (str_is(name, S("ca")) && a->tls && value.len > 0 &&
            percent_decode(mem, value, &a->ca))
            continue;
        return false;
    }
    return true;
}

static bool read_socket(Arena *mem, Str left, RedisAddress *a)
{
    Str options = left, place = str_cut(&options, '?');

    if (str_starts(place, S("//"))) {
        place = str_sub(place, 2, place.len);
        if (!read_who(mem, &place, a))
            return false;
    }
    a->host = place;
    return str_starts(place, S("/")) && read_options(mem, options, a);
}

static bool read_server(Arena *mem, Str left, RedisAddress *a)
{
    Str options = left, db = str_cut(&options, '?');

    if (!read_who(mem, &db, a) || !read_place(str_cut(&db, '/'), a))
        return false;
    return (db.len == 0 || read_db(db, &a->db)) && read_options(mem, options, a);
}

bool redis_address_read(Arena *mem, Str url, RedisAddress *out, Str *why)
{
    Str left = str_copy(mem, url), scheme = str_cut(&left, ':');
    bool good;

    *out = (RedisAddress){ .tls = str_is(scheme, S("rediss")) };
    if (str_is(scheme, S("unix")))
        good = read_socket(mem, left, out);
    else
        good = str_starts(left, S("//")) &&
               read_server(mem, str_sub(left, 2, left.len), out);
    if (!good)
        *why = str_fmt(mem,
                       "REDIS_URL: not of the form %s; what is special in a password is"
                       " percent-encoded", str_is(scheme, S("unix"))
                       ? "unix:/PATH?db=N" : out->tls
                       ? "rediss://USER:PASSWORD@HOST:PORT/DB?ca=FILE"
                       : "redis://USER:PASSWORD@HOST:PORT/DB");
    return good;
}

Str redis_address_str(Arena *mem, const RedisAddress *a)
{
    if (a->port == 0)
        return a->host;
    bool v6 = str_find(a->host, ':') >= 0;
    return str_fmt(mem, v6 ? "[%.*s]:%d" : "%.*s:%d", STR_ARGS(a->host), a->port);
}
