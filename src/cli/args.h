/* args.h - what was typed after the command's name.
 *
 * An option is --name value, --name=value or, when it takes none, --name. What is
 * not known is refused with the nearest known name.
 * Needs: config.  Used by: every command. */
#pragma once
#include "base/config.h"

typedef struct Option {
    const char *name;            /* "--port"                                 */
    const char *value;           /* what stands after it in help; NULL: nothing */
    const char *setting;         /* the setting it gives; NULL: the command's own */
    const char *says;
} Option;

enum { ARGS_MOST = 16, GIVEN_MOST = 32 };

typedef struct Args {
    Arena        *mem;
    const Option *options;
    isize         option_count;
    const char   *words[ARGS_MOST];      /* what is no option                */
    isize         word_count;
    Str           values[ARGS_MOST];     /* by option; absent: not given     */
    ConfigGiven   given[GIVEN_MOST];     /* settings from options and --set  */
    isize         given_count;
    bool          help;
} Args;

/* False with a sentence for the user in *why. */
CHECKED bool args_read(Args *a, int argc, char **argv, Str *why);

/* The value of an option of the table; absent when it was not given. An option that
 * takes no value is given as an empty text. */
Str args_value(const Args *a, const char *name);

/* The known word that is nearest to `typed`, NULL when none is near. */
typedef const char *NameAt(const void *list, isize i);
const char *nearest(const char *typed, const void *list, isize count, NameAt *name);
const char *nearest_setting(const char *typed);

/* Names a letter or two beside a setting, in .env and in the environment, as
 * "PROT (PORT?)", a blank between; empty when there is none. */
Str misspelt(Arena *mem, const Config *c);
