/* config_source.c - every text that may hold a secret is read into one memory of its own,
 * which is wiped when the settings are settled.
 *
 * NAME_FILE is what Docker and systemd (LoadCredential) give: the path of a file whose
 * whole text is the value, without the newline at its end. Given beside NAME in the
 * environment it is a mistake: one of the two is stale, and nobody could say which. */
#include "base/config_source.h"
#include "base/file.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MOST = 1 << 20, VALUE_MOST = 64 << 10 };

static const ConfigPair *find_pair(const ConfigPair *p, const char *name)
{
    const ConfigPair *last = NULL;

    for (; p != NULL; p = p->next)
        if (str_is(p->name, str_of(name)) && p->value.len > 0)
            last = p;
    return last;
}

Found source_find(const Sources *s, const char *name)
{
    const ConfigPair *const places[] = { s->named, s->file, s->folder, s->away, s->kept };
    Str v = str_of(getenv(name));

    for (isize i = 0; i < s->given_count; i++)
        if (strcmp(s->given[i].name, name) == 0)
            return (Found){ s->given[i].value, S("command line") };
    if (v.len > 0)
        return (Found){ v, S("environment") };
    for (isize i = 0; i < countof(places); i++) {
        const ConfigPair *p = find_pair(places[i], name);
        if (p != NULL)
            return (Found){ p->value, p->from };
    }
    return (Found){ { 0 }, { 0 } };
}

/* ---- lines of NAME=value --------------------------------------------------- */

static bool good_name(Str s)
{
    for (isize i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
              (i > 0 && c >= '0' && c <= '9')))
            return false;
    }
    return s.len > 0;
}

/* "quoted" and 'quoted' hold anything, a bare value ends before " #". */
static Str unquote(Str v)
{
    v = str_trim(v);
    if (v.len >= 2 && (v.at[0] == '"' || v.at[0] == '\'')) {
        isize end = str_find(str_sub(v, 1, v.len), v.at[0]);
        if (end >= 0)
            return str_sub(v, 1, end + 1);
    }
    for (isize i = 0; i < v.len; i++)
        if (v.at[i] == '#' && (i == 0 || v.at[i - 1] == ' ' || v.at[i - 1] == '\t'))
            return str_trim(str_sub(v, 0, i));
    return v;
}

static bool is_open_quote(Str v)
{
    return v.len > 0 && (v.at[0] == '"' || v.at[0] == '\'') &&
           str_find(str_sub(v, 1, v.len), v.at[0]) < 0;
}

static ConfigPair *parse(Sources *s, Str path, Str text, Str from)
{
    ConfigPair *first = NULL, **last = &first;

    for (int line = 1; text.at != NULL; line++) {
        Str l = str_cut(&text, '\n');
        if (str_ends(l, S("\r")))
            l.len--;
        l = str_trim(l);
        if (l.len == 0 || l.at[0] == '#')
            continue;
        if (str_starts(l, S("export ")))
            l = str_trim(str_sub(l, 7, l.len));
        Str name = str_trim(str_cut(&l, '='));
        if (l.at == NULL || !good_name(name)) {
            buf_fmt(s->mistakes, "%.*s line %d: expected NAME=value\n", STR_ARGS(path),
                    line);
            continue;
        }
        if (is_open_quote(str_trim(l))) {
            buf_fmt(s->mistakes, "%.*s line %d: %.*s: its quote is not closed\n",
                    STR_ARGS(path), line, STR_ARGS(name));
            continue;
        }
        *last = make(s->raw, ConfigPair, 1);
        **last = (ConfigPair){ NULL, name, unquote(l), from };
        last = &(*last)->next;
    }
    return first;
}

ConfigPair *source_read(Sources *s, Str path, Str from)
{
    Str text;

    if (file_read(s->raw, path, FILE_MOST, &text))
        return parse(s, path, text, from);
    if (errno != ENOENT)
        buf_fmt(s->mistakes, "%.*s: %s\n", STR_ARGS(path), strerror(errno));
    return NULL;
}

/* ---- one file a setting ------------------------------------------------------ */

static void add(Sources *s, ConfigPair **list, const char *name, Str value, Str from)
{
    ConfigPair *p = make(s->raw, ConfigPair, 1);

    *p = (ConfigPair){ *list, str_of(name), value, from };
    *list = p;
}

/* Editors and `echo` end a file with a newline that nobody means. */
static bool read_value(Sources *s, Str path, Str *out)
{
    if (!file_read(s->raw, path, VALUE_MOST, out))
        return false;
    if (str_ends(*out, S("\n")))
        out->len--;
    if (str_ends(*out, S("\r")))
        out->len--;
    return true;
}

static void read_named(Sources *s, const char *name)
{
    const char *key = str_z(s->raw, str_fmt(s->raw, "%s_FILE", name));
    const ConfigPair *in_file = find_pair(s->file, key);
    Str path = str_of(getenv(key)), value;

    if (path.len > 0 && str_of(getenv(name)).len > 0)
        buf_fmt(s->mistakes, "%s and %s: give one of them\n", name, key);
    if (path.len == 0 && in_file != NULL)
        path = in_file->value;
    if (path.len == 0)
        return;
    if (read_value(s, path, &value))
        add(s, &s->named, name, value, str_fmt(s->raw, "file %.*s", STR_ARGS(path)));
    else
        buf_fmt(s->mistakes, "%s: %.*s: %s\n", key, STR_ARGS(path), strerror(errno));
}

void source_open(Sources *s)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);

    s->file = source_read(s, S(".env"), S(".env"));
    for (isize i = 0; i < n; i++)
        if (f[i].name != NULL)
            read_named(s, f[i].name);
}

bool config_asks_for(Str name)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);
    Str plain = str_ends(name, S("_FILE")) ? str_sub(name, 0, name.len - 5) : name;

    for (isize i = 0; i < n; i++)
        if (f[i].name != NULL && (str_is(str_of(f[i].name), name) ||
                                  str_is(str_of(f[i].name), plain)))
            return true;
    return false;
}

Str source_strangers(const Sources *s, Arena *mem)
{
    Buf b = buf_in(mem, 64);

    for (const ConfigPair *p = s->file; p != NULL; p = p->next)
        if (!config_asks_for(p->name))
            buf_fmt(&b, "%s%.*s", b.len > 0 ? " " : "", STR_ARGS(p->name));
    return buf_str(&b);
}

void source_folder(Sources *s, Str folder)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);
    Str value;

    if (access(str_z(s->raw, folder), R_OK | X_OK) != 0)
        buf_fmt(s->mistakes, "SECRETS_DIR: %.*s: %s\n", STR_ARGS(folder),
                strerror(errno));
    for (isize i = 0; i < n; i++) {
        if (f[i].name == NULL)
            continue;
        Str path = str_fmt(s->raw, "%.*s/%s", STR_ARGS(folder), f[i].name);
        if (read_value(s, path, &value))
            add(s, &s->folder, f[i].name, value,
                str_fmt(s->raw, "file %.*s", STR_ARGS(path)));
        else if (errno != ENOENT)
            buf_fmt(s->mistakes, "%.*s: %s\n", STR_ARGS(path), strerror(errno));
    }
}
