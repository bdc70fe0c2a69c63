/* tls.c - certificates and what is agreed on in a handshake; the bytes go by tls_link.c.
 * Sessions are resumed by tickets, so the server keeps none; renegotiation is off; an
 * idle connection gives its record buffers back. ALPN offers h2 and http/1.1 in this
 * order, and a client that wants only something else is told so in the handshake. */
#include "net/link.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "base/lock.h"
#include "base/log.h"

enum { PATH_MOST = 512 };

typedef struct Stamp { i64 changed_ns[2], inode[2]; } Stamp;

struct Tls {
    Lock     lock;                                /* of the two below         */
    SSL_CTX *context;                             /* of new connections       */
    Stamp    seen;
    char     cert[PATH_MOST], key[PATH_MOST];
    bool     h2;
};


static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    const Tls *t = arg;
    unsigned skip = t->h2 ? 0 : 3;
    unsigned char *chosen;

    (void)ssl;
    if (SSL_select_next_proto(&chosen, out_len, ours + skip, sizeof ours - 1 - skip, in,
                              in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *refuse(Arena *mem, SSL_CTX *c, Str *why, const char *what,
                       const char *path)
{
    unsigned long e = ERR_get_error();
    const char *reason = ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e))
                                             : ERR_reason_error_string(e);

    *why = str_fmt(mem, "%s %s: %s", what, path,
                   reason != NULL ? reason : "can't be used");
    SSL_CTX_free(c);
    return NULL;
}

static SSL_CTX *new_context(Tls *t)
{
    SSL_CTX *c = SSL_CTX_new(TLS_server_method());

    must(c != NULL);
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(c, 1);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(c, choose_protocol, t);
    must(SSL_CTX_set_cipher_list(c, ciphers) == 1);
    return c;
}

/* ASN1_TIME of the certificate; 0 when there is none. */
static Instant end_of(SSL_CTX *c)
{
    struct tm tm = { 0 };
    X509 *x = SSL_CTX_get0_certificate(c);

    if (x == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1)
        return (Instant){ 0 };
    return (Instant){ (i64)timegm(&tm) * 1000 };
}

/* People can't come in, but a certificate is often renewed in place: it is no reason not
 * to start. */
static void warn_expired(const Tls *t, SSL_CTX *c)
{
    if (before(end_of(c), time_now()))
        log_warn("the certificate has expired: browsers refuse it",
                 L("file", (const char *)t->cert));
}

static SSL_CTX *read_files(Tls *t, Arena *mem, Str *why)
{
    SSL_CTX *c = new_context(t);

    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(c, t->cert) != 1)
        return refuse(mem, c, why, "TLS_CERT_FILE", t->cert);
    if (SSL_CTX_use_PrivateKey_file(c, t->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(c) != 1)
        return refuse(mem, c, why, "TLS_KEY_FILE", t->key);
    return c;
}

static Stamp stamp_of(const Tls *t)
{
    const char *files[] = { t->cert, t->key };
    Stamp s = { 0 };

    for (int i = 0; i < 2; i++) {
        struct stat is;
        if (stat(files[i], &is) == 0) {
            s.changed_ns[i] = is.st_mtim.tv_sec * 1000000000 + is.st_mtim.tv_nsec;
            s.inode[i] = (i64)is.st_ino;
        }
    }
    return s;
}

static Tls *read_pair(Arena *mem, const TlsFiles *files, Str *why)
{
    Tls *t = calloc(1, sizeof *t);

    must(t != NULL && files->cert.len < PATH_MOST && files->key.len < PATH_MOST);
    lock_init(&t->lock, RANK_SERVER);
    memcpy(t->cert, files->cert.at, (size_t)files->cert.len);
    memcpy(t->key, files->key.at, (size_t)files->key.len);
    t->h2 = files->h2;
    t->seen = stamp_of(t);
    t->context = read_files(t, mem, why);
    if (t->context != NULL)
        return t;
    tls_close(t);
    return NULL;
}

Tls *tls_open(Arena *mem, const TlsFiles *files, Str *why)
{
    Tls *t = read_pair(mem, files, why);

    if (t != NULL)
        warn_expired(t, t->context);
    return t;
}

bool tls_look(Arena *mem, const TlsFiles *files, Instant *ends, Str *why)
{
    Tls *t = read_pair(mem, files, why);

    if (t != NULL)
        *ends = end_of(t->context);
    tls_close(t);
    return t != NULL;
}

void tls_close(Tls *t)
{
    if (t == NULL)
        return;
    SSL_CTX_free(t->context);
    lock_close(&t->lock);
    free(t);
}

/* The stamp is taken before the files are read: what changes meanwhile is seen again. */
bool tls_reload(Tls *t, Arena *mem, Str *why)
{
    Stamp seen = stamp_of(t);
    SSL_CTX *fresh = read_files(t, mem, why), *old = NULL;

    if (fresh != NULL)
        warn_expired(t, fresh);
    lock(&t->lock);
    t->seen = seen;
    if (fresh != NULL) {
        old = t->context;
        t->context = fresh;
    }
    unlock(&t->lock);
    SSL_CTX_free(old);
    return fresh != NULL;
}

bool tls_stale(Tls *t)
{
    Stamp now = stamp_of(t);

    lock(&t->lock);
    bool same = memcmp(&now, &t->seen, sizeof now) == 0;
    unlock(&t->lock);
    return !same;
}

bool tls_wrap(Tls *t, Link *l)
{
    lock(&t->lock);
    SSL *ssl = SSL_new(t->context);               /* which holds on to it     */
    unlock(&t->lock);

    if (ssl == NULL || !tls_sit_on(l, ssl)) {
        SSL_free(ssl);
        return false;
    }
    SSL_set_accept_state(ssl);
    return true;
}
