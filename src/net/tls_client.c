/* tls_client.c - TLS to those behind. An end without a goodbye is an error here, unlike
 * at the server's side: a body that lasts until the connection ends could be cut short by
 * anybody on the way (RFC 9110 section 17.5, RFC 9112 section 9.8). */
#include "net/link.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct TlsClient { SSL_CTX *context; };

static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

static TlsClient *refuse(Arena *mem, TlsClient *t, Str *why, const char *what)
{
    char text[160];

    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    *why = str_fmt(mem, "%s: %s", what, text);
    tls_client_close(t);
    return NULL;
}

void tls_client_close(TlsClient *t)
{
    if (t != NULL)
        SSL_CTX_free(t->context);
    free(t);
}

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

TlsClient *tls_client_open(Arena *mem, Str ca_file, Str cert_file, Str key_file, Str *why)
{
    static const unsigned char ours[] = "\x08http/1.1";
    TlsClient *t = calloc(1, sizeof *t);

    must(t != NULL);
    SSL_CTX *c = t->context = SSL_CTX_new(TLS_client_method());
    must(c != NULL);
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(c, 1);
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
 * name is told before (RFC 6066 section 3). A star is a whole label, and the subject is
 * no name at all (RFC 9525 6.3 and 2). */
bool tls_client_wrap(TlsClient *t, Link *l, const char *host)
{
    SSL *ssl = SSL_new(t->context);
    bool good = ssl != NULL;

    if (good && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) != 1) {
        ERR_clear_error();
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                   X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        good = SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
    }
    if (!good || !tls_sit_on(l, ssl)) {
        SSL_free(ssl);
        return false;
    }
    SSL_set_connect_state(ssl);
    return true;
}

const char *tls_client_why(const Link *l)
{
    long wrong = l->tls == NULL ? X509_V_OK : SSL_get_verify_result(l->tls);

    return wrong == X509_V_OK ? "handshake failed" : X509_verify_cert_error_string(wrong);
}
