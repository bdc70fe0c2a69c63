/* keyfile.c - a kid that is read from the index becomes a file name, so it must be a
 * thumbprint: 43 letters of base64url and nothing else. */
#include "identity/keyfile.h"
#include "base/crypto.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MOST = 64 << 10, THUMBPRINT_LETTERS = 43, PATH_LETTERS = 1024 };

typedef struct Path { char z[PATH_LETTERS]; } Path;

static Path path_of(const char *dir, const char *name, const char *ending)
{
    Path p;
    int n = snprintf(p.z, sizeof p.z, "%s/%s%s", dir, name, ending);
    must(n > 0 && n < PATH_LETTERS);
    return p;
}

static Path pem_path(const char *dir, Str kid, const char *ending)
{
    char name[THUMBPRINT_LETTERS + 1];

    must(kid.len == THUMBPRINT_LETTERS);
    memcpy(name, kid.at, THUMBPRINT_LETTERS);
    name[THUMBPRINT_LETTERS] = '\0';
    return path_of(dir, name, ending);
}

/* The reason outlives every arena here: it is a constant or strerror's. */
static bool because(Str *why)
{
    *why = str_of(strerror(errno));
    return false;
}

/* ---- files ---------------------------------------------------------------- */

static bool read_key_file(Arena *mem, const char *path, Str *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *to = make(mem, char, FILE_MOST);
    ssize_t n = fd < 0 ? -1 : read(fd, to, FILE_MOST);

    if (fd >= 0)
        close(fd);
    *out = (Str){ to, n < 0 ? 0 : n };
    return n >= 0;
}

static bool write_key_file(const char *aside, const char *path, Str s)
{
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return false;
    file_inherit(aside, fd);
    bool good = write(fd, s.at, (size_t)s.len) == s.len && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    return good && rename(aside, path) == 0;
}

static bool sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return good;
}

int keyfile_lock(const char *dir, Str *why)
{
    int fd = -1;

    if (folder_add(dir))
        fd = open(path_of(dir, "lock", "").z, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        file_inherit(path_of(dir, "lock", "").z, fd);
    if (fd < 0) {
        because(why);
        return -1;
    }
    while (flock(fd, LOCK_EX) != 0)
        must(errno == EINTR);
    return fd;
}

void keyfile_unlock(int held)
{
    if (held >= 0)
        close(held);
}

Stamp keyfile_stamp(const char *dir)
{
    struct stat st;

    if (stat(path_of(dir, "index", ".json").z, &st) != 0)
        return (Stamp){ 0 };
    return (Stamp){ (i64)st.st_ino, st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec };
}

/* ---- the index ------------------------------------------------------------ */

typedef struct Index { List keys; } Index;
static const Shape index_shape = SHAPE(Index,
    LIST(Index, keys, &key_shape, 0, KEYS_MOST, 0, "the keys, the newest first"));

static bool is_thumbprint(Str kid)
{
    Arena own = { 0 };
    Str bytes;
    bool good = kid.len == THUMBPRINT_LETTERS && base64url_read(&own, kid, &bytes);
    arena_close(&own);
    return good;
}

bool keyfile_read_index(Arena *mem, const char *dir, KeyRow *rows, isize *count,
                        Stamp *stamp, Str *why)
{
    Ctx cx = ctx_new(mem, (TenantId){ { { 0 } } });
    Index index;
    Str text;

    *count = 0;
    *stamp = keyfile_stamp(dir);
    if (!read_key_file(mem, path_of(dir, "index", ".json").z, &text))
        return errno == ENOENT || because(why);
    if (!shape_read(&cx, &index_shape, text, &index)) {
        *why = str_fmt(mem, "keys/index.json: %s", cx.fault.why);
        return false;
    }
    const KeyRow *from = index.keys.at;
    for (isize i = 0; i < index.keys.count; i++) {
        if (!is_thumbprint(from[i].kid)) {
            *why = S("keys/index.json: a kid is no thumbprint");
            return false;
        }
        rows[i] = from[i];
    }
    *count = index.keys.count;
    return true;
}

bool keyfile_write_index(const char *dir, const KeyRow *rows, isize count, Stamp *stamp,
                         Str *why)
{
    Arena own = { 0 };
    Buf b = buf_in(&own, 4096);
    KeyRow copy[KEYS_MOST];

    memcpy(copy, rows, (size_t)count * sizeof *rows);
    shape_write(&b, &index_shape, &(Index){ { copy, count } });
    bool good = write_key_file(path_of(dir, "index", ".new").z,
                               path_of(dir, "index", ".json").z,
                               buf_str(&b)) && sync_dir(dir);
    *stamp = keyfile_stamp(dir);
    arena_close(&own);
    return good || because(why);
}

/* ---- keys ----------------------------------------------------------------- */

JwsKey *keyfile_read(Arena *mem, const char *dir, const KeyRow *row, Str *why)
{
    Arena own = { 0 };
    JwsKey *k = NULL;
    Str pem, said = { 0 };

    if (!read_key_file(&own, pem_path(dir, row->kid, ".pem").z, &pem))
        because(&said);
    else
        k = jws_key_read(&own, pem, (Alg)row->alg, (Str){ 0 }, &said);
    if (k != NULL && !str_is(jws_kid(k), row->kid)) {
        said = S("the file holds another key");
        jws_key_free(k);
        k = NULL;
    }
    if (k == NULL)
        *why = str_fmt(mem, "keys/%.*s.pem: %.*s", STR_ARGS(row->kid), STR_ARGS(said));
    wipe((void *)(uintptr_t)pem.at, pem.len);
    arena_close(&own);
    return k;
}

bool keyfile_write(const char *dir, const JwsKey *k, Str *why)
{
    Arena own = { 0 };
    Path path = pem_path(dir, jws_kid(k), ".pem");
    bool good = access(path.z, F_OK) == 0;

    if (!good) {
        Str pem = jws_key_pem(&own, k);
        good = write_key_file(pem_path(dir, jws_kid(k), ".new").z, path.z, pem);
        wipe((void *)(uintptr_t)pem.at, pem.len);
    }
    arena_close(&own);
    return good || because(why);
}

void keyfile_remove(const char *dir, Str kid)
{
    unlink(pem_path(dir, kid, ".pem").z);
}
