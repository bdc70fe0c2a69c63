/* config_check.h - the rules that a setting keeps with others, and how its text must
 * begin. Needs: config.  Used by: config.c alone. */
#pragma once
#include "base/config.h"

/* False with one line each in `mistakes`. */
bool config_check(const Config *c, Buf *mistakes);
