/* h2_head.h - the fields of one HTTP/2 request, gathered and written as the head that it
 * would be in HTTP/1.1, so that one reader (head.h) judges both; or of its trailers.
 * Needs: base.  Used by: h2.c. */
#pragma once
#include "base/ctx.h"

typedef struct H2Head {
    char *at;                                     /* a line each, as they came */
    isize len, cap;
    bool  open;                                   /* its end has yet to come  */
    bool  too_large, bad;
    bool  head_only;                              /* the method is HEAD       */
} H2Head;

/* Forgets one and begins the next. */
void h2_head_begin(H2Head *h);
void h2_head_add(H2Head *h, Str name, Str value);

/* The text of a whole head (RFC 9113 8.3.1): request line, one Host, the other fields,
 * one Cookie (8.2.3). With OK; else what is wrong with it. */
FaultCode h2_head_text(const H2Head *h, Arena *mem, Str *out);
/* The lines of trailers, as long as they are not freed. */
FaultCode h2_head_trailers(const H2Head *h, Str *out);
void h2_head_free(H2Head *h);
