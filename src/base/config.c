/* config.c - the table read: each kind has a reader, and every mistake is told.
 *
 * The settings that say where secrets are kept are read first, from this machine alone;
 * then that place is asked, and all the others are read from wherever they stand.
 *
 * Two processes that start on an empty folder must end with the same secrets: the
 * folder itself is locked (flock) while one looks and makes. Production does not
 * read the generated file, so a copied data folder can't bring old secrets along. */
#include "base/config_check.h"
#include "base/config_source.h"
#include "base/file.h"
#include "base/rand.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MOST = 1 << 20, SECRET_MADE = 32 };

typedef enum Kind {
    GROUP_TITLE, KIND_INT, KIND_TEXT, KIND_PATH, KIND_LIST, KIND_BOOL, KIND_SPAN,
    KIND_NAMES, KIND_SECRET
} Kind;

static const ConfigFacts facts[] = {
#define GROUP(title) { .group = title },
#define CONFIG(field, name, kind, otherwise, least, most, says) \
    { NULL, #field, name, #kind, otherwise, says, least, most, false },
#define LIVE(field, name, kind, otherwise, least, most, says) \
    { NULL, #field, name, #kind, otherwise, says, least, most, true },
#include "base/config.def"
#undef GROUP
#undef CONFIG
};

static const struct { Kind kind; isize at; } places[] = {
#define GROUP(title) { GROUP_TITLE, 0 },
#define CONFIG(field, name, kind, otherwise, least, most, says) \
    { KIND_##kind, (isize)offsetof(Config, field) },
#include "base/config.def"
#undef GROUP
#undef CONFIG
};

const ConfigFacts *config_facts(isize *count)
{
    *count = countof(facts);
    return facts;
}

bool span_read(Str s, Span *out)
{
    static const struct { char unit; i64 ms; } units[] = {
        { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
    i64 n, ms = 1000;

    for (isize i = 0; s.len > 0 && i < countof(units); i++)
        if (s.at[s.len - 1] == units[i].unit) {
            ms = units[i].ms;
            s.len--;
            break;
        }
    return str_int(s, &n) && n >= 0 && !__builtin_mul_overflow(n, ms, &out->ms);
}

void span_write(Buf *b, Span s)
{
    i64 n = s.ms / 1000;
    const char *unit = "s";

    if (n > 0 && n % 86400 == 0)
        n /= 86400, unit = "d";
    else if (n > 0 && n % 3600 == 0)
        n /= 3600, unit = "h";
    else if (n > 0 && n % 60 == 0)
        n /= 60, unit = "m";
    buf_fmt(b, "%jd%s", (intmax_t)n, unit);
}

typedef struct Reading {
    Arena  *mem;
    Sources from;
    Config *out;
    Buf    *mistakes;
} Reading;

static Str find_value(const Reading *r, const char *name)
{
    return source_find(&r->from, name).value;
}

/* ---- reading one setting -------------------------------------------------- */

static bool wrong(Reading *r, const ConfigFacts *f, Str v, const char *what)
{
    buf_fmt(r->mistakes, "%s: must be %s, is \"%.*s\"\n", f->name, what,
            (int)(v.len < 80 ? v.len : 80), v.len > 0 ? v.at : "");
    return false;
}

static bool wrong_range(Reading *r, const ConfigFacts *f, Str v, const char *unit)
{
    return wrong(r, f, v, str_fmt(r->mem, "%jd to %jd%s", (intmax_t)f->least,
                                  (intmax_t)f->most, unit).at);
}

static bool set_number(Reading *r, const ConfigFacts *f, Str v, void *to)
{
    i64 n;

    if (!str_int(v, &n) || n < f->least || n > f->most)
        return wrong_range(r, f, v, "");
    *(i64 *)to = n;
    return true;
}

static bool set_span(Reading *r, const ConfigFacts *f, Str v, void *to)
{
    Span s;

    if (!span_read(v, &s) || s.ms < f->least * 1000 || s.ms > f->most * 1000)
        return wrong_range(r, f, v, " seconds, written as 300s, 15m, 12h or 7d");
    *(Span *)to = s;
    return true;
}

static bool set_bool(Reading *r, const ConfigFacts *f, Str v, void *to)
{
    bool yes = str_is(v, S("true")) || str_is(v, S("1"));

    if (!yes && !str_is(v, S("false")) && !str_is(v, S("0")))
        return wrong(r, f, v, "true or false");
    *(bool *)to = yes;
    return true;
}

static bool set_word(Reading *r, const ConfigFacts *f, Str v, void *to)
{
    Str words = str_of(f->otherwise);

    for (int i = 0; words.at != NULL; i++)
        if (str_is(str_cut(&words, ' '), v)) {
            *(int *)to = i;
            return true;
        }
    return wrong(r, f, v, str_fmt(r->mem, "one of: %s", f->otherwise).at);
}

static bool set_text(Reading *r, const ConfigFacts *f, Str v, void *to)
{
    if (v.len < f->least || v.len > f->most || !str_utf8(v))
        return wrong_range(r, f, v, " letters of UTF-8");
    *(Str *)to = str_copy(r->mem, v);
    return true;
}

/* The value never appears in the message. */
static bool set_secret(Reading *r, const ConfigFacts *f, Str v, void *to)
{
    if (v.len < f->least || v.len > f->most) {
        buf_fmt(r->mistakes, "%s: must have %jd to %jd letters, has %td\n", f->name,
                (intmax_t)f->least, (intmax_t)f->most, v.len);
        return false;
    }
    *(Secret *)to = secret_copy(v);
    return true;
}

/* What stands where the settings of secret stores do can't come from one. */
static bool says_where(isize i)
{
    while (i > 0 && facts[i].group == NULL)
        i--;
    return strcmp(facts[i].group, CONFIG_STORES) == 0;
}

static Str default_of(isize i)
{
    Str words = str_of(facts[i].otherwise);
    return places[i].kind == KIND_NAMES ? str_cut(&words, ' ') : words;
}

static bool set(Reading *r, isize i, Str v)
{
    void *to = (char *)r->out + places[i].at;

    switch (places[i].kind) {
    case KIND_INT:    return set_number(r, &facts[i], v, to);
    case KIND_SPAN:   return set_span(r, &facts[i], v, to);
    case KIND_BOOL:   return set_bool(r, &facts[i], v, to);
    case KIND_NAMES:  return set_word(r, &facts[i], v, to);
    case KIND_SECRET: return set_secret(r, &facts[i], v, to);
    case KIND_TEXT:
    case KIND_PATH:
    case KIND_LIST:   return set_text(r, &facts[i], v, to);
    case GROUP_TITLE: break;
    }
    return true;
}

/* A wrong value leaves the default in place, so that later rules still mean something. */
static bool read_plain(Reading *r, isize i)
{
    Found f = source_find(&r->from, facts[i].name);

    must(set(r, i, default_of(i)));
    r->out->from[i] = f.value.at == NULL ? S("default") : str_copy(r->mem, f.from);
    return f.value.at == NULL || set(r, i, f.value);
}

static bool read_secret(Reading *r, isize i)
{
    Found f = source_find(&r->from, facts[i].name);

    r->out->from[i] = f.value.at == NULL ? S("nowhere") : str_copy(r->mem, f.from);
    return f.value.at == NULL || set(r, i, f.value);
}

static bool read_rows(Reading *r, bool stores)
{
    bool good = true;

    for (isize i = 0; i < countof(facts); i++) {
        if (places[i].kind == GROUP_TITLE || says_where(i) != stores)
            continue;
        if (places[i].kind != KIND_SECRET)
            good &= read_plain(r, i);
        else if (stores)
            good &= read_secret(r, i);
    }
    return good;
}

static ConfigPlace *place;
void config_place(ConfigPlace *read) { place = read; }

static bool read_away(Reading *r)
{
    if (r->out->secrets_dir.len > 0)
        source_folder(&r->from, r->out->secrets_dir);
    return place == NULL || place(r->from.raw, r->out, &r->from.away, r->mistakes);
}

/* ---- secrets -------------------------------------------------------------- */

/* What nothing is missing without is neither made nor asked for. */
static bool is_needed(isize i)
{
    return places[i].kind == KIND_SECRET && strcmp(facts[i].otherwise, "optional") != 0;
}

static bool lacks_secret(const Reading *r)
{
    for (isize i = 0; i < countof(facts); i++)
        if (is_needed(i) && find_value(r, facts[i].name).at == NULL)
            return true;
    return false;
}

static void make_secrets(Reading *r, Buf *file, Buf *made)
{
    u8 bytes[SECRET_MADE];

    for (isize i = 0; i < countof(facts); i++) {
        if (!is_needed(i) || find_value(r, facts[i].name).at != NULL)
            continue;
        rand_bytes(bytes, SECRET_MADE);
        buf_fmt(file, "%s=%.*s\n", facts[i].name,
                STR_ARGS(base64url_write(r->from.raw, bytes, SECRET_MADE)));
        buf_fmt(made, "%s%s", made->len > 0 ? " " : "", facts[i].name);
    }
    wipe(bytes, sizeof bytes);
}

static bool read_kept(Reading *r, Str path)
{
    struct stat st;

    if (stat(str_z(r->mem, path), &st) == 0 && (st.st_mode & 077) != 0) {
        buf_fmt(r->mistakes, "%.*s: others can read it; chmod 600 it\n", STR_ARGS(path));
        return false;
    }
    r->from.kept = source_read(&r->from, path, S("secrets.env"));
    return true;
}

/* Under the folder's lock: what another process made meanwhile is taken, only what
 * is still missing is made. */
static bool keep_secrets(Reading *r, Str path, Buf *made)
{
    Buf file = buf_in(r->from.raw, 512);
    Str old = { 0 };

    if (!read_kept(r, path))
        return false;
    if (made == NULL || !lacks_secret(r))
        return true;
    buf_lit(&file, "# Made once for this data directory. Keep it with the database.\n");
    if (r->from.kept != NULL && file_read(r->from.raw, path, FILE_MOST, &old)) {
        buf_add(&file, old);
        buf_byte(&file, '\n');
    }
    make_secrets(r, &file, made);
    if (!file_write_private(r->from.raw, path, buf_str(&file))) {
        buf_fmt(r->mistakes, "%.*s: %s\n", STR_ARGS(path), strerror(errno));
        return false;
    }
    return read_kept(r, path);
}

static bool find_secrets(Reading *r, Buf *made)
{
    Str folder = r->out->data_dir;
    Str path = str_fmt(r->mem, "%.*s/secrets.env", STR_ARGS(folder));

    if (r->out->environment == ENV_PRODUCTION)
        return true;
    if (made == NULL)
        return read_kept(r, path);
    int fd = folder_make(r->mem, folder)
           ? open(str_z(r->mem, folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        buf_fmt(r->mistakes, "DATA_DIR %.*s: %s\n", STR_ARGS(folder), strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool good = keep_secrets(r, path, made);
    close(fd);
    return good;
}

static bool tell_missing(Reading *r, isize i)
{
    buf_fmt(r->mistakes, "%s: is required in production (%s); make one with:"
            " openssl rand -base64 32\n", facts[i].name, facts[i].says);
    return false;
}

static bool read_secrets(Reading *r, Buf *made)
{
    bool good = find_secrets(r, made);

    for (isize i = 0; i < countof(facts); i++) {
        if (places[i].kind != KIND_SECRET || says_where(i))
            continue;
        good &= read_secret(r, i);
        if (r->out->environment == ENV_PRODUCTION && is_needed(i) &&
            find_value(r, facts[i].name).at == NULL)
            good = tell_missing(r, i);
    }
    return good;
}

/* Defaults that are made of other settings. */
static void settle(Reading *r)
{
    Config *c = r->out;

    while (c->data_dir.len > 1 && str_ends(c->data_dir, S("/")))
        c->data_dir.len--;
    if (c->database_url.len == 0)
        c->database_url = str_fmt(r->mem, "sqlite:%.*s/tickettoken.db", STR_ARGS(c->data_dir));
    if (c->keys_dir.len == 0)
        c->keys_dir = str_fmt(r->mem, "%.*s/keys", STR_ARGS(c->data_dir));
    if (c->mail_url.len == 0)
        c->mail_url = str_fmt(r->mem, "folder:%.*s/mail", STR_ARGS(c->data_dir));
    while (c->public_url.len > 0 && str_ends(c->public_url, S("/")))
        c->public_url.len--;
}

static void must_know(const ConfigGiven *given)
{
    for (isize i = 0; i < countof(facts); i++)
        if (facts[i].name != NULL && strcmp(facts[i].name, given->name) == 0)
            return;
    must(!"a setting of the table");
}

static bool read_all(Reading *r, Buf *made)
{
    source_open(&r->from);
    bool good = read_rows(r, true);
    good &= read_away(r);
    good &= read_rows(r, false);
    settle(r);
    good &= config_check(r->out, r->mistakes);
    good &= read_secrets(r, made);
    return good && r->mistakes->len == 0;
}

bool config_read(Arena *mem, const ConfigGiven *given, isize n, Config *out,
                 Buf *mistakes, Buf *made)
{
    Arena raw = { 0 };
    Reading r = { .mem = mem, .out = out, .mistakes = mistakes,
                  .from = { .raw = &raw, .given = given, .given_count = n, .mistakes = mistakes } };

    for (isize i = 0; i < n; i++)
        must_know(&given[i]);
    memset(out, 0, sizeof *out);
    out->from = make(mem, Str, countof(facts));
    bool good = read_all(&r, made);
    out->strangers = source_strangers(&r.from, mem);
    arena_wipe(&raw);
    return good;
}

void config_wipe(Config *c)
{
    for (isize i = 0; i < countof(places); i++)
        if (places[i].kind == KIND_SECRET)
            secret_wipe((Secret *)(void *)((char *)c + places[i].at));
}

static bool same_secret(const Secret *a, const Secret *b)
{
    return a->len == b->len && same_bytes(a->at, b->at, a->len);
}

bool config_same(const Config *one, const Config *other, isize row)
{
    const void *a = (const char *)one + places[row].at, *b = (const char *)other + places[row].at;

    switch (places[row].kind) {
    case KIND_INT:    return *(const i64 *)a == *(const i64 *)b;
    case KIND_SPAN:   return ((const Span *)a)->ms == ((const Span *)b)->ms;
    case KIND_BOOL:   return *(const bool *)a == *(const bool *)b;
    case KIND_NAMES:  return *(const int *)a == *(const int *)b;
    case KIND_SECRET: return same_secret(a, b);
    case KIND_TEXT:
    case KIND_PATH:
    case KIND_LIST:   return str_is(*(const Str *)a, *(const Str *)b);
    case GROUP_TITLE: break;
    }
    return true;
}

static const isize sizes[] = {
    [KIND_INT] = sizeof(i64), [KIND_SPAN] = sizeof(Span), [KIND_BOOL] = sizeof(bool),
    [KIND_NAMES] = sizeof(int) };

void config_take(Arena *mem, Config *to, Config *from, isize row)
{
    void *a = (char *)to + places[row].at, *b = (char *)from + places[row].at;
    Secret old;

    switch (places[row].kind) {
    case KIND_INT:
    case KIND_SPAN:
    case KIND_BOOL:
    case KIND_NAMES:
        memcpy(a, b, (size_t)sizes[places[row].kind]);
        break;
    case KIND_SECRET:
        old = *(Secret *)a;
        *(Secret *)a = *(Secret *)b;
        *(Secret *)b = old;
        break;
    case KIND_TEXT:
    case KIND_PATH:
    case KIND_LIST:
        *(Str *)a = str_copy(mem, *(const Str *)b);
        break;
    case GROUP_TITLE:
        return;
    }
    to->from[row] = str_copy(mem, from->from[row]);
}

void config_raw(Buf *b, const Config *c, isize row)
{
    const void *at = (const char *)c + places[row].at;

    switch (places[row].kind) {
    case KIND_INT:    buf_int(b, *(const i64 *)at); break;
    case KIND_SPAN:   buf_int(b, ((const Span *)at)->ms); break;
    case KIND_BOOL:   buf_int(b, *(const bool *)at); break;
    case KIND_NAMES:  buf_int(b, *(const int *)at); break;
    case KIND_SECRET: buf_add(b, (Str){ (const char *)((const Secret *)at)->at,
                                        ((const Secret *)at)->len }); break;
    case KIND_TEXT:
    case KIND_PATH:
    case KIND_LIST:   buf_add(b, *(const Str *)at); break;
    case GROUP_TITLE: break;
    }
}
