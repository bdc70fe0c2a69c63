/* link.h - the bytes of one connection, plain or under TLS, behind one small table.
 *
 * What reads and writes above it knows neither sockets nor TLS, so HTTP/2 stands beside
 * HTTP/1.1 on the same links, and its streams are links themselves (h2_stream.c).
 * Needs: base.  Used by: conn.c, stream.c. */
#pragma once
#include <sys/uio.h>
#include "base/time.h"

typedef struct Link {
    const struct Transport *via;
    int   fd;
    bool  dry;                                    /* the last read left nothing to read */
    void *tls;
} Link;

enum { LINK_AGAIN = -1, LINK_GONE = -2 };         /* nothing now; nothing ever */
enum { GREETED = 1, GREETED_H2 = 2 };             /* what is spoken now       */

typedef struct Transport {
    /* Gives bytes, 0 at the peer's end, LINK_AGAIN or LINK_GONE. */
    isize (*read)(Link *l, char *to, isize n);
    isize (*write)(Link *l, const struct iovec *parts, int count);
    /* Shakes hands: GREETED or GREETED_H2 when done, LINK_AGAIN or LINK_GONE. */
    isize (*greet)(Link *l);
    /* Says that nothing more will be written. */
    void (*finish)(Link *l);
    void (*free)(Link *l);
    bool shared;           /* one request of several on a socket; carries no second one */
} Transport;

extern const Transport plain_transport, tls_transport;

/* TLS 1.2 and 1.3 by OpenSSL. NULL with the reason in *why. */
typedef struct Tls Tls;
typedef struct TlsFiles { Str cert, key; bool h2; } TlsFiles;   /* h2: is offered    */
Tls *tls_open(Arena *mem, const TlsFiles *files, Str *why);
void tls_close(Tls *t);
/* Whether such a pair would be taken, and when the certificate ends. */
CHECKED bool tls_look(Arena *mem, const TlsFiles *files, Instant *ends, Str *why);
/* Reads the files again, for connections to come. False with the reason in *why, and
 * all stays as it was.
 *   thread  any */
CHECKED bool tls_reload(Tls *t, Arena *mem, Str *why);
/* True when the files are others than those that were read last. Files that could not be
 * read count as read, so a bad one is said once. */
bool tls_stale(Tls *t);
/* Puts TLS on a link that has its fd. */
CHECKED bool tls_wrap(Tls *t, Link *l);

/* For these two: puts an SSL on the link, which must stay where it is. */
CHECKED bool tls_sit_on(Link *l, void *ssl);

/* The same for asking others: their certificate must be good for `host` (a name or an
 * address), signed by `ca_file` or, where that is empty, by who the system trusts; with
 * cert_file and key_file we show one too. */
typedef struct TlsClient TlsClient;
TlsClient *tls_client_open(Arena *mem, Str ca_file, Str cert_file, Str key_file,
                           Str *why);
void tls_client_close(TlsClient *t);
CHECKED bool tls_client_wrap(TlsClient *t, Link *l, const char *host);
/* Why the handshake failed, for the log. */
const char *tls_client_why(const Link *l);
