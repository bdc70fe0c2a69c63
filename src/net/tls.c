/* tls.c - OpenSSL on a non-blocking socket; the only file of net that knows it.
 * Sessions are resumed by tickets, so the server keeps none; renegotiation is off; an
 * idle connection gives its record buffers back. ALPN offers http/1.1 alone, and a
 * client that wants only something else is told so in the handshake. */
#include "net/link.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct Tls { SSL_CTX *context; };

enum { RECORD = 16 << 10 };

static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *unused)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl, (void)unused;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static Tls *refuse(Arena *mem, Tls *t, Str *why, const char *what)
{
    char text[160];

    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    *why = str_fmt(mem, "%s: %s", what, text);
    tls_close(t);
    return NULL;
}

Tls *tls_open(Arena *mem, Str cert_file, Str key_file, Str *why)
{
    Tls *t = make(mem, Tls, 1);
    SSL_CTX *c = t->context = SSL_CTX_new(TLS_server_method());

    must(c != NULL);
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(c, choose_protocol, NULL);
    must(SSL_CTX_set_cipher_list(c, ciphers) == 1);
    if (SSL_CTX_use_certificate_chain_file(c, str_z(mem, cert_file)) != 1)
        return refuse(mem, t, why, "TLS certificate");
    if (SSL_CTX_use_PrivateKey_file(c, str_z(mem, key_file), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(c) != 1)
        return refuse(mem, t, why, "TLS key");
    return t;
}

void tls_close(Tls *t)
{
    if (t != NULL)
        SSL_CTX_free(t->context);
}

static isize outcome(Link *l, int result)
{
    int error = result > 0 ? SSL_ERROR_NONE : SSL_get_error(l->tls, result);

    switch (error) {
    case SSL_ERROR_NONE:        return result;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:  return LINK_AGAIN;
    case SSL_ERROR_ZERO_RETURN: return 0;
    default:
        ERR_clear_error();
        return LINK_GONE;
    }
}

static isize tls_read(Link *l, char *to, isize n)
{
    ERR_clear_error();
    return outcome(l, SSL_read(l->tls, to, n > RECORD ? RECORD : (int)n));
}

/* One record of what the parts hold: a small write each would be a record each. */
static isize tls_write(Link *l, const struct iovec *parts, int count)
{
    static _Thread_local char record[RECORD];
    size_t have = 0;

    for (int i = 0; i < count && have < RECORD; i++) {
        size_t n = parts[i].iov_len;
        if (n > RECORD - have)
            n = RECORD - have;
        memcpy(record + have, parts[i].iov_base, n);
        have += n;
    }
    if (have == 0)
        return 0;
    ERR_clear_error();
    return outcome(l, SSL_write(l->tls, record, (int)have));
}

static isize tls_greet(Link *l)
{
    ERR_clear_error();
    isize got = outcome(l, SSL_do_handshake(l->tls));
    return got == 0 ? LINK_GONE : got;
}

static void tls_finish(Link *l)
{
    ERR_clear_error();
    if (SSL_is_init_finished(l->tls))
        (void)SSL_shutdown(l->tls);
    shutdown(l->fd, SHUT_WR);
}

static void tls_free(Link *l)
{
    SSL_free(l->tls);
    close(l->fd);
}

static const Transport tls_transport = { tls_read, tls_write, tls_greet, tls_finish,
                                         tls_free, false };

bool tls_wrap(Tls *t, Link *l)
{
    SSL *ssl = SSL_new(t->context);

    if (ssl == NULL || SSL_set_fd(ssl, l->fd) != 1) {
        SSL_free(ssl);
        return false;
    }
    SSL_set_accept_state(ssl);
    l->tls = ssl;
    l->via = &tls_transport;
    return true;
}

/* ---- the other end ------------------------------------------------------------ */

static bool trust(SSL_CTX *c, Arena *mem, Str ca_file)
{
    return ca_file.len == 0 ? SSL_CTX_set_default_verify_paths(c) == 1
                            : SSL_CTX_load_verify_file(c, str_z(mem, ca_file)) == 1;
}

static bool show(SSL_CTX *c, Arena *mem, Str cert_file, Str key_file)
{
    return cert_file.len == 0 ||
           (SSL_CTX_use_certificate_chain_file(c, str_z(mem, cert_file)) == 1 &&
            SSL_CTX_use_PrivateKey_file(c, str_z(mem, key_file), SSL_FILETYPE_PEM) == 1 &&
            SSL_CTX_check_private_key(c) == 1);
}

Tls *tls_open_client(Arena *mem, Str ca_file, Str cert_file, Str key_file, Str *why)
{
    static const unsigned char ours[] = "\x08http/1.1";
    Tls *t = make(mem, Tls, 1);
    SSL_CTX *c = t->context = SSL_CTX_new(TLS_client_method());

    must(c != NULL);
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
    must(SSL_CTX_set_alpn_protos(c, ours, sizeof ours - 1) == 0);
    must(SSL_CTX_set_cipher_list(c, ciphers) == 1);
    if (!trust(c, mem, ca_file))
        return refuse(mem, t, why, "TLS authorities");
    if (!show(c, mem, cert_file, key_file))
        return refuse(mem, t, why, "TLS certificate for the upstream");
    return t;
}

/* The name is checked as an address when it is one (RFC 9110 4.3.4, 4.3.5), and only a
 * name is told before (RFC 6066 section 3). */
bool tls_wrap_client(Tls *t, Link *l, const char *host)
{
    SSL *ssl = SSL_new(t->context);
    bool good = ssl != NULL && SSL_set_fd(ssl, l->fd) == 1;

    if (good && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) != 1) {
        ERR_clear_error();
        good = SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
    }
    if (!good) {
        SSL_free(ssl);
        return false;
    }
    SSL_set_connect_state(ssl);
    l->tls = ssl;
    l->via = &tls_transport;
    return true;
}

const char *tls_why(const Link *l)
{
    long wrong = l->tls == NULL ? X509_V_OK : SSL_get_verify_result(l->tls);

    return wrong == X509_V_OK ? "handshake failed" : X509_verify_cert_error_string(wrong);
}
