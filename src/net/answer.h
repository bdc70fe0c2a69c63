/* answer.h - one response head of an upstream (RFC 9112 sections 4 to 6), as strictly as
 * head.h reads requests: what two readers could frame differently is no answer.
 *
 * Also which fields go no further than one hop (RFC 9110 7.6.1), for both directions.
 * Needs: head.  Used by: forward.c, ask.c, gateway, the fuzz target. */
#pragma once
#include "net/head.h"

typedef enum BodyEnd {
    ENDS_AT_HEAD, ENDS_BY_LENGTH, ENDS_BY_CHUNKS, ENDS_AT_CLOSE
} BodyEnd;

typedef struct AnswerHead {
    int      status, minor;                       /* 100..599, HTTP/1.minor   */
    Header   headers[HEADERS_MOST];
    isize    count;
    isize    size;                                /* bytes the head took      */
    i64      length;                              /* Content-Length, -1: none */
    bool     chunked, close;                      /* close: after this answer */
    BodyEnd body;
    const char *why;                              /* why HEAD_BAD             */
} AnswerHead;

/* Reads the head at the start of `in`: HEAD_MORE while it has no end and is within
 * HEAD_MOST. `to_head` says that HEAD was asked, so that no body follows. */
typedef enum Asked { ASKED_BODY, ASKED_HEAD } Asked;
HeadResult answer_read(Str in, Asked asked, AnswerHead *out);

/* True for a field that concerns this connection alone: those of RFC 9110 7.6.1, those
 * that frame the body, and those that one of the Connection fields names. */
bool hop_field(Str name, const Header *headers, isize count);

/* Rewrites the trailer lines that may be passed on (RFC 9110 6.5.1: none that frames,
 * routes or authenticates), and of these what `passes` lets through, into `to`, as large
 * as them. Gives how many bytes; -1 when they are no trailers, or more than
 * HEADERS_MOST. */
typedef bool FieldPasses(const void *of, Str name);
isize trailers_filter(Str lines, FieldPasses *passes, const void *of, char *to);
