/* fetch.h - one HTTP request to somewhere else, asked and waited for.
 *
 * For threads that may wait (workers, jobs, senders), never for an io thread. Follows
 * no redirect, uses no proxy of the environment, verifies every certificate and its
 * name; sends no header but those given, Host, Content-Length and Connection, and to
 * FETCH_ANYONE the trace that cx is in.
 * Needs: req (Header), network.  Used by: identity, gateway, web, cli. */
#pragma once
#include "net/req.h"

typedef enum FetchReach {                         /* whom it may reach        */
    FETCH_PUBLIC,    /* the internet only: for addresses that a customer gave */
    FETCH_ANYONE     /* also this machine and private networks: an operator's */
} FetchReach;

typedef enum FetchLong { FETCH_REFUSE, FETCH_CUT } FetchLong;

typedef struct Fetch {
    Method        method;
    Str           url;                            /* absolute, without user and
                                                     password */
    const Header *headers;
    isize         header_count;
    Str           body;
    FetchReach    reach;
    bool          plain;                          /* http:// too              */
    Str           ca;                             /* file of a private authority; absent:
                                                     the machine's */
    Span          within;                         /* all of it; 0: 10 s; never past
                                                     cx->deadline */
    const _Atomic i64 *until;                     /* mono ns, or NULL: given up then, also
                                                     when it is set while we wait; 0: not
                                                     set */
    isize         most;                           /* bytes of body; 0: 1 MiB  */
    FetchLong     too_long;                       /* what becomes of a longer one */
} Fetch;

typedef struct Fetched {
    int    status;                                /* any: 500 is an answer too */
    Str    body;
    Header headers[HEADERS_MOST];                 /* of the final answer      */
    isize  header_count;
    i64    us;
} Fetched;

/* Asks and gives what was answered, in cx->mem. With FETCH_PUBLIC the check is made on
 * the address that is connected to, after its name was resolved, so no name can lead
 * into a private network by changing its mind.
 *   fails   VALIDATION_ERROR (a URL or header that can't be used), BAD_GATEWAY (not to
 *           be reached, no TLS, or no HTTP), GATEWAY_TIMEOUT */
CHECKED bool fetch(Ctx *cx, const Fetch *f, Fetched *out);

/* A header of the answer, absent when it did not come. */
Str fetched_header(const Fetched *r, Str name);
