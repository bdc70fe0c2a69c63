/* link.h - the bytes of one connection, plain or under TLS, behind one small table.
 *
 * What reads and writes above it knows neither sockets nor TLS, so that another
 * protocol can stand beside HTTP/1.1 on the same links.
 * Needs: base.  Used by: conn.c, stream.c. */
#pragma once
#include <sys/uio.h>
#include "base/str.h"

typedef struct Link {
    const struct Transport *via;
    int   fd;
    void *tls;
} Link;

enum { LINK_AGAIN = -1, LINK_GONE = -2 };         /* nothing now; nothing ever */

typedef struct Transport {
    /* Gives bytes, 0 at the peer's end, LINK_AGAIN or LINK_GONE. */
    isize (*read)(Link *l, char *to, isize n);
    isize (*write)(Link *l, const struct iovec *parts, int count);
    /* Shakes hands: 1 when done, LINK_AGAIN or LINK_GONE. */
    isize (*greet)(Link *l);
    /* Says that nothing more will be written. */
    void (*finish)(Link *l);
    void (*free)(Link *l);
    bool short_is_dry;      /* a read that fills less than it could has emptied it */
} Transport;

extern const Transport plain_transport;

/* TLS 1.2 and 1.3 by OpenSSL. NULL with the reason in *why. */
typedef struct Tls Tls;
Tls *tls_open(Arena *mem, Str cert_file, Str key_file, Str *why);
void tls_close(Tls *t);
/* Puts TLS on a link that has its fd. */
CHECKED bool tls_wrap(Tls *t, Link *l);

/* The same for asking others: their certificate must be good for `host` (a name or an
 * address), signed by `ca_file` or, where that is empty, by who the system trusts; with
 * cert_file and key_file we show one too. */
Tls *tls_open_client(Arena *mem, Str ca_file, Str cert_file, Str key_file, Str *why);
CHECKED bool tls_wrap_client(Tls *t, Link *l, const char *host);
/* Why the handshake failed, for the log. */
const char *tls_why(const Link *l);
