/* config_row.h - one row of the table of settings: how a text becomes its value in a
 * Config.
 *
 * What else is done with a row (compare, take over, show, wipe) is for others too, and
 * stands in config.h.
 * Needs: config.  Used by: config.c alone. */
#pragma once
#include "base/config.h"

typedef enum RowKind {
    GROUP_TITLE, KIND_INT, KIND_TEXT, KIND_PATH, KIND_LIST, KIND_BOOL, KIND_SPAN,
    KIND_NAMES, KIND_SECRET
} RowKind;

enum {
    CONFIG_ROWS = 0
#define GROUP(title) + 1
#define CONFIG(field, name, kind, otherwise, least, most, says) + 1
#include "base/config.def"
#undef GROUP
#undef CONFIG
};
extern const ConfigFacts config_table[CONFIG_ROWS];

RowKind row_kind(isize row);

/* False with a line in `mistakes`, which never holds a secret. */
typedef struct Into { Arena *mem; Config *out; Buf *mistakes; } Into;
bool row_set(const Into *in, isize row, Str value);
