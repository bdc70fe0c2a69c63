/* config.h - the settings, read once at boot, and again when somebody asks for it.
 *
 * From the command line, the environment, files, and a server of secrets, in the order
 * that config_source.h tells. All mistakes are reported at once. Secrets have no
 * defaults: outside production a missing one is made once into DATA_DIR/secrets.env (mode
 * 0600) and its name is logged; in production that file is not read, every missing one is
 * listed and the start is refused. An empty value counts as none.
 * Needs: file, crypto.  Used by: main, cli; rooms are given the values they need. */
#pragma once
#include "base/crypto.h"
#include "base/ctx.h"

typedef i64    ConfigINT;
typedef Str    ConfigTEXT;
typedef Str    ConfigPATH;
typedef Str    ConfigLIST;
typedef bool   ConfigBOOL;
typedef Span   ConfigSPAN;
typedef int    ConfigNAMES;                       /* the word's place in its list */
typedef Secret ConfigSECRET;

typedef struct Config {
#define GROUP(title)
#define CONFIG(field, name, kind, otherwise, least, most, says) Config##kind field;
#include "base/config.def"
#undef GROUP
#undef CONFIG
    Str *from;                                    /* by row of the table: "environment",
                                                     "file ..." */
    Str  strangers;                               /* names in .env that are no setting, a
                                                     blank between */
} Config;

/* Places in the table's lists of words. */
enum { ENV_DEVELOPMENT, ENV_PRODUCTION, ENV_TEST, ENV_STAGING };
enum { LEVEL_AUTO, LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR, LEVEL_SILENT };
enum { FORMAT_AUTO, FORMAT_JSON, FORMAT_PRETTY };
enum { LIMITS_AUTO, LIMITS_ON, LIMITS_OFF };
enum { CLOCK_SYSTEM, CLOCK_TEST };
enum { WEBHOOKS_AUTO, WEBHOOKS_PUBLIC, WEBHOOKS_ANYONE };
enum { PAY_SANDBOX };                             /* pay_provider             */

/* A row without a name opens its group. */
typedef struct ConfigFacts {
    const char *group, *field, *name, *kind, *otherwise, *says;
    i64 least, most;
    bool live;                                    /* SIGHUP changes it too    */
} ConfigFacts;
const ConfigFacts *config_facts(isize *count);

/* True for the name of a setting, and for NAME_FILE. */
bool config_asks_for(Str name);

/* A setting given on the command line; it wins over the environment. */
typedef struct ConfigGiven { const char *name; Str value; } ConfigGiven;

/* A value that stands somewhere outside, and what that place is called. */
typedef struct ConfigPair { struct ConfigPair *next; Str name, value, from; } ConfigPair;

/* Asks the server of secrets that `c` names, if it names one. Only the settings of the
 * group CONFIG_STORES are read then, and they never come from there.
 *   gives   *out, in mem, which is wiped
 *   fails   with a line in `mistakes` that holds no secret */
#define CONFIG_STORES "Where secrets are kept"
typedef bool ConfigPlace(Arena *mem, const Config *c, ConfigPair **out, Buf *mistakes);
void config_place(ConfigPlace *read);             /* before the first config_read */

/* Reads everything. `mistakes` gets one line each and stays empty when true. A secret
 * that is "optional" may be missing.
 *   gives   *out, texts in mem; `made` names the secrets that were generated. With `made`
 *           NULL none is: outside production they are then empty */
CHECKED bool config_read(Arena *mem, const ConfigGiven *given, isize n, Config *out,
                         Buf *mistakes, Buf *made);

/* The value of a row as it is, a secret too: for a fingerprint, in memory that is
 * wiped. */
void config_raw(Buf *b, const Config *c, isize row);

/* Whether a row of the table has the same value in both. */
bool config_same(const Config *a, const Config *b, isize row);

/* Takes over the value of a row, in mem; `from` gets the secret that was there. */
void config_take(Arena *mem, Config *to, Config *from, isize row);

/* Wipes the secrets; also after a config_read that failed. */
void config_wipe(Config *c);

/* `tickettoken config`: the table with present values, secrets masked; the example
 * file; the page of the manual. */
void config_print(Buf *b, const Config *c);
void config_print_sources(Buf *b, const Config *c);       /* NAME and from where */
void config_print_example(Buf *b);
void config_print_manual(Buf *b);

/* SPAN syntax: 15m, 7d, 300s, 12h, or plain seconds. */
CHECKED bool span_read(Str s, Span *out);
void span_write(Buf *b, Span s);
