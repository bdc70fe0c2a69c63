/* config.c - one walk over config.def for each purpose: reading, showing, the
 * example file, the manual.
 *
 * Two processes that start on an empty folder must end with the same secrets: the
 * folder itself is locked (flock) while one looks and makes. Production does not
 * read the generated file, so a copied data folder can't bring old secrets along. */
#include "base/config.h"
#include "base/file.h"
#include "base/network.h"
#include "base/rand.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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
    { NULL, #field, name, #kind, otherwise, says, least, most },
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

/* ---- where a value comes from --------------------------------------------- */

typedef struct Pair { struct Pair *next; Str name, value; } Pair;

typedef struct Reading {
    Arena             *mem;
    const ConfigGiven *given;
    isize              given_count;
    Pair              *file, *kept;               /* .env, secrets.env        */
    Config            *out;
    Buf               *mistakes;
} Reading;

static Str find_pair(const Pair *p, const char *name)
{
    Str last = { 0 };

    for (; p != NULL; p = p->next)
        if (str_is(p->name, str_of(name)))
            last = p->value;
    return last;
}

/* An empty text is no setting: `PORT= ./run` means the default. */
static Str find_value(const Reading *r, const char *name)
{
    for (isize i = 0; i < r->given_count; i++)
        if (strcmp(r->given[i].name, name) == 0)
            return r->given[i].value;
    Str v = str_of(getenv(name));
    if (v.len == 0)
        v = find_pair(r->file, name);
    if (v.len == 0)
        v = find_pair(r->kept, name);
    return v.len == 0 ? (Str){ 0 } : v;
}

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

static Pair *parse(Reading *r, Str path, Str text)
{
    Pair *first = NULL, **last = &first;

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
            buf_fmt(r->mistakes, "%.*s line %d: expected NAME=value\n", STR_ARGS(path), line);
            continue;
        }
        *last = make(r->mem, Pair, 1);
        **last = (Pair){ NULL, name, unquote(l) };
        last = &(*last)->next;
    }
    return first;
}

static Pair *read_pairs(Reading *r, Str path)
{
    Str text;

    if (file_read(r->mem, path, FILE_MOST, &text))
        return parse(r, path, text);
    if (errno != ENOENT)
        buf_fmt(r->mistakes, "%.*s: %s\n", STR_ARGS(path), strerror(errno));
    return NULL;
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
static bool read_plain(Reading *r)
{
    bool good = true;

    for (isize i = 0; i < countof(facts); i++) {
        if (places[i].kind == GROUP_TITLE || places[i].kind == KIND_SECRET)
            continue;
        Str v = find_value(r, facts[i].name);
        must(set(r, i, default_of(i)));
        if (v.at != NULL)
            good &= set(r, i, v);
    }
    return good;
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
                STR_ARGS(base64url_write(r->mem, bytes, SECRET_MADE)));
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
    r->kept = read_pairs(r, path);
    return true;
}

/* Under the folder's lock: what another process made meanwhile is taken, only what
 * is still missing is made. */
static bool keep_secrets(Reading *r, Str path, Buf *made)
{
    Buf file = buf_in(r->mem, 512);
    Str old = { 0 };

    if (!read_kept(r, path))
        return false;
    if (!lacks_secret(r))
        return true;
    buf_lit(&file, "# Made once for this data directory. Keep it with the database.\n");
    if (r->kept != NULL && file_read(r->mem, path, FILE_MOST, &old)) {
        buf_add(&file, old);
        buf_byte(&file, '\n');
    }
    make_secrets(r, &file, made);
    if (!file_write_private(r->mem, path, buf_str(&file))) {
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

static bool read_secrets(Reading *r, Buf *made)
{
    bool good = find_secrets(r, made);

    for (isize i = 0; i < countof(facts); i++) {
        if (places[i].kind != KIND_SECRET)
            continue;
        Str v = find_value(r, facts[i].name);
        if (v.at != NULL)
            good &= set(r, i, v);
        else if (is_needed(i) && (good || r->out->environment == ENV_PRODUCTION)) {
            buf_fmt(r->mistakes, "%s: is required in production (%s); make one with:"
                    " openssl rand -base64 32\n", facts[i].name, facts[i].says);
            good = false;
        }
    }
    return good;
}

/* ---- rules that look at more than one setting ------------------------------ */

static bool rule(Reading *r, bool holds, const char *says)
{
    if (!holds)
        buf_fmt(r->mistakes, "%s\n", says);
    return holds;
}

static bool good_origin(Str o)
{
    Str host = str_starts(o, S("https://")) ? str_sub(o, 8, o.len)
             : str_starts(o, S("http://")) ? str_sub(o, 7, o.len) : (Str){ 0 };
    return host.len > 0 && str_find(host, '/') < 0 && str_find(host, '*') < 0;
}

static bool check_origins(Reading *r)
{
    Str left = r->out->cors_origins;
    bool good = true;

    while (left.len > 0) {
        Str o = str_trim(str_cut(&left, ','));
        if (o.len > 0 && !good_origin(o)) {
            buf_fmt(r->mistakes, "CORS_ORIGINS: \"%.*s\" is no origin; write it as"
                    " https://shop.example, without a path and never *\n", STR_ARGS(o));
            good = false;
        }
    }
    return good;
}

static bool check_proxies(Reading *r)
{
    Str bad = networks_bad(r->out->trusted_proxies);

    if (bad.at != NULL)
        buf_fmt(r->mistakes, "TRUSTED_PROXIES: \"%.*s\" is no address and no network such as"
                " 10.0.0.0/24\n", STR_ARGS(bad));
    return bad.at == NULL;
}

static bool is_url(Str s)
{
    return s.len == 0 || str_starts(s, S("http://")) || str_starts(s, S("https://"));
}

static bool begins_with_one_of(Str s, const char *words)
{
    Str left = str_of(words);

    while (left.at != NULL)
        if (str_starts(s, str_cut(&left, ' ')))
            return true;
    return false;
}

/* Without a moment the old secret's last day would begin anew with each start. */
static bool check_rotation(Reading *r)
{
    Str text = r->out->service_rotated;
    Instant at;

    return rule(r, r->out->service_key_before.len == 0 || r->out->service_key.len > 0,
                "SERVICE_SECRET_PREVIOUS: is good only beside SERVICE_SECRET") &&
           rule(r, text.len > 0 ? time_read(text, &at) : r->out->service_key_before.len == 0,
                "SERVICE_SECRET_ROTATED_AT: must say when SERVICE_SECRET_PREVIOUS was replaced,"
                " such as 2026-11-22T08:00:00Z");
}

static bool check_rules(Reading *r)
{
    Config *c = r->out;
    bool good = check_origins(r);

    good &= check_proxies(r);
    good &= check_rotation(r);

    good &= rule(r, c->clock == CLOCK_SYSTEM || c->environment != ENV_PRODUCTION,
                 "CLOCK: test is refused in production");
    good &= rule(r, c->hash_memory >= 19456 || c->environment == ENV_DEVELOPMENT ||
                    c->environment == ENV_TEST,
                 "HASH_MEMORY_KIB: under 19456 is for tests only");
    good &= rule(r, (c->tls_cert.len > 0) == (c->tls_key.len > 0),
                 "TLS_CERT_FILE and TLS_KEY_FILE: give both or neither");
    good &= rule(r, is_url(c->public_url),
                 "PUBLIC_URL: must begin with http:// or https://");
    good &= rule(r, begins_with_one_of(c->database_url, "sqlite: postgresql:// postgres://"),
                 "DATABASE_URL: must begin with sqlite: or postgresql://");
    good &= rule(r, c->owner_url.len == 0 ||
                    begins_with_one_of(c->owner_url, "postgresql:// postgres://"),
                 "DATABASE_OWNER_URL: must begin with postgresql://");
    good &= rule(r, c->redis_url.len == 0 ||
                    begins_with_one_of(c->redis_url, "redis:// rediss:// unix:"),
                 "REDIS_URL: must begin with redis://, rediss:// or unix:");
    good &= rule(r, c->nats_url.len == 0 || begins_with_one_of(c->nats_url, "nats:// tls://"),
                 "NATS_URL: must begin with nats:// or tls://");
    good &= rule(r, begins_with_one_of(c->mail_url, "folder: smtp:// smtps://"),
                 "MAIL_URL: must begin with folder:, smtp:// or smtps://");
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

bool config_read(Arena *mem, const ConfigGiven *given, isize n, Config *out,
                 Buf *mistakes, Buf *made)
{
    Reading r = { .mem = mem, .given = given, .given_count = n, .out = out,
                  .mistakes = mistakes };

    for (isize i = 0; i < n; i++)
        must_know(&given[i]);
    memset(out, 0, sizeof *out);
    r.file = read_pairs(&r, S(".env"));
    bool good = read_plain(&r);
    settle(&r);
    good &= check_rules(&r);
    good &= read_secrets(&r, made);
    return good && mistakes->len == 0;
}

void config_wipe(Config *c)
{
    for (isize i = 0; i < countof(places); i++)
        if (places[i].kind == KIND_SECRET)
            secret_wipe((Secret *)(void *)((char *)c + places[i].at));
}
