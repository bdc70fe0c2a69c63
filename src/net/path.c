/* path.c - decoded first, then the dots, so that %2e%2e is what it will be taken for.
 * An encoded slash has two readings (a separator or not), so it is refused. */
#include "net/head.h"

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that the escape at s.at[i] stands for, -1 when it is none. */
static int escape_at(Str s, isize i)
{
    if (i + 2 >= s.len)
        return -1;
    int high = hex_value(s.at[i + 1]), low = hex_value(s.at[i + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool is_settled(Str s)
{
    for (isize i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (c == '%' || c == '\\' || (u8)c <= ' ' || (u8)c > '~' ||
            (c == '.' && i > 0 && s.at[i - 1] == '/'))
            return false;
    }
    return true;
}

static bool decode(Arena *mem, Str raw, Str *out)
{
    char *to = make(mem, char, raw.len + 1);
    isize n = 0;

    for (isize i = 0; i < raw.len; i++) {
        int c = (u8)raw.at[i];
        if (c == '%') {
            c = escape_at(raw, i);
            i += 2;
            if (c == '/')
                return false;
        }
        if (c < ' ' || c == 0x7f || c == '\\')
            return false;
        to[n++] = (char)c;
    }
    *out = (Str){ to, n };
    return str_utf8(*out);
}

/* Takes the last segment off the path that is being made: "/a/b/" becomes "/a/". */
static isize step_up(const char *at, isize n)
{
    n--;
    while (n > 0 && at[n - 1] != '/')
        n--;
    return n;
}

/* Walks the segments of `in` (it begins with '/') and writes what stays. */
static bool remove_dots(Arena *mem, Str in, Str *out)
{
    char *to = make(mem, char, in.len + 1);
    isize n = 1;
    Str rest = str_sub(in, 1, in.len);

    to[0] = '/';
    while (rest.at != NULL) {
        Str segment = str_cut(&rest, '/');
        bool up = str_is(segment, S(".."));
        if (up && n == 1)
            return false;
        if (up)
            n = step_up(to, n);
        if (up || str_is(segment, S(".")))
            continue;
        for (isize i = 0; i < segment.len; i++)
            to[n++] = segment.at[i];
        if (rest.at != NULL)
            to[n++] = '/';
    }
    *out = (Str){ to, n };
    return true;
}

bool path_settle(Arena *mem, Str raw, Str *out)
{
    Str decoded;

    if (raw.len == 0 || raw.at[0] != '/')
        return false;
    if (is_settled(raw)) {
        *out = raw;
        return true;
    }
    return decode(mem, raw, &decoded) && remove_dots(mem, decoded, out);
}

bool query_decode(Arena *mem, Str raw, Str *out)
{
    char *to = make(mem, char, raw.len + 1);
    isize n = 0;

    for (isize i = 0; i < raw.len; i++) {
        int c = raw.at[i] == '%' ? escape_at(raw, i) : -1;
        if (c >= 0)
            i += 2;
        else
            c = raw.at[i] == '+' ? ' ' : raw.at[i];
        to[n++] = (char)c;
    }
    *out = (Str){ to, n };
    return str_utf8(*out);
}
