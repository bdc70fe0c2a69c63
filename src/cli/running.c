/* running.c - two servers on one embedded database would relay every tiding twice, so a
 * server holds a lock on its data directory. Commands need none: SQLite lets several
 * processes write, and each write is a transaction. */
#include "cli/running.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/cli.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static Str lock_path(Arena *mem, const Config *c)
{
    return str_fmt(mem, "%.*s/server.lock", STR_ARGS(c->data_dir));
}

static int open_lock(Arena *mem, const Config *c, int flags)
{
    return open(str_z(mem, lock_path(mem, c)), flags | O_CLOEXEC, 0600);
}

bool running_claim(App *app)
{
    bool there = folder_make(&app->mem, app->config.data_dir);
    int fd = there ? open_lock(&app->mem, &app->config, O_RDWR | O_CREAT) : -1;

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        file_inherit(str_z(&app->mem, lock_path(&app->mem, &app->config)), fd);
        app->lock = fd;
        return true;
    }
    if (fd >= 0 && errno == EWOULDBLOCK)
        cli_failed("another server runs on %.*s; stop it, or give --data another folder",
                   STR_ARGS(app->config.data_dir));
    else
        cli_failed("%.*s: %s", STR_ARGS(app->config.data_dir), strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

void running_tell_url(App *app, Str url)
{
    must(app->lock > 0);
    if (ftruncate(app->lock, 0) != 0 ||
        pwrite(app->lock, url.at, (size_t)url.len, 0) != url.len)
        log_warn("server.lock can't be written", L("errno", errno));
}

Str running_find(Arena *mem, const Config *c)
{
    int fd = open_lock(mem, c, O_RDONLY);
    Str url = { 0 };

    if (fd < 0)
        return url;
    if (flock(fd, LOCK_SH | LOCK_NB) != 0 && !file_read_fd(mem, fd, 500, &url))
        url = (Str){ 0 };
    close(fd);
    return url;
}
