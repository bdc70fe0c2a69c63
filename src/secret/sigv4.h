/* sigv4.h - AWS Signature Version 4: proves a request, without sending the key.
 *
 * Needs: crypto, req.  Used by: aws.c.
 *   source  AWS, "Create a signed AWS API request", the request's steps 1 to 4 */
#pragma once
#include "base/crypto.h"
#include "net/req.h"

typedef struct SigV4 {
    Str     key_id;
    Secret  key;
    Str     session;                              /* absent: credentials that don't end */
    Str     region, service;
    Instant at;
} SigV4;

enum { SIGV4_HEADERS_MOST = 16, SIGV4_ADDS = 3 };

/* Signs all of `headers`, Host and its own X-Amz-Date.
 *   path    as it goes on the wire; every service but S3 has it encoded once more
 *   query   as it goes on the wire, without '?'
 *   gives   in `add` the headers to send besides; how many they are */
isize sigv4_sign(Arena *mem, const SigV4 *s, Str method, Str host, Str path, Str query,
                 const Header *headers, isize count, Str body, Header add[SIGV4_ADDS]);
