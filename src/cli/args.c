/* args.c - see args.h. Nearness is the Levenshtein distance, at most two letters. */
#include "cli/args.h"
#include <string.h>
#include <unistd.h>

enum { WORD_MOST = 40, NEAR = 2, LONG_NAME = 8 };

static int least_of(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

static int distance(const char *a, const char *b)
{
    int row[WORD_MOST + 1], n = (int)strlen(b);

    if (strlen(a) > WORD_MOST || n > WORD_MOST)
        return WORD_MOST;
    for (int k = 0; k <= n; k++)
        row[k] = k;
    for (int i = 1; a[i - 1] != '\0'; i++) {
        int corner = row[0];
        row[0] = i;
        for (int k = 1; k <= n; k++) {
            int above = row[k];
            row[k] = least_of(above + 1, row[k - 1] + 1, corner + (a[i - 1] != b[k - 1]));
            corner = above;
        }
    }
    return row[n];
}

const char *nearest(const char *typed, const void *list, isize count, NameAt *name)
{
    const char *best = NULL;
    int least = NEAR + 1;

    for (isize i = 0; i < count; i++) {
        int d = distance(typed, name(list, i));
        if (d < least) {
            least = d;
            best = name(list, i);
        }
    }
    return best;
}

static const char *option_name(const void *list, isize i)
{
    return ((const Option *)list)[i].name;
}

static const char *setting_name(const void *list, isize i)
{
    const char *name = ((const ConfigFacts *)list)[i].name;
    return name == NULL ? "" : name;
}

const char *nearest_setting(const char *typed)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);

    return nearest(typed, f, n, setting_name);
}

static void add_misspelt(Arena *mem, Buf *b, Str name)
{
    const char *near = nearest_setting(str_z(mem, name));

    if (near != NULL)
        buf_fmt(b, "%s%.*s (%s?)", b->len > 0 ? " " : "", STR_ARGS(name), near);
}

/* Any name of .env; of the environment, where hundreds stand that are others', those that
 * are too long to be alike by chance. */
Str misspelt(Arena *mem, const Config *c)
{
    Buf b = buf_in(mem, 128);
    Str left = c->strangers;

    while (left.len > 0)
        add_misspelt(mem, &b, str_cut(&left, ' '));
    for (char **e = environ; *e != NULL; e++) {
        Str line = str_of(*e), name = str_cut(&line, '=');
        if (name.len >= LONG_NAME && !config_asks_for(name))
            add_misspelt(mem, &b, name);
    }
    return buf_str(&b);
}

static void give(Args *a, const char *name, Str value)
{
    must(a->given_count < GIVEN_MOST);
    a->given[a->given_count++] = (ConfigGiven){ name, value };
}

/* --set NAME=VALUE: any setting of the table. */
static bool read_set(Args *a, Str text, Str *why)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);
    Str value = text, name = str_cut(&value, '=');

    for (isize i = 0; i < n; i++)
        if (f[i].name != NULL && str_is(str_of(f[i].name), name)) {
            give(a, f[i].name, value);
            if (value.at == NULL)
                *why = str_fmt(a->mem, "--set wants NAME=VALUE, got \"%.*s\"",
                               STR_ARGS(text));
            return value.at != NULL;
        }
    const char *near = nearest_setting(str_z(a->mem, name));
    *why = str_fmt(a->mem,
                   "there is no setting %.*s%s%s; `tickettoken config` lists them",
                   STR_ARGS(name), near != NULL ? "; did you mean " : "",
                   near != NULL ? near : "");
    return false;
}

static bool take(Args *a, isize at, Str value, Str *why)
{
    const Option *o = &a->options[at];

    a->values[at] = value;
    if (strcmp(o->name, "--set") == 0)
        return read_set(a, value, why);
    if (o->setting != NULL)
        give(a, o->setting, value);
    return true;
}

static isize find_option(const Args *a, Str name)
{
    for (isize i = 0; i < a->option_count; i++)
        if (str_is(str_of(a->options[i].name), name))
            return i;
    return -1;
}

static bool unknown(const Args *a, Str name, Str *why)
{
    const char *near = nearest(str_z(a->mem, name), a->options, a->option_count,
                               option_name);

    *why = str_fmt(a->mem, "there is no option %.*s here%s%s%s", STR_ARGS(name),
                   near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                   near != NULL ? "?" : "");
    return false;
}

/* Reads the option at argv[*i] and, when it needs one, the value after it. */
static bool read_option(Args *a, int argc, char **argv, int *i, Str *why)
{
    Str value = str_of(argv[*i]), name = str_cut(&value, '=');
    isize at = find_option(a, name);

    if (at < 0)
        return unknown(a, name, why);
    if (a->options[at].value == NULL && value.at != NULL) {
        *why = str_fmt(a->mem, "%s takes no value", a->options[at].name);
        return false;
    }
    if (a->options[at].value == NULL)
        value = S("");
    else if (value.at == NULL && ++*i >= argc) {
        *why = str_fmt(a->mem, "%s wants %s after it", a->options[at].name,
                       a->options[at].value);
        return false;
    } else if (value.at == NULL)
        value = str_of(argv[*i]);
    return take(a, at, value, why);
}

bool args_read(Args *a, int argc, char **argv, Str *why)
{
    must(a->option_count <= ARGS_MOST);
    for (int i = 0; i < argc; i++) {
        Str s = str_of(argv[i]);
        if (str_is(s, S("--help")) || str_is(s, S("-h")))
            a->help = true;
        else if (str_starts(s, S("-")) && s.len > 1) {
            if (!read_option(a, argc, argv, &i, why))
                return false;
        } else if (a->word_count < ARGS_MOST)
            a->words[a->word_count++] = argv[i];
    }
    return true;
}

Str args_value(const Args *a, const char *name)
{
    isize at = find_option(a, str_of(name));

    must(at >= 0);
    return a->values[at];
}
