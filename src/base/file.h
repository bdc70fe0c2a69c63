/* file.h - whole small files: read at once, written wholly or not at all.
 * Needs: str.  Used by: config, cli, web. */
#pragma once
#include "base/str.h"

/* The whole file, at most `most` bytes. False with errno (EFBIG when larger). */
CHECKED bool file_read(Arena *mem, Str path, isize most, Str *out);

/* Everything that can be read from `fd`, at most `most` bytes; errno as above. */
CHECKED bool file_read_fd(Arena *mem, int fd, isize most, Str *out);

/* Root who runs a command in a folder of somebody else's leaves nothing there that the
 * owner can't open: gives what root has just made at `path`, open as `fd`, to whoever
 * owns the folder that it is in. Nothing when we are not root. */
void file_inherit(const char *path, int fd);

/* mkdir(2) of mode 0700 with the same; true when it was there too. */
CHECKED bool folder_add(const char *path);

/* Replaces `path` by a file of mode 0600 that holds `text`, durable when true: a
 * crash leaves the old file or the new one. False with errno. */
CHECKED bool file_write_private(Arena *mem, Str path, Str text);

/* Makes a folder of mode 0700 and those above it; true when it is there. */
CHECKED bool folder_make(Arena *mem, Str path);
