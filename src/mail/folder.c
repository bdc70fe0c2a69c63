/* folder.c - a letter is a file, NAME.eml, that any mail program opens. It is written
 * aside and renamed, so who looks into the folder never sees half a letter. Names
 * begin with the time, so a listing is in order. */
#include "mail/engine.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder;

static bool start(Arena *mem, Str rest, Str *why)
{
    const char *path = str_z(mem, rest);

    if (rest.len == 0 || !folder_add(path)) {
        *why = str_fmt(mem, "MAIL_URL: can't make the folder \"%s\": %s", path,
                       strerror(errno));
        return false;
    }
    folder = strdup(path);
    must(folder != NULL);
    return true;
}

static void end(void)
{
    free(folder);
    folder = NULL;
}

static bool write_file(const char *path, Str s)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return false;
    bool good = true;
    while (good && s.len > 0) {
        ssize_t k = write(fd, s.at, (size_t)s.len);
        good = k > 0;
        s = str_sub(s, good ? k : 0, s.len);
    }
    good = good && fsync(fd) == 0;
    return close(fd) == 0 && good;
}

static bool send_letter(Ctx *cx, Str from, Str to, Str message)
{
    (void)from, (void)to;
    Str id = uuid_str(cx->mem, uuid_new(cx->now));
    const char *aside = str_z(cx->mem,
                              str_fmt(cx->mem, "%s/.%.*s.new", folder, STR_ARGS(id)));
    const char *path = str_z(cx->mem,
                             str_fmt(cx->mem, "%s/%.*s.eml", folder, STR_ARGS(id)));

    if (write_file(aside, message) && rename(aside, path) == 0)
        return true;
    int error = errno;
    unlink(aside);
    return fail(cx, INTERNAL_ERROR, "letter not written: %s", strerror(error));
}

const MailEngine mail_folder = {
    .scheme = "folder:", .open = start, .close = end, .send = send_letter,
};
