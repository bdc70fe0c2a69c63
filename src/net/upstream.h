/* upstream.h - a service behind this server: where it is, how patient we are with it, how
 * it has been doing. All io threads share one; each has lines of its own to it (line.h).
 *
 * It is counted: whoever knows it holds it, so one that is not wanted any more ends with
 * its last exchange. Names are looked up when it is opened and every 30 s, by a thread
 * that may wait. Needs: breaker, link.  Used by: line.c, forward.c, gateway. */
#pragma once
#include <stdatomic.h>
#include <sys/socket.h>
#include "net/breaker.h"
#include "net/link.h"

/* UPSTREAM_PLACES: with those from before that have not ended yet. */
enum { UPSTREAMS_MOST = 64, UPSTREAM_PLACES = 192, ENDPOINTS_MOST = 16,
       ADDRESSES_MOST = 8 };

/* "https://host:port/path"; path without its last slash, so "" for the root. */
typedef struct Url { bool secure; Str host, authority, path; int port; } Url;
CHECKED bool url_read(Arena *mem, Str text, Url *out);

typedef struct UpstreamConfig {
    Str  name;
    const Url *urls;                              /* alike but for host and port */
    int  url_count;
    Str  ca_file, cert_file, key_file;            /* https; empty: the system's, none */
    Span connect_within, first_within, idle_within, kept;
    i64  lines_most;                              /* over all io threads      */
    BreakerRules breaker;
} UpstreamConfig;

/* One of its addresses. A host may have several IP addresses: they are used in turn. */
typedef struct Endpoint {
    Url   url;
    Str   host_line;                              /* "Host: authority\r\n"   */
    Lock  lock;                                   /* of the three below       */
    struct sockaddr_storage at[ADDRESSES_MOST];
    socklen_t len[ADDRESSES_MOST];
    int   count, next;
    bool  numeric;
    _Atomic u64 generation;                       /* of the addresses         */
    _Atomic i64 down_until_ns;                    /* not asked until then     */
} Endpoint;

enum { LATENCY_STEPS = 10 };
extern const int latency_ms[LATENCY_STEPS];       /* upper bounds             */

typedef struct UpstreamCounts {
    _Atomic i64 requests, retries, open, waiting; /* open: lines, idle ones too */
    _Atomic i64 unreachable, late, broken, refused;  /* by breaker or for want of lines */
    _Atomic i64 classes[6];                       /* answers, by status / 100 */
    _Atomic i64 latency[LATENCY_STEPS + 1], latency_us;  /* until the head came */
} UpstreamCounts;

typedef struct Upstream {
    Arena     mem;                                /* what is to live as long  */
    _Atomic int users;
    _Atomic bool retired;                         /* none of its lines is kept */
    UpstreamConfig config;
    int       number;                             /* its place in every io thread */
    Endpoint  endpoints[ENDPOINTS_MOST];
    int       count;
    TlsClient *tls;                               /* NULL: plain              */
    Breaker   breaker;
    UpstreamCounts counts;
} Upstream;

/* Opens one, held by who asks; the config is copied. NULL with the reason in mem. A name
 * that can't be found now is no reason: it is looked up again.
 *   thread  one at a time; io threads may run */
Upstream *upstream_open(Arena *mem, const UpstreamConfig *config, Str *why);
void upstream_hold(Upstream *u);
void upstream_let_go(Upstream *u);

/* Lets it go, and its idle lines: nobody will ask it any more. */
void upstream_retire(Upstream *u);

/* Starts the look-ups, once there are names. And ends them, once no io thread runs. */
void upstreams_start(void);
void upstreams_close(void);

/* What was found for its name. The order means nothing (DNS turns it from answer to
 * answer); other addresses begin a new generation, and lines to old ones are used no
 * more. */
struct addrinfo;
void endpoint_take(Endpoint *e, const struct addrinfo *found);

/* An address of an endpoint, the next in turn. False when none is known. */
CHECKED bool endpoint_address(Endpoint *e, struct sockaddr_storage *at, socklen_t *len);

/* Not to be asked for a second, or to be asked again. */
void endpoint_failed(Endpoint *e, Mono now);
void endpoint_fine(Endpoint *e);
bool endpoint_down(const Endpoint *e, Mono now);
