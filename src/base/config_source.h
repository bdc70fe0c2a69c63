/* config_source.h - where the value of a setting comes from, before anybody asks whether
 * it is a good one.
 *
 * The order: command line, environment, a file that NAME_FILE names, .env, the folder
 * SECRETS_DIR, a server of secrets, secrets.env. An empty text is no setting.
 * Needs: file, config.  Used by: config.c alone. */
#pragma once
#include "base/config.h"

typedef struct Sources {
    Arena             *raw;                      /* wiped: what was read as it was read */
    const ConfigGiven *given;
    isize              given_count;
    ConfigPair        *named, *file, *folder, *away, *kept;
    Buf               *mistakes;
} Sources;

typedef struct Found { Str value, from; } Found;

/* The value of a setting and where it stands; both absent when nowhere. */
Found source_find(const Sources *s, const char *name);

/* .env, and every file that a NAME_FILE of the environment or of .env names. */
void source_open(Sources *s);

/* Names in .env that nobody asks for, a blank between; in `mem`. Other programs may read
 * the same file, so it is no mistake; but often it is a name misspelt. */
Str source_strangers(const Sources *s, Arena *mem);

/* What stands in `folder`, one file a setting. */
void source_folder(Sources *s, Str folder);

/* The lines NAME=value of a file; none when it is not there. A line that is something
 * else becomes a mistake. */
ConfigPair *source_read(Sources *s, Str path, Str from);
