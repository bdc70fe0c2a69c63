/* named.h - what stands in the files that settings name, and in settings that are a
 * language of their own, read as the start reads them.
 *
 * Each of these stops a start (and a reload) though the setting itself is fine, so
 * doctor and `config --check` must see it before. Nothing is opened, asked or changed.
 * Needs: app.  Used by: doctor, show. */
#pragma once
#include "base/config.h"

typedef struct Named {
    const char *what;
    bool      (*reads)(Arena *mem, const Config *c, Str *detail);
    const char *cure;
} Named;

/* *detail says what was read, or why it can't be; absent: there is nothing to read. */
extern const Named named_settings[];
extern const isize named_count;
