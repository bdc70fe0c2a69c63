/* verb.h - a command that is several, told apart by its first word: user add, user list.
 *
 * One table says which there are. Whatever is asked for, the settings are read, the
 * schema is brought up to date and the engines opened before it, and closed after.
 * Needs: app, cli.  Used by: the commands that have verbs. */
#pragma once
#include "cli/app.h"
#include "cli/cli.h"

/* word: what follows the verb */
typedef struct Work { Args *a; Ctx cx; Str word; } Work;

typedef struct Verb {
    const char *name;
    const char *wants;                            /* "ID"; NULL: no word after it */
    Exit      (*run)(Work *w);
    bool        looks;                            /* at what is there: begins no folder */
} Verb;

struct Verbs { const Verb *at; isize count; AppEngines engines; };   /* of Command */

/* The verb that was typed, or the first of them; in the tenant of --tenant, where the
 * command has that option, else in the first one. */
Exit verb_run(const Command *c, Args *a);
