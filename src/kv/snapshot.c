/* snapshot.c - the file, in this machine's byte order (it never leaves it):
 *
 *   "TTKV1\n\0\0" | { Record | key | value } ... | SHA-256 of all before */
#include "kv/snapshot.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Record {
    i64 expires_ms, count;
    i32 key_len, value_len;
    u64 counter;
} Record;
static const char magic[8] = "TTKV1\n\0";
enum { FILE_MOST = 128 << 20 };

static bool read_all(int fd, char *to, isize n)
{
    for (isize got = 0; got < n;) {
        ssize_t k = read(fd, to + got, (size_t)(n - got));
        if (k <= 0)
            return false;
        got += k;
    }
    return true;
}

static bool read_bytes(Arena *mem, const char *path, Str *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return false;
    bool good = fstat(fd, &st) == 0 && st.st_size <= FILE_MOST;
    if (good) {
        char *to = make(mem, char, st.st_size + 1);
        good = read_all(fd, to, st.st_size);
        *out = (Str){ to, st.st_size };
    }
    close(fd);
    return good;
}

/* Cuts the magic and the digest off; false when either is wrong. */
static bool unwrap(Str *s)
{
    isize body = s->len - SHA256_BYTES;

    if (body < (isize)sizeof magic || memcmp(s->at, magic, sizeof magic) != 0)
        return false;
    Digest d = sha256(str_sub(*s, 0, body));
    if (!same_bytes(d.b, s->at + body, SHA256_BYTES))
        return false;
    *s = str_sub(*s, (isize)sizeof magic, body);
    return true;
}

static Str bite(Str *s, isize n)
{
    Str first = str_sub(*s, 0, n);
    *s = str_sub(*s, n, s->len);
    return first;
}

void snapshot_read(const char *path, Instant now,
                   void (*take_in)(Str key, const SnapshotEntry *entry, Instant now))
{
    Arena own = { 0 };
    Str s = { 0 };

    bool there = read_bytes(&own, path, &s);
    unlink(path);
    if (there && !unwrap(&s)) {
        log_warn("kv snapshot can't be read; starting empty", L("file", path));
        there = false;
    }
    while (there && s.len >= (isize)sizeof(Record)) {
        Record r;
        memcpy(&r, bite(&s, sizeof r).at, sizeof r);
        if (r.key_len < 0 || r.value_len < 0 || (i64)r.key_len + r.value_len > s.len)
            break;
        Str key = bite(&s, r.key_len);
        SnapshotEntry e = { { r.expires_ms }, r.count, r.counter == 1,
                            bite(&s, r.value_len) };
        if (before(now, e.expires))
            take_in(key, &e, now);
    }
    arena_close(&own);
}

static void put_entry(Buf *b, const Entry *e)
{
    Record r = { e->expires.ms, e->count, e->key_len, e->value_len, e->counter };

    buf_add(b, (Str){ (const char *)&r, sizeof r });
    buf_add(b, entry_key(e));
    buf_add(b, entry_value(e));
}

/* The arena's hard ceiling is far above the most that the shards may hold, but a
 * growing Buf keeps its old copies: so the size is counted first. */
static Str render(Arena *mem, const Shard *shards, int count)
{
    i64 size = 64;

    for (int i = 0; i < count; i++)
        size += shards[i].bytes;
    Buf b = buf_in(mem, size);
    buf_add(&b, (Str){ magic, sizeof magic });
    for (int i = 0; i < count; i++)
        for (isize k = 0; k < shards[i].count; k++)
            put_entry(&b, shards[i].heap[k]);
    Digest d = sha256(buf_str(&b));
    buf_add(&b, (Str){ (const char *)d.b, SHA256_BYTES });
    return buf_str(&b);
}

static bool write_all(int fd, Str s)
{
    while (s.len > 0) {
        ssize_t k = write(fd, s.at, (size_t)s.len);
        if (k <= 0)
            return false;
        s = str_sub(s, k, s.len);
    }
    return fsync(fd) == 0;
}

bool snapshot_write(const char *path, const Shard *shards, int count)
{
    Arena own = { 0 };
    const char *aside = str_z(&own, str_fmt(&own, "%s.new", path));
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0)
        file_inherit(aside, fd);
    bool good = fd >= 0 && write_all(fd, render(&own, shards, count));

    if (fd >= 0)
        good = close(fd) == 0 && good;
    good = good && rename(aside, path) == 0;
    arena_close(&own);
    return good;
}
