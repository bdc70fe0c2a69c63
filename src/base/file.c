/* file.c - the new text goes to a file of its own beside the old one and takes its
 * name by rename(2); O_EXCL, so that two writers never share it. */
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_read_fd(Arena *mem, int fd, isize most, Str *out)
{
    Buf b = buf_in(mem, 4096);
    char chunk[4096];
    isize n;

    while ((n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (b.len + n > most) {
            errno = EFBIG;
            return false;
        }
        buf_add(&b, (Str){ chunk, n });
    }
    *out = buf_str(&b);
    return true;
}

bool file_read(Arena *mem, Str path, isize most, Str *out)
{
    int fd = open(str_z(mem, path), O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    bool good = file_read_fd(mem, fd, most, out);
    int why = errno;
    close(fd);
    errno = why;
    return good;
}

/* A name in a folder of others may be a link by now: only what is itself there, and by no
 * other name, is given away. */
static bool is_itself(const char *path, const struct stat *open)
{
    struct stat there;

    return lstat(path, &there) == 0 && there.st_ino == open->st_ino &&
           there.st_dev == open->st_dev &&
           (S_ISDIR(open->st_mode) || open->st_nlink == 1);
}

void file_inherit(const char *path, int fd)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX] = ".";
    struct stat is, in;

    if (geteuid() != 0 || strlen(path) >= sizeof folder)
        return;
    if (slash != NULL)
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path),
                 path);
    if (fstat(fd, &is) != 0 || stat(folder, &in) != 0 || in.st_uid == is.st_uid ||
        is.st_uid != 0 || !is_itself(path, &is))
        return;
    if (fchown(fd, in.st_uid, in.st_gid) != 0)
        return;                             /* then its owner hears "permission denied" */
}

bool folder_add(const char *path)
{
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        file_inherit(path, fd);
        close(fd);
    }
    return true;
}

static bool write_all(int fd, Str text)
{
    for (isize done = 0; done < text.len;) {
        isize n = write(fd, text.at + done, (size_t)(text.len - done));
        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? n : 0;
    }
    return fsync(fd) == 0;
}

/* A rename is durable once the folder is. */
static bool sync_folder(Arena *mem, Str path)
{
    isize slash = path.len;

    while (slash > 0 && path.at[slash - 1] != '/')
        slash--;
    Str folder = slash == 0 ? S(".") : str_sub(path, 0, slash);
    int fd = open(str_z(mem, folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

bool file_write_private(Arena *mem, Str path, Str text)
{
    const char *to = str_z(mem, path);
    const char *fresh = str_fmt(mem, "%s.new.%d", to, (int)getpid()).at;
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return false;
    file_inherit(fresh, fd);
    bool good = write_all(fd, text);
    good &= close(fd) == 0;
    if (!good || rename(fresh, to) != 0) {
        int why = errno;
        unlink(fresh);
        errno = why;
        return false;
    }
    return sync_folder(mem, path);
}

bool folder_make(Arena *mem, Str path)
{
    char *at = make(mem, char, path.len + 1);
    struct stat st;

    memcpy(at, path.at, (size_t)path.len);
    for (isize i = 1; i <= path.len; i++) {
        if (i < path.len && at[i] != '/')
            continue;
        char c = at[i];
        at[i] = '\0';
        if (!folder_add(at))
            return false;
        at[i] = c;
    }
    return stat(at, &st) == 0 && S_ISDIR(st.st_mode);
}
