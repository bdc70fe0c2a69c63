/* config_print.c - the table as people see it. A URL may carry a password, so what
 * stands between "://" and the last "@" is masked as secrets are. */
#include "base/config.h"
#include <stddef.h>
#include <string.h>

static void put_url(Buf *b, Str v)
{
    isize from = 0, to = v.len - 1;

    while (to >= 0 && v.at[to] != '@')
        to--;
    while (from + 3 <= v.len && !str_starts(str_sub(v, from, v.len), S("://")))
        from++;
    if (to < 0 || from + 3 > to) {
        buf_add(b, v);
        return;
    }
    buf_add(b, str_sub(v, 0, from + 3));
    buf_lit(b, "[redacted]");
    buf_add(b, str_sub(v, to, v.len));
}

static inline void show_INT(Buf *b, const char *words, i64 v)   { (void)words; buf_int(b, v); }
static inline void show_TEXT(Buf *b, const char *words, Str v)  { (void)words; put_url(b, v); }
static inline void show_PATH(Buf *b, const char *words, Str v)  { (void)words; buf_add(b, v); }
static inline void show_LIST(Buf *b, const char *words, Str v)  { (void)words; buf_add(b, v); }

static inline void show_SPAN(Buf *b, const char *words, Span v)
{
    (void)words;
    span_write(b, v);
}

static inline void show_BOOL(Buf *b, const char *words, bool v)
{
    (void)words;
    buf_add(b, v ? S("true") : S("false"));
}

static void show_NAMES(Buf *b, const char *words, int v)
{
    Str left = str_of(words), word = str_cut(&left, ' ');

    while (v-- > 0)
        word = str_cut(&left, ' ');
    buf_add(b, word);
}

static void show_SECRET(Buf *b, const char *words, Secret v)
{
    buf_add(b, v.len > 0 ? S("[redacted]")
                         : words[0] != '\0' ? S("[none]") : S("[missing]"));
}

void config_print(Buf *b, const Config *c)
{
#define GROUP(title) buf_lit(b, "# " title "\n");
#define CONFIG(field, name, kind, otherwise, least, most, says) \
    buf_lit(b, name "=");                                       \
    show_##kind(b, otherwise, c->field);                        \
    buf_byte(b, '\n');
#include "base/config.def"
#undef GROUP
#undef CONFIG
}

void config_print_sources(Buf *b, const Config *c)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);

    for (isize i = 0; i < n; i++)
        if (f[i].name != NULL)
            buf_fmt(b, "%-32s %.*s\n", f[i].name, STR_ARGS(c->from[i]));
}

static bool is_kind(const ConfigFacts *f, const char *kind)
{
    return strcmp(f->kind, kind) == 0;
}

static Str first_word(const ConfigFacts *f)
{
    Str words = str_of(f->otherwise);
    return is_kind(f, "NAMES") ? str_cut(&words, ' ') : words;
}

void config_print_example(Buf *b)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);

    buf_lit(b, "# Copy to .env and change what you need; every line shows its default.\n"
               "# The environment wins over this file. docs/configuration.md has the rest.\n");
    for (isize i = 0; i < n; i++) {
        if (f[i].name == NULL) {
            buf_fmt(b, "\n# ---- %s ----\n", f[i].group);
            continue;
        }
        buf_fmt(b, "\n# %s\n", f[i].says);
        if (is_kind(&f[i], "SECRET") && f[i].least >= 32)
            buf_fmt(b, "# %jd letters or more: openssl rand -base64 32\n",
                    (intmax_t)f[i].least);
        if (is_kind(&f[i], "NAMES"))
            buf_fmt(b, "# one of: %s\n", f[i].otherwise);
        buf_fmt(b, "#%s=%.*s\n", f[i].name,
                STR_ARGS(is_kind(&f[i], "SECRET") ? S("") : first_word(&f[i])));
    }
}

static void put_range(Buf *b, const ConfigFacts *f)
{
    if (is_kind(f, "NAMES"))
        buf_fmt(b, "one of: %s", f->otherwise);
    else if (is_kind(f, "INT"))
        buf_fmt(b, "%jd to %jd", (intmax_t)f->least, (intmax_t)f->most);
    else if (is_kind(f, "SPAN")) {
        span_write(b, seconds(f->least));
        buf_lit(b, " to ");
        span_write(b, seconds(f->most));
    } else if (is_kind(f, "SECRET"))
        buf_fmt(b, "%jd to %jd letters", (intmax_t)f->least, (intmax_t)f->most);
    else if (is_kind(f, "LIST"))
        buf_lit(b, "comma separated");
    else
        buf_lit(b, "text");
}

void config_print_manual(Buf *b)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);

    buf_lit(b, "# Configuration\n\n"
        "Made by `tickettoken config --manual` from `src/base/config.def`; change it there.\n\n"
        "A setting comes from the first of these that has it: the command line, the environment,\n"
        "the file that `NAME_FILE` names (for any NAME below), the file `.env` in the working\n"
        "directory, the file `NAME` in `SECRETS_DIR`, Vault or AWS Secrets Manager. An empty value\n"
        "counts as none. All mistakes are reported at once, and the start is refused; `tickettoken\n"
        "config --sources` says from where each came. Spans are written `300s`, `15m`, `12h`, `7d`\n"
        "or as plain seconds.\n\n"
        "`SIGHUP` (`systemctl reload tickettoken`) reads all of it again: what says so below is\n"
        "changed at once, wholly or not at all, and the files that such a setting names are read\n"
        "again though their names be the same. What says `start` waits for the next one; the log\n"
        "names it. The environment of a process stays as it was at its start: what is to change\n"
        "comes from a file (`NAME_FILE`, `SECRETS_DIR`, `.env`) or from where secrets are kept.\n\n"
        "Secrets have no defaults. Outside production a missing one is made once into\n"
        "`DATA_DIR/secrets.env` (mode 0600); with `NODE_ENV=production` that file is not\n"
        "read, and every missing secret is listed. `tickettoken config` shows the present\n"
        "values with secrets masked, `tickettoken doctor` checks them.\n");
    for (isize i = 0; i < n; i++) {
        if (f[i].name == NULL) {
            buf_fmt(b, "\n## %s\n\n| setting | default | may be | changes at | what it does |\n"
                    "|---|---|---|---|---|\n", f[i].group);
            continue;
        }
        Str d = first_word(&f[i]);
        buf_fmt(b, "| `%s` | ", f[i].name);
        if (d.len > 0)
            buf_fmt(b, "`%.*s`", STR_ARGS(d));
        buf_lit(b, " | ");
        put_range(b, &f[i]);
        buf_fmt(b, " | %s | %s |\n", f[i].live ? "`SIGHUP`" : "start", f[i].says);
    }
}
