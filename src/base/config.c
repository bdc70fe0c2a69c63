/* config.c - the table read, and every mistake told.
 *
 * The settings that say where secrets are kept are read first, from this machine alone;
 * then that place is asked, and all the others are read from wherever they stand.
 *
 * Two processes that start on an empty folder must end with the same secrets: the
 * folder itself is locked (flock) while one looks and makes. Production does not
 * read the generated file, so a copied data folder can't bring old secrets along. */
#include "base/config_check.h"
#include "base/config_row.h"
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

typedef struct Reading { Into to; Sources from; } Reading;

static Str find_value(const Reading *r, const char *name)
{
    return source_find(&r->from, name).value;
}

/* What stands where the settings of secret stores do can't come from one. */
static bool says_where(isize i)
{
    while (i > 0 && config_table[i].group == NULL)
        i--;
    return strcmp(config_table[i].group, CONFIG_STORES) == 0;
}

static Str default_of(isize i)
{
    Str words = str_of(config_table[i].otherwise);
    return row_kind(i) == KIND_NAMES ? str_cut(&words, ' ') : words;
}

/* A wrong value leaves the default in place, so that later rules still mean something. */
static bool read_plain(Reading *r, isize i)
{
    Found f = source_find(&r->from, config_table[i].name);

    must(row_set(&r->to, i, default_of(i)));
    r->to.out->from[i] = f.value.at == NULL ? S("default") : str_copy(r->to.mem, f.from);
    return f.value.at == NULL || row_set(&r->to, i, f.value);
}

static bool read_secret(Reading *r, isize i)
{
    Found f = source_find(&r->from, config_table[i].name);

    r->to.out->from[i] = f.value.at == NULL ? S("nowhere") : str_copy(r->to.mem, f.from);
    return f.value.at == NULL || row_set(&r->to, i, f.value);
}

static bool read_rows(Reading *r, bool stores)
{
    bool good = true;

    for (isize i = 0; i < CONFIG_ROWS; i++) {
        if (row_kind(i) == GROUP_TITLE || says_where(i) != stores)
            continue;
        if (row_kind(i) != KIND_SECRET)
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
    if (r->to.out->secrets_dir.len > 0)
        source_folder(&r->from, r->to.out->secrets_dir);
    return place == NULL || place(r->from.raw, r->to.out, &r->from.away, r->to.mistakes);
}

/* ---- secrets -------------------------------------------------------------- */

/* What nothing is missing without is neither made nor asked for. */
static bool is_needed(isize i)
{
    return row_kind(i) == KIND_SECRET &&
           strcmp(config_table[i].otherwise, "optional") != 0;
}

static bool lacks_secret(const Reading *r)
{
    for (isize i = 0; i < CONFIG_ROWS; i++)
        if (is_needed(i) && find_value(r, config_table[i].name).at == NULL)
            return true;
    return false;
}

static void make_secrets(Reading *r, Buf *file, Buf *made)
{
    u8 bytes[SECRET_MADE];

    for (isize i = 0; i < CONFIG_ROWS; i++) {
        if (!is_needed(i) || find_value(r, config_table[i].name).at != NULL)
            continue;
        rand_bytes(bytes, SECRET_MADE);
        buf_fmt(file, "%s=%.*s\n", config_table[i].name,
                STR_ARGS(base64url_write(r->from.raw, bytes, SECRET_MADE)));
        buf_fmt(made, "%s%s", made->len > 0 ? " " : "", config_table[i].name);
    }
    wipe(bytes, sizeof bytes);
}

static bool read_kept(Reading *r, Str path)
{
    struct stat st;

    if (stat(str_z(r->to.mem, path), &st) == 0 && (st.st_mode & 077) != 0) {
        buf_fmt(r->to.mistakes, "%.*s: others can read it; chmod 600 it\n",
                STR_ARGS(path));
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
        buf_fmt(r->to.mistakes, "%.*s: %s\n", STR_ARGS(path), strerror(errno));
        return false;
    }
    return read_kept(r, path);
}

static bool find_secrets(Reading *r, Buf *made)
{
    Str folder = r->to.out->data_dir;
    Str path = str_fmt(r->to.mem, "%.*s/secrets.env", STR_ARGS(folder));

    if (r->to.out->environment == ENV_PRODUCTION)
        return true;
    if (made == NULL)
        return read_kept(r, path);
    int fd = folder_make(r->to.mem, folder)
           ? open(str_z(r->to.mem, folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        buf_fmt(r->to.mistakes, "DATA_DIR %.*s: %s\n", STR_ARGS(folder), strerror(errno));
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
    buf_fmt(r->to.mistakes, "%s: is required in production (%s); make one with:"
            " openssl rand -base64 32\n", config_table[i].name, config_table[i].says);
    return false;
}

static bool read_secrets(Reading *r, Buf *made)
{
    bool good = find_secrets(r, made);

    for (isize i = 0; i < CONFIG_ROWS; i++) {
        if (row_kind(i) != KIND_SECRET || says_where(i))
            continue;
        good &= read_secret(r, i);
        if (r->to.out->environment == ENV_PRODUCTION && is_needed(i) &&
            find_value(r, config_table[i].name).at == NULL)
            good = tell_missing(r, i);
    }
    return good;
}

/* Defaults that are made of other settings. */
static void settle(Reading *r)
{
    Config *c = r->to.out;

    while (c->data_dir.len > 1 && str_ends(c->data_dir, S("/")))
        c->data_dir.len--;
    if (c->database_url.len == 0)
        c->database_url = str_fmt(r->to.mem, "sqlite:%.*s/tickettoken.db",
                                  STR_ARGS(c->data_dir));
    if (c->keys_dir.len == 0)
        c->keys_dir = str_fmt(r->to.mem, "%.*s/keys", STR_ARGS(c->data_dir));
    if (c->mail_url.len == 0)
        c->mail_url = str_fmt(r->to.mem, "folder:%.*s/mail", STR_ARGS(c->data_dir));
    while (c->public_url.len > 0 && str_ends(c->public_url, S("/")))
        c->public_url.len--;
}

static void must_know(const ConfigGiven *given)
{
    for (isize i = 0; i < CONFIG_ROWS; i++)
        if (config_table[i].name != NULL &&
            strcmp(config_table[i].name, given->name) == 0)
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
    good &= config_check(r->to.out, r->to.mistakes);
    good &= read_secrets(r, made);
    return good && r->to.mistakes->len == 0;
}

bool config_read(Arena *mem, const ConfigGiven *given, isize n, Config *out,
                 Buf *mistakes, Buf *made)
{
    Arena raw = { 0 };
    Reading r = { .to = { mem, out, mistakes },
                  .from = { .raw = &raw, .given = given, .given_count = n,
                            .mistakes = mistakes } };

    for (isize i = 0; i < n; i++)
        must_know(&given[i]);
    memset(out, 0, sizeof *out);
    out->from = make(mem, Str, CONFIG_ROWS);
    bool good = read_all(&r, made);
    out->strangers = source_strangers(&r.from, mem);
    arena_wipe(&raw);
    return good;
}
