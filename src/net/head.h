/* head.h - one request head (RFC 9112 sections 2 to 6), strictly.
 *
 * What is doubtful is refused: there is one way to frame a body, one way to end a
 * line, one Host. The parser reads a whole head or asks for more; it never guesses.
 * Needs: base.  Used by: conn.c, the fuzz target. */
#pragma once
#include "net/req.h"

enum { HEAD_MOST = 16 << 10, TARGET_MOST = 8 << 10 };

typedef enum HeadResult { HEAD_DONE, HEAD_MORE, HEAD_BAD } HeadResult;

typedef struct Head {
    Str     method_text;
    Method  method;                               /* M_HEAD stays M_HEAD here */
    Str     target, path, query;                  /* path decoded, in mem     */
    int     minor;                                /* HTTP/1.minor             */
    Header  headers[HEADERS_MOST];
    isize   count;
    isize   size;                                 /* bytes the head took      */
    const char *end;                              /* where its last field ends */
    i64     length;                               /* Content-Length, -1: none */
    bool    chunked, close, expect_continue;
    bool    keep_old;                             /* HTTP/1.0 asked to be kept */
    FaultCode fault;                              /* why HEAD_BAD             */
    const char *why;
} Head;

/* Reads the head at the start of `in`. HEAD_MORE while it has no end and is within
 * HEAD_MOST. Texts point into `in`, the decoded path into mem. */
HeadResult head_read(Arena *mem, Str in, Head *out);

/* Percent-decodes and removes dot segments (RFC 3986 5.2.4). False for a bad escape,
 * an encoded slash, a control character, a backslash, bytes that are no UTF-8, or a
 * path that leaves the root. A path with nothing to settle is given back as it is. */
CHECKED bool path_settle(Arena *mem, Str raw, Str *out);

/* Decodes one name or value of a query as forms write it (WHATWG URL 5.1): '+' is a
 * space, a '%' that starts no escape stays. False when the result has a NUL or is no
 * UTF-8. */
CHECKED bool query_decode(Arena *mem, Str raw, Str *out);

/* One field line with its CRLF, for other heads and for trailers: moves *at behind it.
 * HEAD_BAD with *why. */
HeadResult head_field(const char **at, const char *end, Header *out, const char **why);

/* A chunked body (RFC 9112 7.1) that is being read; starts as zeroes. Who wants the
 * trailers gives TRAILERS_MOST bytes of room for their lines. */
enum { TRAILERS_MOST = 4096 };
typedef struct Chunked {
    int    state;
    i64    left, body;
    isize  line;
    char  *trailers;                              /* NULL: they are forgotten */
    isize  trailers_len;
} Chunked;
/* Takes bytes off `*in`, puts the body bytes at to + *len (`to` may be where `in`
 * began, else it has room for in->len more) and adds to *len. HEAD_DONE at the end of
 * the trailers, HEAD_BAD with *fault. */
HeadResult chunked_read(Chunked *c, Str *in, char *to, isize *len, i64 body_most,
                        FaultCode *fault);
