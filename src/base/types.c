/* types.c - the end of a process that has contradicted itself. */
#include "base/types.h"
#include <stdio.h>
#include <stdlib.h>

void must_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "tickettoken: broken invariant: %s (%s:%d)\n", what, file, line);
    abort();
}
